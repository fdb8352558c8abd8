package consumers

import (
	"context"
	"time"
)

// Heard is how many claims of messages that overtake others the runner knows of.
func (r *Runner) Heard() int { return int(r.heard.n.Load()) }

// Deafen keeps the runner from hearing of claims until the result is called.
func (r *Runner) Deafen() (hear func()) {
	r.heard.mu.Lock()
	return r.heard.mu.Unlock
}

// Renew renews what the runner has claimed.
func (r *Runner) Renew(ctx context.Context) { r.renew(ctx, r.inFlight()) }

// HeardWithin is a change of a runner's configuration.
func HeardWithin(d time.Duration) func(*Config) {
	return func(c *Config) { c.heardWithin = d }
}
