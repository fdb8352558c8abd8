package llm

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// stallError ends a stream that says nothing for too long.
type stallError struct {
	first bool
	limit time.Duration
}

func (e *stallError) Error() string {
	if e.first {
		return fmt.Sprintf("the stream's first token did not come within %s", e.limit)
	}
	return fmt.Sprintf("the stream stalled: nothing came for %s", e.limit)
}

// errOutrun ends an attempt whose hedge was faster.
var errOutrun = errors.New("given up: another model was faster")

// patience watches over a stream: it cancels with a *stallError where the first chunk, or a later one,
// takes too long.
type patience struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
	idle   time.Duration
	begun  atomic.Bool // the first chunk has come
}

// watch makes a context that lasts as long as the stream goes on. stop ends both.
func watch(ctx context.Context, first, idle time.Duration) (context.Context, *patience) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &patience{cancel: cancel, idle: idle}
	p.timer = time.AfterFunc(first, func() {
		if p.begun.Load() {
			cancel(&stallError{limit: idle})
		} else {
			cancel(&stallError{first: true, limit: first})
		}
	})
	return ctx, p
}

// around hands a chunk on with the clock stopped: a reader that takes its time is no stall.
func (p *patience) around(pass func() error) error {
	p.timer.Stop()
	p.begun.Store(true)
	err := pass()
	p.timer.Reset(p.idle)
	return err
}

func (p *patience) stop() {
	p.timer.Stop()
	p.cancel(nil)
}
