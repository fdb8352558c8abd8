package gateway

import (
	"sync"
	"sync/atomic"
	"time"
)

// window is how many calls of a model its live latency looks back on, and often how many pass between
// two looks.
const (
	window = 128
	often  = 8
)

// speeds tells how fast models are now: the 95th percentile of the last calls of each.
type speeds struct {
	now atomic.Pointer[map[string]time.Duration]

	mu    sync.Mutex
	calls map[string]*ring
}

type ring struct {
	last [window]time.Duration
	n    int
}

func newSpeeds() *speeds {
	s := &speeds{calls: map[string]*ring{}}
	s.now.Store(&map[string]time.Duration{})
	return s
}

// snapshot is by model. It is shared: don't change it.
func (s *speeds) snapshot() map[string]time.Duration { return *s.now.Load() }

func (s *speeds) add(model string, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.calls[model]
	if r == nil {
		r = &ring{}
		s.calls[model] = r
	}
	r.last[r.n%window] = took
	r.n++
	if r.n > often && r.n%often != 0 {
		return
	}
	next := make(map[string]time.Duration, len(s.calls))
	for m, r := range s.calls {
		if m != model {
			next[m] = (*s.now.Load())[m]
			continue
		}
		next[m] = slowest(r.last[:min(r.n, window)])
	}
	s.now.Store(&next)
}

// slowest is the 95th percentile: the least of the slowest twentieth, which are few enough to be kept in order.
func slowest(took []time.Duration) time.Duration {
	var room [window/20 + 1]time.Duration
	top := room[:len(took)-(len(took)*95+99)/100+1] // the slowest first
	for _, d := range took {
		for i := range top {
			if d > top[i] {
				d, top[i] = top[i], d
			}
		}
	}
	return top[len(top)-1]
}
