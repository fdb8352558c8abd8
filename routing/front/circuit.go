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

// allow says whether the router may be asked. Whoever is let through tells how it ended.
func (c *circuit) allow(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures < c.o.Failures {
		return true
	}
	if c.probing || now.Before(c.until) {
		return false
	}
	c.probing = true
	return true
}

func (c *circuit) failed(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures++
	c.probing = false
	c.until = now.Add(c.o.Pause)
}

func (c *circuit) succeeded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures, c.probing = 0, false
}

// forget is for a request that tells nothing about the router.
func (c *circuit) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}
