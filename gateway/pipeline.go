package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
	"sluice/bulkhead"
	"sluice/gateway/budget"
	"sluice/llm"
	"sluice/routing/rules"
)

// Options are what a pipeline is made of. Every part but Budgets, Limiter, Observers and Panics is required.
type Options struct {
	Front   Decider
	Rules   Mapper
	Models  Models
	Spool   Spool
	Budgets Budgets // nil: nothing is budgeted
	Limiter Limiter // nil: no rates
	// Panics hears of requests that panicked: each ends with a fault of its own, and accounted for. Nil: nobody does.
	Panics *Panics
	// Observers hear of every request that was decided on. Beside contains panics of theirs; nil: they end the process.
	Observers []Observer
	Beside    *bulkhead.Bulkhead
	// OnWarning hears of a budget that warns, sends to the medium model or refuses: once a period for each of
	// these. It must not block. Nil: nobody does.
	OnWarning func(budget.Verdict)

	// Medium and Large are the pair, Named the models that clients may name beside it.
	Medium, Large string
	Named         []string
	// Fallbacks lists, by model, those that stand in for it where it fails. A chosen model of the pair
	// that is not listed has the other one of the pair; an explicit one has none.
	Fallbacks map[string][]string
	// Timeout bounds a request from its first byte to its last; 0 is 5 minutes. MaxAttempts, HedgeAfter,
	// FirstToken, Idle and MaxQueued are those of llm.ChainOptions.
	Timeout                      time.Duration
	MaxAttempts, MaxQueued       int
	HedgeAfter, FirstToken, Idle time.Duration
	// Limits bound requests; the zero value is [DefaultLimits].
	Limits Limits
	// Redact is what is masked in answers; nil masks nothing. See [NewRedactions].
	Redact *Redactions
	// KeepAnswers has answers, scrubbed, stored in decisions.
	KeepAnswers bool
	// Seed and TrainShare draw the split of a question; see sluice.SplitOf.
	Seed       uint64
	TrainShare float64
	// Conversations is how many conversations stick to their model at once; 0 is 10,000.
	Conversations int
	// NewID mints ids of decisions and Now tells the time; nil are a random id and time.Now.
	NewID func() string
	Now   func() time.Time
}

// Pipeline answers requests. It is safe for concurrent use; make one with [New].
type Pipeline struct {
	o      Options
	rules  atomic.Pointer[Mapper]
	named  map[string]bool
	tiers  map[string]sluice.Tier // of the pair
	sticky *conversations
	speed  *speeds
	told   *told
	warned *warnings

	// mu guards the requests in hand, each with what cuts it off.
	mu       sync.Mutex
	inHand   map[uint64]context.CancelFunc
	entered  uint64 // requests so far
	draining bool
	stopped  bool          // what was in hand is cut off
	empty    chan struct{} // closed once draining and nothing is in hand
	detach   func() bool   // from the context of New
}

var errDraining = errors.New("the gateway is shutting down")

