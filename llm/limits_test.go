package llm_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/llm"
)

func TestConcurrencyIsNeverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		busy := func(ctx context.Context) (llm.Response, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			return takes(time.Second, says("x"))(ctx)
		}
		c, s := caller(t, llm.ModelConfig{MaxConcurrent: 4}, llm.Deps{}, busy)
		began := time.Now()
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if _, _, err := c.Call(t.Context(), llm.Purpose{}, ask); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most.Load() != 4 || s.calls() != 40 || time.Since(began) != 10*time.Second {
			t.Errorf("at most %d at once, %d calls, took %s; want 4, 40, 10s", most.Load(), s.calls(), time.Since(began))
		}
	})
}

func TestWaitingForASlotEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := caller(t, llm.ModelConfig{MaxConcurrent: 1}, llm.Deps{}, takes(time.Minute, says("x")))
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := c.Call(t.Context(), llm.Purpose{}, ask); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, lines, err := c.Call(ctx, llm.Purpose{}, ask)
		if len(lines) != 0 || sluice.ClassOf(err) != sluice.ClassWait || s.calls() != 1 {
			t.Errorf("%d lines, %s: %v", len(lines), sluice.ClassOf(err), err)
		}
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		if _, _, err := c.Call(ctx, llm.Purpose{}, ask); sluice.ClassOf(err) != sluice.ClassInterrupted {
			t.Errorf("%s: %v", sluice.ClassOf(err), err)
		}
		wg.Wait()
	})
}

func TestRateLimitsOfOurOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Log("requests: one a second, the first at once; attempts count")
		c, _ := caller(t, llm.ModelConfig{RequestsPerMinute: 60}, llm.Deps{}, overloaded, says("x"))
		began := time.Now()
		for range 3 {
			if _, _, err := c.Call(t.Context(), llm.Purpose{}, ask); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("4 attempts took %s, want 3s", took)
		}
		t.Log("tokens: a minute's worth at once, then as they come")
		c, _ = caller(t, llm.ModelConfig{TokensPerMinute: 600}, llm.Deps{}, says("x"))
		began = time.Now()
		req := ask
		req.Prompt = strings.Repeat("x", 4*400-len(req.System))
		for range 2 {
			if _, _, err := c.Call(t.Context(), llm.Purpose{}, req); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 19*time.Second || took > 21*time.Second {
			t.Errorf("800 tokens took %s, want 20s", took)
		}
		t.Log("a wait beyond the deadline is not begun, spends nothing and leaves the limit as it was")
		c, s := caller(t, llm.ModelConfig{RequestsPerMinute: 1}, llm.Deps{}, says("x"))
		if _, _, err := c.Call(t.Context(), llm.Purpose{}, ask); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			began = time.Now()
			_, lines, err := c.Call(ctx, llm.Purpose{}, ask)
			cancel()
			if len(lines) != 0 || sluice.ClassOf(err) != sluice.ClassWait || sluice.DelayOf(err) != time.Minute || time.Since(began) != 0 || s.calls() != 1 {
				t.Errorf("%d lines, %s %s, took %s: %v", len(lines), sluice.ClassOf(err), sluice.DelayOf(err), time.Since(began), err)
			}
		}
	})
}

