package llm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/llm/emulator"
)

// refusing is the URL of a port that nobody listens on: one that was free a moment ago may be somebody's by now.
const refusing = "http://127.0.0.1:1"

// billing is what a line holds against the provider's books.
type billing string

const (
	nothing   billing = "nothing"   // neither bills
	exact     billing = "exact"     // the provider told
	estimated billing = "estimated" // our bound, at least what the provider bills
)

// upstreamFault is one of the seventeen, and what becomes of an attempt that meets it.
type upstreamFault struct {
	name      string
	fault     emulator.Fault
	outcome   sluice.Outcome
	billed    billing
	delivered bool // a stream's first chunk comes through
	// answers is who answers where there is a second model: "" is nobody.
	answers string
}

var seventeen = []upstreamFault{
	{name: "connection refused", outcome: sluice.OutcomeBroken, billed: nothing, answers: pro},
	{name: "reset before headers", fault: emulator.Reset, outcome: sluice.OutcomeBroken, billed: estimated, answers: pro},
	{name: "reset after headers", fault: emulator.ResetAfterHeaders, outcome: sluice.OutcomeBroken, billed: estimated, answers: pro},
	{name: "slow headers", fault: emulator.SlowHeaders, outcome: sluice.OutcomeTimeout, billed: estimated, answers: pro},
	{name: "slow body", fault: emulator.SlowBody, outcome: sluice.OutcomeTimeout, billed: estimated, answers: pro},
	{name: "stalled", fault: emulator.Stall, outcome: sluice.OutcomeTimeout, billed: estimated, delivered: true, answers: pro},
	{name: "cut", fault: emulator.Cut, outcome: sluice.OutcomeBroken, billed: estimated, delivered: true, answers: pro},
	{name: "garbage", fault: emulator.Garbage, outcome: sluice.OutcomeBroken, billed: estimated, answers: pro}, // JSON, and in a stream SSE
	{name: "400", fault: emulator.BadRequest, outcome: sluice.OutcomeRefused, billed: nothing},
	{name: "401", fault: emulator.Unauthorized, outcome: sluice.OutcomeRefused, billed: nothing, answers: pro},
	{name: "429 with RetryInfo", fault: emulator.RateLimited, outcome: sluice.OutcomeRateLimited, billed: nothing, answers: pro},
	{name: "429 without", fault: emulator.RateLimitedBare, outcome: sluice.OutcomeRateLimited, billed: nothing, answers: flash},
	{name: "500", fault: emulator.ServerError, outcome: sluice.OutcomeServerError, billed: nothing, answers: flash},
	{name: "503", fault: emulator.Unavailable, outcome: sluice.OutcomeServerError, billed: nothing, answers: flash},
	{name: "no candidates", fault: emulator.Empty, outcome: sluice.OutcomeBlocked, billed: exact},
	{name: "safety block", fault: emulator.Blocked, outcome: sluice.OutcomeBlocked, billed: exact},
	{name: "hanging", fault: emulator.Hang, outcome: sluice.OutcomeTimeout, billed: estimated, answers: pro},
}

// patience is how long to wait for the first chunk, and for a whole reply: too short for a fault that is
// slow, and long for the others.
func (f upstreamFault) patience(stream bool) time.Duration {
	if f.outcome != sluice.OutcomeTimeout || (stream && f.delivered) {
		return 30 * time.Second
	}
	return 400 * time.Millisecond
}

// idle is how long to wait for a stream's next chunk.
func (f upstreamFault) idle() time.Duration {
	if f.fault == emulator.Stall {
		return 200 * time.Millisecond
	}
	return 30 * time.Second
}

func TestSeventeenFaultsOfTheUpstream(t *testing.T) {
	slow := emulator.Faults{SlowForMS: 5000, HangForMS: 60_000, RetryDelayMS: 7000}
	for _, provider := range []string{"gemini", "openai"} {
		for _, f := range seventeen {
			for _, stream := range []bool{false, true} {
				name := provider + "/" + f.name
				if stream {
					name += "/streamed"
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s, url := emulate(t, emulator.Config{Faults: slow, KeepBills: true})
					if err := s.Script(flash, f.fault); err != nil {
						t.Fatal(err)
					}
					if f.name == "connection refused" {
						url = refusing
					}
					f.meet(t, s, provider, url, stream)
				})
			}
		}
	}
}

