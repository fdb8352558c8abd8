package llm

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice"
)

// ErrSpent is what every error of a reached cap wraps.
var ErrSpent = errors.New("the spending cap is reached")

// spentPause is how long a message rests that met a reached cap: by then its process has stopped.
const spentPause = 30 * time.Second

// Spend is a cap on what the models of one process may cost together, or of several that tell one another by
// [Spend.Others]. Calls that would start after the priced lines have reached it are refused with an error of
// [sluice.ClassWait] that wraps [ErrSpent]: the message stays in the log, spends no attempt and is never
// dead-lettered. Calls in flight at that moment are finished and paid, so the sum can pass the cap by what they
// cost. A nil *Spend is no cap.
type Spend struct {
	limit   sluice.MicroUSD
	onSpent func(spent sluice.MicroUSD)

	mu    sync.Mutex
	spent sluice.MicroUSD
	// others is what other processes have spent of the same cap.
	others sluice.MicroUSD
	told   bool
}

// NewSpend caps spending at limit. onSpent, where not nil, is called once, when the cap is reached, by
// the goroutine of the call that reached it: it must not block.
func NewSpend(limit sluice.MicroUSD, onSpent func(spent sluice.MicroUSD)) *Spend {
	return &Spend{limit: limit, onSpent: onSpent}
}

// Spent is the sum of the priced lines so far.
func (s *Spend) Spent() sluice.MicroUSD {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spent
}

// add books a line.
func (s *Spend) add(cost sluice.MicroUSD) {
	if s == nil {
		return
	}
	s.change(func() { s.spent += cost })
}

// Others says what other processes have spent of the same cap so far.
func (s *Spend) Others(spent sluice.MicroUSD) { s.change(func() { s.others = spent }) }

// change changes a sum, and tells where the cap is reached by it.
func (s *Spend) change(how func()) {
	s.mu.Lock()
	how()
	all := s.spent + s.others
	tell := all >= s.limit && !s.told
	s.told = s.told || tell
	s.mu.Unlock()
	if tell && s.onSpent != nil {
		s.onSpent(all)
	}
}

// check refuses once the cap is reached.
func (s *Spend) check() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	all := s.spent + s.others
	s.mu.Unlock()
	if all < s.limit {
		return nil
	}
	return sluice.RetryAfter(fmt.Errorf("%w: %s of %s are spent. Nothing is lost: what was not asked "+
		"waits in the log; start again with a higher --max-spend to go on", ErrSpent, all, s.limit), spentPause)
}
