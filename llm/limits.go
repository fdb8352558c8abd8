package llm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice"
)

// model is one model with its limits.
type model struct {
	cfg      ModelConfig
	provider Provider
	slots    slots // one for each attempt in flight
	pace     *pace
	breaker  breaker
}

func newModel(cfg ModelConfig, p Provider) *model {
	return &model{cfg: cfg, provider: p, slots: slots{free: max(1, cfg.MaxConcurrent)}, pace: newPace(cfg)}
}

// slotPause is how long a message rests whose deadline came while it stood in line for a slot.
const slotPause = time.Second

// visit is who asks for a slot, and for how much.
type visit struct {
	tenant string
	// bytes are those of the request.
	bytes int64
	// queue bounds how many may wait for a slot; [endless] does not.
	queue int
}

// admit waits until the request may be sent: a slot first, then the spending cap, the breaker, the rate
// limits. Whoever is admitted calls leave, with probe, once the attempt is over. An error is classed: nobody was
// asked, so no attempt of the message is spent.
func (m *model) admit(ctx context.Context, v visit, deps Deps) (probe bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, waiting(err, slotPause)
	}
	switch err := m.slots.take(ctx, v.tenant, v.queue); {
	case errors.Is(err, ErrBusy):
		return false, sluice.RetryAfter(err, slotPause+time.Duration(deps.Jitter()*float64(slotPause)))
	case err != nil:
		return false, waiting(err, slotPause)
	}
	if err := deps.Spend.check(); err != nil {
		m.slots.give()
		return false, err
	}
	probe, wait := m.breaker.enter(time.Now())
	if wait > 0 {
		m.slots.give()
		// Jitter keeps the waiting from returning all at once.
		wait += time.Duration(deps.Jitter() * float64(wait) / 2)
		return false, sluice.RetryAfter(ErrOpen, wait)
	}
	if err := m.pace.wait(ctx, v.bytes); err != nil {
		m.leave(probe, unknown)
		return false, err
	}
	return probe, nil
}

// leave gives a slot back, and says how it went.
func (m *model) leave(probe bool, h health) {
	m.breaker.leave(time.Now(), probe, h)
	m.slots.give()
}

// waiting classes the end of a wait for our own limits: a cancellation interrupts, a deadline asks for
// the message again later.
func waiting(err error, pause time.Duration) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("given up while waiting for the model's limits: %w", err)
	}
	return sluice.RetryAfter(fmt.Errorf("the deadline came while waiting for the model's limits: %w", err), pause)
}