// meet asks once and looks at what came of it.
func (f upstreamFault) meet(t *testing.T, s *emulator.Server, provider, url string, stream bool) {
	t.Helper()
	c, err := llm.New(t.Context(), llm.Config{Models: []llm.ModelConfig{
		{Provider: provider, Model: flash, BaseURL: url, Timeout: f.patience(stream)},
	}}, llm.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var h heard
	sink := h.sink
	if !stream {
		sink = nil
	}
	o := llm.ChainOptions{Models: []string{flash}, MaxAttempts: 1, Idle: f.idle()}
	res, err := c.Chat(t.Context(), o, conversation(), llm.Hooks{}, sink)
	s.Wait()
	if err == nil || len(res.Lines) != 1 {
		t.Fatalf("%d lines, %v", len(res.Lines), err)
	}
	var e *llm.Error
	if !errors.As(err, &e) || e.Outcome != f.outcome || res.Lines[0].Outcome != f.outcome {
		t.Errorf("outcome %s, want %s: %v", res.Lines[0].Outcome, f.outcome, err)
	}
	if strings.Contains(err.Error(), "Faust") || strings.Contains(err.Error(), url) {
		t.Errorf("the error tells too much: %v", err)
	}
	if delivered := stream && f.delivered; res.Delivered != delivered || (h.text.Len() > 0) != delivered || res.Text != h.text.String() {
		t.Errorf("delivered %t (%q heard, %q in the result), want %t", res.Delivered, h.text.String(), res.Text, delivered)
	}
	for _, chunk := range h.chunks {
		if chunk.FinishReason != "" {
			t.Errorf("a broken stream ended like a whole one: %+v", chunk)
		}
	}
	if f.fault == emulator.RateLimited && sluice.DelayOf(err) != 7*time.Second {
		t.Errorf("come back after %s, want 7s", sluice.DelayOf(err))
	}
	f.compare(t, s, res.Lines[0])
}

func (f upstreamFault) compare(t *testing.T, s *emulator.Server, line sluice.Call) {
	t.Helper()
	var books sluice.MicroUSD
	for _, b := range s.Bills() {
		books += b.Cost
	}
	got := estimated
	switch {
	case line.Cost == 0 && books == 0 && !line.CostEstimated:
		got = nothing
	case !line.CostEstimated && line.Cost == books && line.Usage != sluice.Usage{}:
		got = exact
	case !line.CostEstimated || line.Cost < books || line.Cost == 0:
		t.Errorf("the line says %s (estimated: %t), the books %s", line.Cost, line.CostEstimated, books)
	}
	if got != f.billed {
		t.Errorf("billed %s (%s, books %s), want %s", got, line.Cost, books, f.billed)
	}
}

// A chain of two models, of which the chosen one fails once.
func TestWhoAnswersWhereTheChosenModelFails(t *testing.T) {
	for _, provider := range []string{"gemini", "openai"} {
		for _, f := range seventeen {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/streamed %t", provider, f.name, stream), func(t *testing.T) {
					t.Parallel()
					s, url := emulate(t, emulator.Config{Faults: emulator.Faults{SlowForMS: 60_000, HangForMS: 60_000, RetryDelayMS: 7000}, KeepBills: true})
					if err := s.Script(flash, f.fault); err != nil {
						t.Fatal(err)
					}
					f.replace(t, s, provider, url, stream)
				})
			}
		}
	}
}

func (f upstreamFault) replace(t *testing.T, s *emulator.Server, provider, url string, stream bool) {
	t.Helper()
	first := llm.ModelConfig{Provider: provider, Model: flash, BaseURL: url, Timeout: f.patience(stream)}
	if f.name == "connection refused" {
		first.BaseURL = refusing
	}
	c, err := llm.New(t.Context(), llm.Config{Models: []llm.ModelConfig{first, {Provider: provider, Model: pro, BaseURL: url}}},
		llm.Deps{Jitter: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var h heard
	sink, want := h.sink, f.answers
	if !stream {
		sink = nil
	} else if f.delivered {
		want = "" // what was sent cannot be taken back
	}
	hear := &told{}
	res, err := c.Chat(t.Context(), llm.ChainOptions{Models: []string{flash, pro}, Idle: f.idle()}, conversation(), hear.hooks(), sink)
	s.Wait()
	if (err == nil) != (want != "") || (want != "" && (res.Model != want || res.Text == "" || res.FinishReason != llm.FinishStop)) {
		t.Errorf("%s answered %q, want %q: %v", res.Model, res.Text, want, err)
	}
	if res.Lines[0].Model != flash || res.Lines[0].Outcome != f.outcome || len(hear.ended) != len(res.Lines) || len(hear.begun) != len(res.Lines) {
		t.Errorf("lines %s, %d ended of %d begun", scriptOf(res.Lines), len(hear.ended), len(hear.begun))
	}
	var ours, books sluice.MicroUSD
	for _, l := range res.Lines {
		ours += l.Cost
	}
	for _, b := range s.Bills() {
		books += b.Cost
	}
	if ours < books || (f.billed != estimated && ours != books) {
		t.Errorf("%s in our ledger, %s in the books", ours, books)
	}
}
