package consumers

import (
	"context"
	"time"
)

// termsKey is under which a durable says by what terms the copies of its stage work.
const termsKey = "sluice-terms"

// agree warns where copies of the stage are at work and the one that was started last has other terms than this one.
// All of them take from the same durables, so that chance would say by which terms a message is handled, and two answers
// of one query might be judged by two versions of the judge, which make no label.
func (r *Runner) agree(ctx context.Context) {
	ours := r.cfg.Stage.Terms
	if ours == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	theirs, alive := "", false
	for _, s := range r.sources {
		c, err := r.cfg.JS.Consumer(ctx, s.input.Stream, s.input.Durable)
		if err != nil { // nobody was here before, or whoever makes the durable will tell
			continue
		}
		at := c.CachedInfo()
		if terms := at.Config.Metadata[termsKey]; terms != "" && terms != ours {
			theirs = terms
		}
		alive = alive || at.NumWaiting > 0
	}
	if alive && theirs != "" {
		r.cfg.Log.Warn("the copy of this stage that was started before this one has another configuration; if both go on, each handles a part of the messages: stop what is out of date, then replay the stage over the time in which both ran",
			"ours", ours, "theirs", theirs)
	}
}
