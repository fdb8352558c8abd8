package llm_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/llm/emulator"
)

// A fifth of all requests fail in five ways: every call comes through, every attempt has its line, and
// the ledger's lines of successes cost what the emulator's books say.
func TestEveryCallComesThroughAndTheLedgerAgreesWithTheBooks(t *testing.T) {
	for _, provider := range []string{"gemini", "openai"} {
		t.Run(provider, func(t *testing.T) {
			faults := emulator.MixedFaults(0.2)
			faults.RetryDelayMS, faults.HangForMS = 1, 2000
			s, url := emulate(t, emulator.Config{Faults: faults, Seed: 11})
			models := []string{"gemini-2.5-flash", "gemini-2.5-pro"}
			cfg := llm.Config{}
			for _, m := range models {
				cfg.Models = append(cfg.Models, llm.ModelConfig{
					Provider: provider, Model: m, BaseURL: url, MaxConcurrent: 8, Timeout: 200 * time.Millisecond, MaxAttempts: 20,
				})
			}
			c, err := llm.New(t.Context(), cfg, llm.Deps{Jitter: func() float64 { return 0.001 }})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var mu sync.Mutex
			var lines []sluice.Call
			var wg sync.WaitGroup
			for w := range 8 {
				wg.Go(func() {
					for i := range 20 {
						req := request()
						req.Model, req.Prompt = models[w%2], fmt.Sprintf("What is thing %d of %d?", i, w)
						_, got, err := c.Call(t.Context(), llm.Purpose{Stage: "answer"}, req)
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						lines = append(lines, got...)
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			var cost sluice.MicroUSD
			ok := int64(0)
			outcomes := map[sluice.Outcome]int{}
			for _, l := range lines {
				outcomes[l.Outcome]++
				if l.Outcome == sluice.OutcomeOK {
					ok++
					cost += l.Cost
				}
			}
			b := s.Books()
			t.Logf("%v; faults %v", outcomes, b.Faults)
			if ok != 160 || b.Total.Successes < ok || b.Total.Requests > int64(len(lines)) || b.Total.Requests < int64(len(lines)-outcomes[sluice.OutcomeTimeout]) {
				t.Errorf("%d lines, %d of them ok; books %+v", len(lines), ok, b.Total)
			}
			if b.Total.Successes == ok && b.Total.Cost != cost {
				t.Errorf("the ledger has %s, the books %s", cost, b.Total.Cost)
			}
			if outcomes[sluice.OutcomeServerError] == 0 || outcomes[sluice.OutcomeRateLimited] == 0 || outcomes[sluice.OutcomeBroken] == 0 || outcomes[sluice.OutcomeTimeout] == 0 {
				t.Errorf("outcomes %v, want some of each fault", outcomes)
			}
		})
	}
}
