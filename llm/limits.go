package llm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"

	"sluice"
)

// model is one model with its limits.
type model struct {
	cfg      ModelConfig
	provider Provider
	slots    slots         // one for each attempt in flight
	requests *rate.Limiter // nil: no limit
	tokens   *rate.Limiter // nil: no limit
	breaker  breaker
}

func newModel(cfg ModelConfig, p Provider) *model {
	m := &model{cfg: cfg, provider: p, slots: slots{free: max(1, cfg.MaxConcurrent)}}
	if cfg.RequestsPerMinute > 0 {
		perSecond := cfg.RequestsPerMinute / 60
		m.requests = rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(perSecond)))
	}
	if cfg.TokensPerMinute > 0 {
		m.tokens = rate.NewLimiter(rate.Limit(float64(cfg.TokensPerMinute)/60), int(cfg.TokensPerMinute))
	}
	return m
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
	if err := m.pace(ctx, v.bytes); err != nil {
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

// pace waits for the rate limits; a wait that ends after ctx's deadline is not begun.
func (m *model) pace(ctx context.Context, bytes int64) error {
	if m.requests == nil && m.tokens == nil {
		return nil
	}
	var reserved []*rate.Reservation
	now := time.Now()
	if m.requests != nil {
		reserved = append(reserved, m.requests.ReserveN(now, 1))
	}
	if m.tokens != nil {
		n := min(int(ExpectedTokens(bytes)), m.tokens.Burst())
		reserved = append(reserved, m.tokens.ReserveN(now, n))
	}
	var wait time.Duration
	for _, r := range reserved {
		wait = max(wait, r.DelayFrom(now))
	}
	if wait == 0 {
		return nil
	}
	giveBack := func() {
		for _, r := range reserved {
			r.Cancel()
		}
	}
	if tooLate(ctx, wait) {
		giveBack()
		return waiting(context.DeadlineExceeded, wait)
	}
	if err := sleep(ctx, wait); err != nil {
		giveBack()
		return waiting(err, slotPause)
	}
	return nil
}

// waiting classes the end of a wait for our own limits: a cancellation interrupts, a deadline asks for
// the message again later.
func waiting(err error, pause time.Duration) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("given up while waiting for the model's limits: %w", err)
	}
	return sluice.RetryAfter(fmt.Errorf("the deadline came while waiting for the model's limits: %w", err), pause)
}