// New makes a pipeline. Requests in hand are cut off when ctx ends; [Pipeline.Drain] ends it gently.
func New(ctx context.Context, o Options) (*Pipeline, error) {
	if o.Front == nil || o.Rules == nil || o.Models == nil || o.Spool == nil || o.Medium == "" || o.Large == "" {
		return nil, errors.New("gateway: a router, rules, models, a spool and a pair of models are required")
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if o.Conversations <= 0 {
		o.Conversations = 10_000
	}
	if o.NewID == nil {
		o.NewID = NewID
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Pipeline{
		o: o, named: map[string]bool{o.Medium: true, o.Large: true},
		tiers: map[string]sluice.Tier{o.Medium: sluice.Medium, o.Large: sluice.Large}, sticky: newConversations(o.Conversations),
		speed: newSpeeds(), told: newTold(o.Observers, o.Beside), warned: newWarnings(o.OnWarning), empty: make(chan struct{}),
		inHand: map[uint64]context.CancelFunc{},
	}
	for _, m := range o.Named {
		p.named[m] = true
	}
	p.SwapRules(o.Rules)
	p.detach = context.AfterFunc(ctx, p.cut)
	return p, nil
}

// SwapRules puts other rules into force for every request from now on; one that is in hand keeps the ones
// that it began with.
func (p *Pipeline) SwapRules(m Mapper) { p.rules.Store(&m) }

// RulesVersion is the version of the rules in force.
func (p *Pipeline) RulesVersion() string { return (*p.rules.Load()).Version() }

// Names lists what clients may name, [Auto] first.
func (p *Pipeline) Names() []string {
	names := make([]string, 0, len(p.named))
	for m := range p.named {
		names = append(names, m)
	}
	slices.Sort(names)
	return append([]string{Auto}, names...)
}

// enter counts a request in, and has it end in time and with the pipeline; leave must be called.
func (p *Pipeline) enter(ctx context.Context) (_ context.Context, leave func(), _ *Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return nil, nil, &Fault{Kind: Unavailable, Message: errDraining.Error(), RetryAfter: time.Second}
	}
	p.entered++
	n := p.entered
	ctx, cancel := context.WithTimeout(ctx, p.o.Timeout)
	p.inHand[n] = cancel
	if p.stopped {
		cancel()
	}
	return ctx, func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.inHand, n)
		if len(p.inHand) == 0 && p.draining {
			close(p.empty)
		}
	}, nil
}

// cut cuts off the requests in hand, and those that come yet.
func (p *Pipeline) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	for _, cancel := range p.inHand {
		cancel()
	}
}

// isCut says whether a request ended since it was cut off.
func (p *Pipeline) isCut(ctx context.Context) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped && errors.Is(ctx.Err(), context.Canceled)
}

// InHand counts the requests in hand.
func (p *Pipeline) InHand() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.inHand)
}

// Draining says whether the pipeline takes no requests any more.
func (p *Pipeline) Draining() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.draining
}

// Drain lets no request in any more and waits for those in hand; when ctx ends they are cut off, which is
// accounted for too. Every owner of a pipeline calls it.
func (p *Pipeline) Drain(ctx context.Context) {
	p.mu.Lock()
	if !p.draining {
		p.draining = true
		if len(p.inHand) == 0 {
			close(p.empty)
		}
	}
	p.mu.Unlock()
	select {
	case <-p.empty:
	case <-ctx.Done():
		p.cut()
		<-p.empty
	}
	p.detach()
	p.told.close()
}

// chain lists the models to ask, the chosen one first.
func (p *Pipeline) chain(d *sluice.Decision) []string {
	models := append(make([]string, 0, 2), d.Model)
	if list, ok := p.o.Fallbacks[d.Model]; ok {
		return append(models, list...)
	}
	switch {
	case d.Rule == rules.ExplicitRule:
	case d.Model == p.o.Medium:
		models = append(models, p.o.Large)
	case d.Model == p.o.Large:
		models = append(models, p.o.Medium)
	}
	return models
}

func (p *Pipeline) tierOf(model string) sluice.Tier {
	switch model {
	case p.o.Medium:
		return sluice.Medium
	case p.o.Large:
		return sluice.Large
	}
	return ""
}

// chainOptions are those of one decision.
func (p *Pipeline) chainOptions(d *sluice.Decision) llm.ChainOptions {
	return llm.ChainOptions{
		Models: p.chain(d), Deadline: d.DecidedAt.Add(p.o.Timeout), MaxAttempts: p.o.MaxAttempts,
		HedgeAfter: p.o.HedgeAfter, FirstToken: p.o.FirstToken, Idle: p.o.Idle, MaxQueued: p.o.MaxQueued,
		Purpose: llm.Purpose{Stage: sluice.StageGateway, QueryKey: d.Query.Key, Tenant: d.Query.Tenant},
		Tiers:   p.tiers,
	}
}

// UnknownModel is the fault of a model that is none of the served ones.
func UnknownModel(name string, served []string) *Fault {
	return &Fault{Kind: NotFound, Param: "model", Message: fmt.Sprintf("the model %q is not served here; name %s", short(name), strings.Join(served, ", "))}
}

// short cuts what a client sent before it is quoted.
func short(s string) string { return sluice.CleanText(s, 64) }

// NewID mints an id: see [sluice.NewID].
func NewID() string { return sluice.NewID() }
