package consumers

import (
	"context"
	"sync"
	"time"
)

// deadlines bound the stage's calls. Calls that begin at nearly the same time share a context, since one for
// each costs as much as a small message's handling: a call may take the deadline and a 32nd of it.
type deadlines struct {
	mu  sync.Mutex
	ctx context.Context //nolint:containedctx // handed out, and made anew, here alone
	// free would end ctx before its time; nobody calls it while calls share ctx, and its timer or the runner's end
	// frees it.
	free context.CancelFunc
	// until is when the last call may begin that shares ctx.
	until time.Time
}

// deadline is the context of a call that begins now.
func (r *Runner) deadline(now time.Time) context.Context {
	d, most := &r.deadlines, r.cfg.Stage.Deadline
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil || now.After(d.until) {
		d.until = now.Add(most / 32)
		d.ctx, d.free = context.WithTimeout(r.work, most+most/32) //nolint:gosec // see free
	}
	return d.ctx
}