// A cancelled wait takes nothing of the rate, in whatever order a burst of them gives up, and whatever it waited for.
func TestCallsThatGiveUpTheirWaitHoldNobodyUp(t *testing.T) {
	for name, cfg := range map[string]llm.ModelConfig{
		"requests": {RequestsPerMinute: 60}, "both, waiting for tokens": {RequestsPerMinute: 60, TokensPerMinute: 600},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg.MaxConcurrent = 100
			c, s := caller(t, cfg, llm.Deps{}, says("x"))
			req := ask
			if cfg.TokensPerMinute > 0 { // all tokens at once: the next wait is for a minute
				req.Prompt = strings.Repeat("x", 4*600-len(req.System))
			}
			if _, _, err := c.Call(t.Context(), llm.Purpose{}, req); err != nil {
				t.Fatal(err)
			}
			ctx, giveUp := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if _, _, err := c.Call(ctx, llm.Purpose{}, req); sluice.ClassOf(err) != sluice.ClassInterrupted {
						t.Errorf("%s: %s: %v", name, sluice.ClassOf(err), err)
					}
				})
			}
			synctest.Wait()
			<-time.After(500 * time.Millisecond)
			giveUp()
			wg.Wait()
			began := time.Now()
			small := ask
			small.System, small.Prompt = "", "x" // one token, a tenth of a second
			for range 3 {
				if _, _, err := c.Call(t.Context(), llm.Purpose{}, small); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(began); took > 2500*time.Millisecond || s.calls() != 4 {
				t.Errorf("%s: 3 calls after 50 that were given up took %s, want 2.5s; %d were made", name, took, s.calls())
			}
		})
	}
}

