package consumers

import (
	"maps"
	"sync"
	"time"

	"sluice"
)

// Stats is what a runner has done since it was made. Counters only grow.
type Stats struct {
	// Received counts deliveries, Redelivered those that were not the first of their message.
	Received, Redelivered uint64
	// Handled counts messages that the stage returned from, by batch or alone.
	Handled uint64
	// Outputs counts messages that were stored for the stage, New those that were not stored before.
	Outputs, New uint64
	// Acked counts messages settled for good without an error, ByClass all others by their fate.
	Acked   uint64
	ByClass map[sluice.Class]uint64
	// InFlight counts messages that are in the runner's hands now.
	InFlight int
	// HandleTime is the sum of the time that the stage took.
	HandleTime time.Duration
	// HandleCalls counts Handle or HandleBatch calls: HandleTime over HandleCalls is the mean.
	HandleCalls uint64
}

// stats guards the counters.
type stats struct {
	mu sync.Mutex
	s  Stats
}

func (s *stats) add(change func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.s)
}

func (s *stats) handled(messages int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Handled += uint64(messages)
	s.s.HandleCalls++
	s.s.HandleTime += took
}

func (s *stats) class(c sluice.Class) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.s.ByClass == nil {
		s.s.ByClass = map[sluice.Class]uint64{}
	}
	s.s.ByClass[c]++
}

func (s *stats) read() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.s
	c.ByClass = maps.Clone(c.ByClass)
	return c
}
