package llm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/llm/emulator"
)

// Hundreds of conversations over real connections with every fault at once, hedges, and clients that
// leave: lines whose usage was told agree with the provider's books to the micro-dollar, request by
// request, and no estimate is below them.
func TestSpendAgreesWithTheBooksOfTheProvider(t *testing.T) {
	for _, provider := range []string{"gemini", "openai"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			const each = 0.03
			s, url := emulate(t, emulator.Config{KeepBills: true, Seed: 3, Faults: emulator.Faults{
				RateLimited: each, RateLimitedBare: each, ServerError: each, Unavailable: each, Reset: each, ResetAfterHeaders: each,
				Cut: each, Stall: each, SlowHeaders: each, SlowBody: each, Garbage: each, Empty: each, Blocked: each, Slow: each,
				RetryDelayMS: 1, SlowForMS: 2000, HangForMS: 10_000,
			}})
			cfg := llm.Config{}
			for _, m := range []string{"gemini-2.5-flash", "gemini-2.5-pro"} {
				cfg.Models = append(cfg.Models, llm.ModelConfig{Provider: provider, Model: m, BaseURL: url, MaxConcurrent: 8, Timeout: 400 * time.Millisecond})
			}
			c, err := llm.New(t.Context(), cfg, llm.Deps{Jitter: func() float64 { return 0.001 }})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			l := &ledger{lines: map[string][]sluice.Call{}}
			var wg sync.WaitGroup
			for w := range 16 {
				wg.Go(func() {
					for i := range 16 {
						l.ask(t.Context(), c, w, i)
					}
				})
			}
			wg.Wait()
			s.Wait()
			l.compare(t, s.Bills())
		})
	}
}

// ledger keeps lines by prompt.
type ledger struct {
	mu    sync.Mutex
	lines map[string][]sluice.Call
}

// ask asks one question of its own; every fifth client leaves early.
func (l *ledger) ask(ctx context.Context, c *llm.Caller, w, i int) {
	req := conversation()
	req.Messages[2].Text = fmt.Sprintf("What is thing %d of %d?", i, w)
	if i%5 == 0 {
		var leave context.CancelFunc
		ctx, leave = context.WithTimeout(ctx, time.Duration(i)*time.Millisecond)
		defer leave()
	}
	var h heard
	sink := h.sink
	if w%2 == 0 {
		sink = nil
	}
	o := llm.ChainOptions{Models: c.Models(), FirstToken: 400 * time.Millisecond, Idle: 400 * time.Millisecond, HedgeAfter: 150 * time.Millisecond}
	res, _ := c.Chat(ctx, o, req, llm.Hooks{}, sink)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines[req.Messages[2].Text] = res.Lines
}

func (l *ledger) compare(t *testing.T, bills []emulator.Bill) {
	t.Helper()
	type account struct{ prompt, model string }
	books, exact := map[account]sluice.MicroUSD{}, map[account]int{}
	for _, b := range bills {
		books[account{b.Prompt, b.Model}] += b.Cost
	}
	ours, guessed := map[account]sluice.MicroUSD{}, map[account]bool{}
	outcomes := map[sluice.Outcome]int{}
	for prompt, lines := range l.lines {
		for _, line := range lines {
			a := account{prompt, line.Model}
			ours[a] += line.Cost
			guessed[a] = guessed[a] || line.CostEstimated
			outcomes[line.Outcome]++
			exact[a]++
		}
	}
	agreed := 0
	for a, cost := range books {
		switch {
		case !guessed[a] && ours[a] != cost:
			t.Errorf("%s of %s: %s in our ledger, %s in the books", a.prompt, a.model, ours[a], cost)
		case ours[a] < cost:
			t.Errorf("%s of %s: %s estimated, below the books' %s", a.prompt, a.model, ours[a], cost)
		case !guessed[a]:
			agreed++
		}
	}
	t.Logf("%v; %d of %d accounts agree exactly", outcomes, agreed, len(books))
	for _, o := range []sluice.Outcome{sluice.OutcomeOK, sluice.OutcomeBroken, sluice.OutcomeTimeout, sluice.OutcomeCanceled, sluice.OutcomeBlocked, sluice.OutcomeRateLimited, sluice.OutcomeServerError} {
		if outcomes[o] == 0 {
			t.Errorf("no line ended %s: the test shows less than it says", o)
		}
	}
	if agreed < len(books)/2 {
		t.Errorf("only %d of %d accounts agree exactly", agreed, len(books))
	}
}

func TestAClientThatLeavesIsFeltUpstream(t *testing.T) {
	for _, provider := range []string{"gemini", "openai"} {
		entered, left := make(chan struct{}), make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // to its end, so that the server watches the connection
			close(entered)
			<-r.Context().Done()
			close(left)
		}))
		c, err := llm.New(t.Context(), llm.Config{Models: []llm.ModelConfig{{Provider: provider, Model: flash, BaseURL: server.URL}}}, llm.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			<-entered
			leave()
		}()
		var h heard
		res, err := c.Chat(ctx, llm.ChainOptions{Models: []string{flash}}, conversation(), llm.Hooks{}, h.sink)
		<-left
		if sluice.ClassOf(err) != sluice.ClassInterrupted || len(res.Lines) != 1 || !res.Lines[0].CostEstimated {
			t.Errorf("%s: %+v, %v", provider, res, err)
		}
		c.Close()
		server.Close()
	}
}