// Who stands in line for longer than its deadline is not kept waiting.
func TestAWaitInALineThatIsTooLongIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := caller(t, llm.ModelConfig{RequestsPerMinute: 60}, llm.Deps{}, says("x"))
		var wg sync.WaitGroup
		for range 11 { // the first at once, ten wait
			wg.Go(func() {
				if _, _, err := c.Call(t.Context(), llm.Purpose{}, ask); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, _, err := c.Call(ctx, llm.Purpose{}, ask); sluice.ClassOf(err) != sluice.ClassWait || sluice.DelayOf(err) != 11*time.Second || time.Since(began) != 0 {
			t.Errorf("%s in %s after %s: %v", sluice.ClassOf(err), sluice.DelayOf(err), time.Since(began), err)
		}
		wg.Wait()
		if took := time.Since(began); took != 10*time.Second || s.calls() != 11 {
			t.Errorf("11 calls took %s, %d were made", took, s.calls())
		}
	})
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sick atomic.Bool
		sick.Store(true)
		server := func(ctx context.Context) (llm.Response, error) {
			if sick.Load() {
				return takes(100*time.Millisecond, overloaded)(ctx)
			}
			return takes(100*time.Millisecond, says("x"))(ctx)
		}
		c, s := caller(t, llm.ModelConfig{MaxAttempts: 1}, llm.Deps{Jitter: func() float64 { return 0 }}, server)
		call := func() error {
			_, _, err := c.Call(t.Context(), llm.Purpose{}, ask)
			return err
		}
		for range 10 {
			if err := call(); sluice.ClassOf(err) != sluice.ClassRetryable {
				t.Fatalf("%s: %v", sluice.ClassOf(err), err)
			}
		}
		t.Log("open: nobody asks, nothing is spent")
		err := call()
		if sluice.ClassOf(err) != sluice.ClassWait || sluice.DelayOf(err) != 5*time.Second || s.calls() != 10 || !strings.Contains(err.Error(), "circuit breaker") {
			t.Errorf("%d calls, %s %s: %v", s.calls(), sluice.ClassOf(err), sluice.DelayOf(err), err)
		}
		t.Log("half open: one probe, whose failure opens it for twice as long")
		<-time.After(5 * time.Second)
		var wg sync.WaitGroup
		var waiting atomic.Int64
		for range 8 {
			wg.Go(func() {
				if sluice.ClassOf(call()) == sluice.ClassWait {
					waiting.Add(1)
				}
			})
		}
		wg.Wait()
		if s.calls() != 11 || waiting.Load() != 7 {
			t.Errorf("%d calls, %d waited", s.calls(), waiting.Load())
		}
		if err := call(); sluice.DelayOf(err) != 10*time.Second {
			t.Errorf("delay %s: %v", sluice.DelayOf(err), err)
		}
		t.Log("a probe that was given up says nothing: the next is let through, and closes it")
		<-time.After(10 * time.Second)
		sick.Store(false)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, _, err := c.Call(ctx, llm.Purpose{}, ask); sluice.ClassOf(err) != sluice.ClassInterrupted {
			t.Errorf("%v", err)
		}
		for range 3 {
			if err := call(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRateLimitsAndRefusalsDoNotOpenTheBreaker(t *testing.T) {
	for _, r := range []reply{limitedFor(time.Minute), fails(llm.Error{Outcome: sluice.OutcomeRefused, Status: 400})} {
		c, s := caller(t, llm.ModelConfig{}, llm.Deps{}, r)
		for range 30 {
			_, _, _ = c.Call(t.Context(), llm.Purpose{}, ask)
		}
		if s.calls() != 30 {
			t.Errorf("%d calls, want 30", s.calls())
		}
	}
	c, s := caller(t, llm.ModelConfig{}, llm.Deps{}, fails(llm.Error{Outcome: sluice.OutcomeRefused, Status: 401, Setup: true}))
	for range 30 {
		_, _, _ = c.Call(t.Context(), llm.Purpose{}, ask)
	}
	if s.calls() != 10 {
		t.Errorf("a refused key was tried %d times, want 10", s.calls())
	}
}

func TestSpendCap(t *testing.T) {
	var told []sluice.MicroUSD
	spend := llm.NewSpend(1000, func(spent sluice.MicroUSD) { told = append(told, spent) })
	c, s := caller(t, llm.ModelConfig{}, llm.Deps{Spend: spend}, says("x")) // 442 each
	for range 3 {
		if _, _, err := c.Call(t.Context(), llm.Purpose{}, ask); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
		if !errors.Is(err, llm.ErrSpent) || sluice.ClassOf(err) != sluice.ClassWait || sluice.DelayOf(err) <= 0 || len(lines) != 0 {
			t.Errorf("%s, %d lines: %v", sluice.ClassOf(err), len(lines), err)
		}
		for _, want := range []string{"$0.001326 of $0.001000", "--max-spend", "Nothing is lost"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in: %v", want, err)
			}
		}
	}
	if s.calls() != 3 || spend.Spent() != 1326 || len(told) != 1 || told[0] != 1326 {
		t.Errorf("%d calls, spent %s, told %v", s.calls(), spend.Spent(), told)
	}
}

func TestWhatOthersSpendCountsAgainstTheSameCap(t *testing.T) {
	var told []sluice.MicroUSD
	spend := llm.NewSpend(1000, func(spent sluice.MicroUSD) { told = append(told, spent) })
	c, s := caller(t, llm.ModelConfig{}, llm.Deps{Spend: spend}, says("x")) // 442 each
	spend.Others(500)
	if _, _, err := c.Call(t.Context(), llm.Purpose{}, ask); err != nil {
		t.Fatal(err)
	}
	spend.Others(560)
	spend.Others(561)
	if _, _, err := c.Call(t.Context(), llm.Purpose{}, ask); !errors.Is(err, llm.ErrSpent) || !strings.Contains(err.Error(), "$0.001003 of $0.001000") {
		t.Errorf("above the shared cap: %v", err)
	}
	if s.calls() != 1 || spend.Spent() != 442 || len(told) != 1 || told[0] != 1002 {
		t.Errorf("%d calls, spent %s, told %v", s.calls(), spend.Spent(), told)
	}
}

func TestSpendCountsUnderManyCalls(t *testing.T) {
	var told atomic.Int64
	spend := llm.NewSpend(442*100, func(sluice.MicroUSD) { told.Add(1) })
	c, s := caller(t, llm.ModelConfig{MaxConcurrent: 8}, llm.Deps{Spend: spend}, says("x"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				_, _, _ = c.Call(t.Context(), llm.Purpose{}, ask)
			}
		})
	}
	wg.Wait()
	if n := s.calls(); n < 100 || n > 107 || spend.Spent() != sluice.MicroUSD(442*n) || told.Load() != 1 {
		t.Errorf("%d calls, spent %s, told %d times", n, spend.Spent(), told.Load())
	}
}
