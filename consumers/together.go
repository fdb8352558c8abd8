package consumers

import (
	"sync"

	"sluice/streams"
)

// finishers is how many groups of handled messages are stored at once: while one waits for its
// confirmation, the next gathers.
const finishers = 2

// most is the largest group.
const most = 256

// gathering holds messages that were handled and are not stored yet. Under load many are stored by one
// publish, which costs a fraction of as many; at leisure each is stored at once.
type gathering struct {
	mu      sync.Mutex
	done    []*delivery
	results []streams.Result
	// busy counts the goroutines that store groups, at most finishers.
	busy int
}

// together stores a message that went well, with whatever others are waiting. The goroutine that finds
// too few at work stays until nothing waits; every other one goes home.
func (r *Runner) together(d *delivery, result streams.Result) {
	g := &r.gathering
	g.mu.Lock()
	g.done, g.results = append(g.done, d), append(g.results, result)
	if g.busy == finishers {
		g.mu.Unlock()
		return
	}
	g.busy++
	for len(g.done) > 0 {
		n := min(len(g.done), most)
		done, results := g.done[:n:n], g.results[:n:n]
		g.done, g.results = g.done[n:], g.results[n:]
		g.mu.Unlock()
		r.conclude(done, results)
		g.mu.Lock()
	}
	g.done, g.results = nil, nil
	g.busy--
	g.mu.Unlock()
}
