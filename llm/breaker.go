package llm

import (
	"sync"
	"time"
)

// The breaker's numbers. Rate limits and refusals of single requests do not count: a server that says
// no is well.
const (
	breakerFailures = 10 // failures in a row that open it
	breakerPause    = 5 * time.Second
	breakerLongest  = time.Minute
	probePause      = time.Second // for those who meet a probe under way
)

// health is what an attempt told of its model's server.
type health int

const (
	unknown health = iota // given up before it could tell
	well
	sick
)

// breaker keeps calls from a server that does not answer. Closed, it lets everybody pass; after
// breakerFailures failures in a row it opens and lets nobody pass for a pause; then one probe passes,
// whose fate closes it or opens it again for twice as long. The zero value is closed.
type breaker struct {
	mu        sync.Mutex
	failures  int
	openUntil time.Time // zero: closed
	pause     time.Duration
	probing   bool
}

// enter asks for passage. A wait above 0 is a refusal: come back after it. probe is to be handed back
// to [breaker.leave], which everyone who entered must call.
func (b *breaker) enter(now time.Time) (probe bool, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.openUntil.IsZero():
		return false, 0
	case now.Before(b.openUntil):
		return false, b.openUntil.Sub(now)
	case b.probing:
		return false, probePause
	}
	b.probing = true
	return true, 0
}

// leave tells how it went.
func (b *breaker) leave(now time.Time, probe bool, h health) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	open := !b.openUntil.IsZero()
	switch {
	case h == unknown, open && !probe: // who entered before it opened has no say any more
	case h == well:
		b.failures, b.openUntil, b.pause = 0, time.Time{}, 0
	case probe:
		b.pause = min(2*b.pause, breakerLongest)
		b.openUntil = now.Add(b.pause)
	default:
		b.failures++
		if b.failures >= breakerFailures {
			b.pause = breakerPause
			b.openUntil = now.Add(b.pause)
		}
	}
}
