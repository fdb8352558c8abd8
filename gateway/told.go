package gateway

import (
	"sync"
	"time"

	"sluice"
	"sluice/bulkhead"
)

// told tells observers of ended requests beside the requests, so that lines and metrics keep no client
// waiting. What finds the queue full is told by the request itself: nothing is left out.
type told struct {
	observers []Observer
	beside    *bulkhead.Bulkhead
	queue     chan *sluice.Decision
	closed    chan struct{}
	telling   sync.WaitGroup // the goroutine of newTold; close waits for it
	once      sync.Once
}

// toldEvery is how long endings are gathered: to wake a goroutine costs a request more than its line.
const toldEvery = 5 * time.Millisecond

func newTold(observers []Observer, beside *bulkhead.Bulkhead) *told {
	t := &told{observers: observers, beside: beside, queue: make(chan *sluice.Decision, 256), closed: make(chan struct{})}
	t.telling.Go(t.always)
	return t
}

// always tells until close, and then the rest.
func (t *told) always() {
	pause := time.NewTimer(toldEvery)
	defer pause.Stop()
	defer t.flush()
	for d := range t.queue {
		t.now(d)
		if len(t.queue) > 0 {
			continue
		}
		t.flush()
		pause.Reset(toldEvery)
		select {
		case <-pause.C:
		case <-t.closed:
		}
	}
}

func (t *told) tell(d *sluice.Decision) {
	select {
	case t.queue <- d:
	default:
		t.now(d)
	}
}

// now tells each observer, whatever another one does.
func (t *told) now(d *sluice.Decision) {
	for _, o := range t.observers {
		t.beside.Do("observer of requests", func() { o.Observe(d) })
	}
}

// flush has observers that gather write what they have.
func (t *told) flush() {
	for _, o := range t.observers {
		if f, ok := o.(interface{ Flush() }); ok {
			t.beside.Do("observer of requests", f.Flush)
		}
	}
}

// close waits until everything is told; no request may be in hand any more.
func (t *told) close() {
	t.once.Do(func() {
		close(t.closed)
		close(t.queue)
	})
	t.telling.Wait()
}
