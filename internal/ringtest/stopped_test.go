package ringtest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/consumers/answer"
	"sluice/inflight"
	"sluice/internal/natstest"
	"sluice/llm"
	"sluice/pricing"
	"sluice/streams"
)

// TestCallsOfAProcessThatIsStoppedWhileTheLogTakesNothingCostWhatTheyCost: the provider has answered every call, and
// no line of them can be stored; whoever comes next bills what the provider said, and nothing by estimate.
func TestCallsOfAProcessThatIsStoppedWhileTheLogTakesNothingCostWhatTheyCost(t *testing.T) {
	const questions = 12
	js := natstest.Log(t)
	ledgerTakes(t, js, 1)
	dir := t.TempDir()
	journal, err := inflight.Open(inflight.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var asked atomic.Int64
	say := speaker(func(string, string) string {
		if asked.Add(1) == 2*questions {
			stop()
		}
		return "because"
	})
	runner := answering(t, js, journal, say)
	for i := range questions {
		fact, err := streams.AcceptedFact(sluice.Accepted{Query: sluice.Query{Key: fmt.Sprintf("k%d", i), Number: int64(i + 1), Text: "Why?"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(ctx, fact.Subject, fact.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := runner.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	ledgerTakes(t, js, -1)
	publisher, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = publisher.Close() }()
	got, err := inflight.Adoption{Dir: dir, Publisher: publisher}.Run(t.Context())
	if err != nil || got.Calls != 2*questions || got.Bounds != 0 {
		t.Errorf("adopted %+v, %v", got, err)
	}
	var lines int
	scan(t.Context(), t, js, streams.StreamCalls, func(m streams.Message) {
		c, err := streams.Decode[sluice.Call](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		lines++
		usage := sluice.Usage{Prompt: 10, Output: int64(len(c.Model))}
		if c.Outcome != sluice.OutcomeOK || c.CostEstimated || c.Usage != usage || c.Cost != sluice.MicroUSD(usage.Prompt+2*usage.Output) {
			t.Errorf("%+v", c)
		}
	})
	if lines != 2*questions {
		t.Errorf("%d lines of %d calls", lines, 2*questions)
	}
}

// ledgerTakes bounds the ledger to so many bytes, as a full disk does; -1 is no bound.
func ledgerTakes(t *testing.T, js jetstream.JetStream, bytes int64) {
	t.Helper()
	s, err := js.Stream(t.Context(), streams.StreamCalls)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.MaxBytes = bytes
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// answering is the answer stage in a runner that has little patience when it is stopped.
func answering(t *testing.T, js jetstream.JetStream, journal *inflight.Journal, say speaker) *consumers.Runner {
	t.Helper()
	latest, err := streams.NewLatest(js)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = latest.Close() })
	var cfg llm.Config
	for _, m := range []string{flash, pro} {
		cfg.Models = append(cfg.Models, llm.ModelConfig{Provider: "gemini", Model: m})
		cfg.Prices = append(cfg.Prices, pricing.Row{Model: m, Prompt: 1_000_000, Output: 2_000_000})
	}
	caller, err := llm.New(t.Context(), cfg, llm.Deps{Journal: journal, Providers: map[string]llm.Provider{flash: say, pro: say}})
	if err != nil {
		t.Fatal(err)
	}
	stage, err := answer.New(caller, latest, answer.Options{Medium: answer.Model{Name: flash}, Large: answer.Model{Name: pro}, Key: armKey(t), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	r, err := consumers.New(consumers.Config{
		Stage: consumers.Stage{
			Name: answer.Name, Version: "v1", Handler: stage, Concurrency: 32, Deadline: 30 * time.Second, Attempts: 20,
			Inputs: []consumers.Input{{Stream: streams.StreamAccepted, Durable: "answer-v1"}},
		},
		JS: js, Grace: 10 * time.Millisecond, Billed: journal.Stored,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
