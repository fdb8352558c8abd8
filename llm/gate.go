package llm

import (
	"context"
	"sync"
	"time"
)

// gate stands before the sink of a chain. The first attempt that has something to say wins it; the
// others are cancelled.
type gate struct {
	sink func(Chunk) error // nil: nothing is streamed

	mu        sync.Mutex
	winner    int                             // the attempt's number; 0: none yet
	running   map[int]context.CancelCauseFunc // by attempt, while hedging
	delivered bool
	first     time.Time
}

// enter makes the context of an attempt that is hedged, which ends when another one wins.
func (g *gate) enter(ctx context.Context, n int) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running == nil {
		g.running = map[int]context.CancelCauseFunc{}
	}
	g.running[n] = cancel
	return ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.running, n)
		cancel(nil)
	}
}

// claim says whether the attempt has won.
func (g *gate) claim(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.winner == 0 {
		g.winner = n
		for other, cancel := range g.running {
			if other != n {
				cancel(errOutrun)
			}
		}
	}
	return g.winner == n
}

// pass hands a chunk of the attempt to the sink.
func (g *gate) pass(n int, c Chunk) error {
	if !g.claim(n) {
		return errOutrun
	}
	g.mu.Lock()
	if !g.delivered {
		g.delivered, g.first = true, time.Now()
	}
	g.mu.Unlock()
	return g.sink(c)
}

// taken says whether a chunk reached the sink.
func (g *gate) taken() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.delivered
}
