package llm

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace holds attempts to a model's rates. Who has to wait stands in line and takes nothing before it may go, so that
// one that gives up holds up nobody behind it.
type pace struct {
	rates []*paced
	turn  chan struct{} // held by the first in line

	mu sync.Mutex // paced.line
}

// paced is one rate.
type paced struct {
	limiter *rate.Limiter
	// of is how much an attempt takes whose request has so many bytes; at most the limiter's burst.
	of func(bytes int64) int
	// line is how much all who wait will take.
	line int
}

func newPace(cfg ModelConfig) *pace {
	p := &pace{turn: make(chan struct{}, 1)}
	if cfg.RequestsPerMinute > 0 {
		perSecond := cfg.RequestsPerMinute / 60
		p.rates = append(p.rates, &paced{
			limiter: rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(perSecond))),
			of:      func(int64) int { return 1 },
		})
	}
	if cfg.TokensPerMinute > 0 {
		most := int(cfg.TokensPerMinute)
		p.rates = append(p.rates, &paced{
			limiter: rate.NewLimiter(rate.Limit(float64(cfg.TokensPerMinute)/60), most),
			of:      func(bytes int64) int { return min(int(expectedTokens(bytes)), most) },
		})
	}
	return p
}

// wait waits until a request of so many bytes may go; a wait that would end after ctx's deadline is not begun.
func (p *pace) wait(ctx context.Context, bytes int64) error {
	if len(p.rates) == 0 {
		return nil
	}
	ahead := p.enter(bytes)
	defer p.leave(bytes)
	if ahead > 0 && tooLate(ctx, ahead) {
		return waiting(context.DeadlineExceeded, ahead)
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return waiting(ctx.Err(), slotPause)
	}
	defer func() { <-p.turn }()
	for {
		left := p.take(bytes)
		if left == 0 {
			return nil
		}
		if tooLate(ctx, left) {
			return waiting(context.DeadlineExceeded, left)
		}
		if err := sleep(ctx, left); err != nil {
			return waiting(err, slotPause)
		}
	}
}

// enter joins the line and says how long it is.
func (p *pace) enter(bytes int64) (ahead time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, r := range p.rates {
		r.line += r.of(bytes)
		ahead = max(ahead, r.until(now, r.line))
	}
	return ahead
}

func (p *pace) leave(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rates {
		r.line -= r.of(bytes)
	}
}

// take takes from every rate, or from none and says how long to wait. p.turn is held.
func (p *pace) take(bytes int64) (left time.Duration) {
	now := time.Now()
	for _, r := range p.rates {
		left = max(left, r.until(now, r.of(bytes)))
	}
	for _, r := range p.rates {
		if left == 0 {
			r.limiter.ReserveN(now, r.of(bytes))
		}
	}
	return left
}

// until is how long it takes until the rate allows n more; 0: it does. What rounding leaves out is not waited for.
func (r *paced) until(now time.Time, n int) time.Duration {
	const rounding = 1e-6
	missing := float64(n) - r.limiter.TokensAt(now)
	if missing <= rounding {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(r.limiter.Limit()) * float64(time.Second)))
}
