package llm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/pricing"
)

const (
	chosen = "chosen"
	second = "second"
	third  = "third"
)

// spoken is one attempt of an actor: it speaks, or fails, or both.
type spoken func(ctx context.Context, say func(text string) error) (llm.Reply, error)

// actor is a provider whose attempts are given in advance; the last one is repeated.
type actor struct {
	mu    sync.Mutex
	parts []spoken
	asked []llm.ChatRequest
	at    []time.Time
}

func (a *actor) Name() string { return "actor" }

func (a *actor) Generate(context.Context, llm.Request) (llm.Response, error) {
	return llm.Response{}, errors.New("not an actor's part")
}

func (a *actor) Supports(req llm.ChatRequest) error {
	if req.TopK != nil {
		return &llm.UnsupportedError{Param: "top_k", Why: "no actor knows it"}
	}
	return nil
}

func (a *actor) Chat(ctx context.Context, req llm.ChatRequest, sink func(llm.Chunk) error) (llm.Reply, error) {
	a.mu.Lock()
	part := a.parts[min(len(a.asked), len(a.parts)-1)]
	a.asked, a.at = append(a.asked, req), append(a.at, time.Now())
	a.mu.Unlock()
	said := ""
	say := func(text string) error {
		said += text
		if sink == nil {
			return nil
		}
		if err := sink(llm.Chunk{Model: req.Model, Text: text}); err != nil {
			return &llm.Error{Outcome: sluice.OutcomeCanceled, Sent: true, Err: err}
		}
		return nil
	}
	reply, err := part(ctx, say)
	reply.Text = said
	if err == nil && sink != nil {
		err = sink(llm.Chunk{Model: req.Model, FinishReason: reply.FinishReason, Usage: &reply.Usage})
	}
	return reply, err
}

func (a *actor) calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

var used = sluice.Usage{Prompt: 1000, Cached: 400, Output: 10, Thoughts: 90}

// speaks says the words, each after a pause, and ends well.
func speaks(pause time.Duration, words ...string) spoken {
	return func(ctx context.Context, say func(string) error) (llm.Reply, error) {
		for _, w := range words {
			if err := pausing(ctx, pause); err != nil {
				return llm.Reply{}, err
			}
			if err := say(w); err != nil {
				return llm.Reply{}, err
			}
		}
		return llm.Reply{FinishReason: llm.FinishStop, Usage: used}, nil
	}
}

// breaks says the words and then fails.
func breaks(e llm.Error, words ...string) spoken {
	if e.Err == nil {
		e.Err = fmt.Errorf("it is %s", e.Outcome)
	}
	return func(_ context.Context, say func(string) error) (llm.Reply, error) {
		for _, w := range words {
			if err := say(w); err != nil {
				return llm.Reply{}, err
			}
		}
		return llm.Reply{}, &e
	}
}

func pausing(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() // no *Error: the Caller finds out what it was
	}
}

var (
	brokenNow   = llm.Error{Outcome: sluice.OutcomeBroken, Sent: true}
	overloadedX = llm.Error{Outcome: sluice.OutcomeServerError, Status: 503, Sent: true}
	badKey      = llm.Error{Outcome: sluice.OutcomeRefused, Status: 401, Setup: true, Sent: true}
)

func limitedX(d time.Duration) llm.Error {
	return llm.Error{Outcome: sluice.OutcomeRateLimited, Status: 429, RetryAfter: d, Sent: true}
}

// stage is a Caller of actors, in this order.
type stage struct {
	*llm.Caller
	actors map[string]*actor
	models []string
}

func actors(tb testing.TB, cfg llm.ModelConfig, parts ...[]spoken) stage {
	tb.Helper()
	s := stage{actors: map[string]*actor{}, models: []string{chosen, second, third}[:len(parts)]}
	var n atomic.Int64
	deps := llm.Deps{
		Providers: map[string]llm.Provider{}, Jitter: func() float64 { return 1 },
		NewID: func() string { return fmt.Sprintf("id%d", n.Add(1)) },
	}
	config := llm.Config{}
	for i, m := range s.models {
		s.actors[m] = &actor{parts: parts[i]}
		deps.Providers[m] = s.actors[m]
		one := cfg
		one.Model = m
		config.Models = append(config.Models, one)
		config.Prices = append(config.Prices, pricing.Row{Model: m, Prompt: 300_000, Cached: 30_000, Output: 2_500_000})
	}
	c, err := llm.New(tb.Context(), config, deps)
	if err != nil {
		tb.Fatal(err)
	}
	s.Caller = c
	return s
}

// told is what a chain's hooks heard.
type told struct {
	mu     sync.Mutex
	begun  []sluice.Call
	ended  []sluice.Call
	refuse func(intent sluice.Call) error
}

func (h *told) hooks() llm.Hooks {
	return llm.Hooks{
		Begin: func(_ context.Context, intent sluice.Call) error {
			if h.refuse != nil {
				if err := h.refuse(intent); err != nil {
					return err
				}
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			h.begun = append(h.begun, intent)
			return nil
		},
		End: func(ctx context.Context, line sluice.Call) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if ctx.Err() != nil {
				panic("the hook's context is over")
			}
			h.ended = append(h.ended, line)
		},
	}
}

// script tells the models and outcomes of lines: "chosen broken, second ok".
func scriptOf(lines []sluice.Call) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Model+" "+string(l.Outcome))
	}
	return strings.Join(out, ", ")
}

// play asks, and checks what must hold whatever happens: every attempt that began has ended, once, at no
// more than its bound.
func (s stage) play(t *testing.T, ctx context.Context, o llm.ChainOptions, hear *told, sink func(llm.Chunk) error) (llm.ChainResult, error) {
	t.Helper()
	if o.Models == nil {
		o.Models = s.models
	}
	o.Purpose = llm.Purpose{Stage: "gateway", Tenant: "acme"}
	res, err := s.Chat(ctx, o, conversation(), hear.hooks(), sink)
	// Two that end at once are told of in any order.
	byID := func(a, b sluice.Call) int { return strings.Compare(a.ID, b.ID) }
	if len(hear.begun) != len(hear.ended) || !slices.Equal(slices.SortedFunc(slices.Values(hear.ended), byID), slices.SortedFunc(slices.Values(res.Lines), byID)) {
		t.Errorf("begun %d, ended %d, lines %d", len(hear.begun), len(hear.ended), len(res.Lines))
	}
	for _, l := range hear.ended {
		i := slices.IndexFunc(hear.begun, func(b sluice.Call) bool { return b.ID == l.ID })
		if i < 0 {
			t.Errorf("%s ended and never began", l.ID)
			continue
		}
		if b := hear.begun[i]; l.Cost > b.Cost || b.Model != l.Model || b.Attempt != l.Attempt || !b.StartedAt.Equal(l.StartedAt) || b.Cost == 0 {
			t.Errorf("began as %+v, ended as %+v", b, l)
		}
	}
	return res, err
}
