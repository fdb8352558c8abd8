package main

import (
	"runtime/metrics"
	"sync"
	"time"
)

// The pace of collections of garbage, as GOGC, in a process with a log, whose trees of subjects grow with every message
// and are all pointers: a heap that has outgrown the processor's cache takes twice as long to follow, by the byte, as a
// small one. At Go's own 100 a query behind 200,000 others spends a fifth of its CPU time on that. A small heap would
// gain nothing by the large one's pace.
const (
	smallHeap, smallPercent = 256 << 20, 200 // bytes that live
	largeHeap, largePercent = 768 << 20, 400
	// paceStep is by how much the pace changes at a time, since a change stops the world for a moment; paceEvery is
	// how often the heap is looked at.
	paceStep  = 25
	paceEvery = 5 * time.Second
)

// gcPercent is the pace for a heap of which so many bytes live.
func gcPercent(live uint64) int {
	grown := float64(min(max(live, smallHeap), largeHeap)-smallHeap) / (largeHeap - smallHeap)
	return smallPercent + int(grown*(largePercent-smallPercent))/paceStep*paceStep
}

// collections is the process's collector of garbage.
type collections struct {
	percent func(int) int
	limit   func(int64) int64
	live    func() uint64
}

// tune sets the pace, where the environment says nothing of it, and keeps it what the heap asks for until stop is
// called, which waits. Where half of the machine's memory (in bytes; 0: nobody knows) is taken, garbage is collected as
// often as that asks for: what lives may then be half of the machine.
func (c collections) tune(getenv func(string) string, memory uint64) (stop func()) {
	if getenv("GOMEMLIMIT") == "" && memory > 0 {
		c.limit(int64(memory / 2))
	}
	if getenv("GOGC") != "" {
		return func() {}
	}
	c.percent(smallPercent)
	ticker, over := time.NewTicker(paceEvery), make(chan struct{})
	var pacing sync.WaitGroup
	pacing.Go(func() { c.pace(ticker.C, over) })
	return sync.OnceFunc(func() {
		ticker.Stop()
		close(over)
		pacing.Wait()
	})
}

// pace looks at the heap at each tick.
func (c collections) pace(ticks <-chan time.Time, over <-chan struct{}) {
	now := smallPercent
	for {
		select {
		case <-over:
			return
		case <-ticks:
			if want := gcPercent(c.live()); want != now {
				c.percent(want)
				now = want
			}
		}
	}
}

// liveHeap is what the last collection found alive, in bytes.
func liveHeap() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}
