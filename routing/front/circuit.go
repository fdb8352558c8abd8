package front

import (
	"sync"
	"time"
)

// circuit counts failures in a row. Open, it lets nobody through until its pause is over, and then one.
type circuit struct {
	o  Circuit
	mu sync.Mutex
	// failures in a row; until is when the pause ends; probing says that one request is trying.
	failures int
	until    time.Time
	probing  bool
}

// allow says whether the router may be asked. Whoever is let through tells how it ended, and whether it was the probe;
// who came before the circuit opened has no say any more.
func (c *circuit) allow(now time.Time) (probe, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures < c.o.Failures {
		return false, true
	}
	if c.probing || now.Before(c.until) {
		return false, false
	}
	c.probing = true
	return true, true
}

func (c *circuit) failed(now time.Time, probe bool) {
	c.end(probe, func() {
		c.failures++
		c.until = now.Add(c.o.Pause)
	})
}

func (c *circuit) succeeded(probe bool) { c.end(probe, func() { c.failures = 0 }) }

// forget takes back what allow let through: it tells nothing of the router.
func (c *circuit) forget(probe bool) { c.end(probe, func() {}) }

func (c *circuit) end(probe bool, told func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if probe {
		c.probing = false
	}
	if probe || c.failures < c.o.Failures {
		told()
	}
}
