package gateway

import (
	"sync"

	"sluice"
)

// told tells observers of ended requests beside the requests, so that lines and metrics keep no client
// waiting. What finds the queue full is told by the request itself: nothing is left out.
type told struct {
	observers []Observer
	queue     chan ending
	telling   sync.WaitGroup // the goroutine of newTold; close waits for it
	once      sync.Once
}

type ending struct {
	d     *sluice.Decision
	lines []sluice.Call
}

func newTold(observers []Observer) *told {
	t := &told{observers: observers, queue: make(chan ending, 256)}
	t.telling.Go(func() {
		for e := range t.queue {
			t.now(e)
		}
	})
	return t
}

func (t *told) tell(d *sluice.Decision, lines []sluice.Call) {
	e := ending{d, lines}
	select {
	case t.queue <- e:
	default:
		t.now(e)
	}
}

func (t *told) now(e ending) {
	for _, o := range t.observers {
		o.Observe(e.d, e.lines)
	}
}

// close waits until everything is told; no request may be in hand any more.
func (t *told) close() {
	t.once.Do(func() { close(t.queue) })
	t.telling.Wait()
}
