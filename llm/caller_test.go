package llm_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/pricing"
)

const (
	flash = "gemini-2.5-flash"
	pro   = "gemini-2.5-pro"
)

// prices hold for all time: a test's clock may stand at the year 2000.
var prices = []pricing.Row{{Model: flash, Prompt: 300_000, Cached: 30_000, Output: 2_500_000}}

// script is a provider whose replies are given in advance; the last one is repeated.
type script struct {
	mu      sync.Mutex
	replies []func(ctx context.Context) (llm.Response, error)
	asked   []llm.Request
}

func (s *script) Name() string { return "script" }

func (s *script) Generate(ctx context.Context, req llm.Request) (llm.Response, error) {
	s.mu.Lock()
	i := min(len(s.asked), len(s.replies)-1)
	s.asked = append(s.asked, req)
	reply := s.replies[i]
	s.mu.Unlock()
	return reply(ctx)
}

func (s *script) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

type reply = func(ctx context.Context) (llm.Response, error)

func says(text string) reply {
	return func(context.Context) (llm.Response, error) {
		return llm.Response{Text: text, Usage: sluice.Usage{Prompt: 1000, Cached: 400, Output: 10, Thoughts: 90}}, nil
	}
}

func fails(e llm.Error) reply {
	if e.Err == nil {
		e.Err = fmt.Errorf("HTTP %d", e.Status)
	}
	return func(context.Context) (llm.Response, error) { return llm.Response{}, &e }
}

func takes(d time.Duration, then reply) reply {
	return func(ctx context.Context) (llm.Response, error) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return then(ctx)
		case <-ctx.Done():
			return llm.Response{}, ctx.Err() // no *Error: the Caller finds out what it was
		}
	}
}

var (
	overloaded = fails(llm.Error{Outcome: sluice.OutcomeServerError, Status: 503, Sent: true})
	limited    = fails(llm.Error{Outcome: sluice.OutcomeRateLimited, Status: 429, Sent: true})
)

func limitedFor(d time.Duration) reply {
	return fails(llm.Error{Outcome: sluice.OutcomeRateLimited, Status: 429, Sent: true, RetryAfter: d})
}

// caller asks the script as flash. Jitter is its ceiling, so that pauses are exact.
func caller(tb testing.TB, cfg llm.ModelConfig, deps llm.Deps, replies ...reply) (*llm.Caller, *script) {
	tb.Helper()
	s := &script{replies: replies}
	cfg.Model = flash
	deps.Providers = map[string]llm.Provider{flash: s}
	if deps.Jitter == nil {
		deps.Jitter = func() float64 { return 1 }
	}
	if deps.NewID == nil {
		var n atomic.Int64
		deps.NewID = func() string { return fmt.Sprintf("id%d", n.Add(1)) }
	}
	c, err := llm.New(tb.Context(), llm.Config{Models: []llm.ModelConfig{cfg}, Prices: prices}, deps)
	if err != nil {
		tb.Fatal(err)
	}
	return c, s
}

var ask = llm.Request{Model: flash, System: "Be brief.", Prompt: "Who wrote Faust?"}

func outcomes(lines []sluice.Call) string {
	var out []string
	for _, l := range lines {
		out = append(out, string(l.Outcome))
	}
	return strings.Join(out, "|")
}

func TestALineTellsTheWholeCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := caller(t, llm.ModelConfig{}, llm.Deps{}, takes(300*time.Millisecond, says("Goethe.")))
		purpose := llm.Purpose{Stage: "answer", QueryKey: "q", Tenant: "acme", Pair: "p1", Arm: sluice.ArmB, Tier: sluice.Medium}
		began := time.Now().UTC()
		resp, lines, err := c.Call(t.Context(), purpose, ask)
		if err != nil {
			t.Fatal(err)
		}
		cost, version, _ := c.Prices().Price(flash, began, sluice.Usage{Prompt: 1000, Cached: 400, Output: 10, Thoughts: 90})
		want := sluice.Call{
			ID: "id1", Stage: "answer", QueryKey: "q", Tenant: "acme", Pair: "p1", Arm: sluice.ArmB, Tier: sluice.Medium,
			Provider: "script", Model: flash, Attempt: 1, StartedAt: began, LatencyMS: 300,
			Usage: sluice.Usage{Prompt: 1000, Cached: 400, Output: 10, Thoughts: 90}, Cost: cost, PriceVersion: version, Outcome: sluice.OutcomeOK,
		}
		if len(lines) != 1 || lines[0] != want {
			t.Errorf("lines = %+v\nwant    %+v", lines, want)
		}
		if cost != 180+12+250 || resp.Text != "Goethe." || resp.CallID != "id1" {
			t.Errorf("cost %s, response %+v", cost, resp)
		}
		if s.asked[0].Prompt != ask.Prompt || s.asked[0].System != ask.System {
			t.Errorf("asked %+v", s.asked[0])
		}
	})
}

func TestFailuresAreTriedAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := caller(t, llm.ModelConfig{}, llm.Deps{}, overloaded, overloaded, says("Goethe."))
		began := time.Now()
		resp, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
		if err != nil || outcomes(lines) != "server_error|server_error|ok" {
			t.Errorf("%s; %v", outcomes(lines), err)
		}
		if took := time.Since(began); took != 750*time.Millisecond {
			t.Errorf("took %s, want 250ms + 500ms", took)
		}
		if lines[0].Cost != 0 || lines[0].CostEstimated || lines[0].Attempt != 1 || lines[2].Attempt != 3 || resp.CallID != lines[2].ID {
			t.Errorf("lines = %+v", lines)
		}
		if lines[0].Error != "HTTP 503" || lines[0].PriceVersion == "" {
			t.Errorf("line = %+v", lines[0])
		}
	})
}

func TestAttemptsUsedUpIsRetryable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := caller(t, llm.ModelConfig{MaxAttempts: 3}, llm.Deps{}, overloaded)
		_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
		if len(lines) != 3 || sluice.ClassOf(err) != sluice.ClassRetryable || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), flash) {
			t.Errorf("%d lines, %s: %v", len(lines), sluice.ClassOf(err), err)
		}
	})
}

func TestRetryInfoIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Log("short: waited for in place, to the millisecond")
		c, _ := caller(t, llm.ModelConfig{}, llm.Deps{}, limitedFor(3100*time.Millisecond), says("Goethe."))
		began := time.Now()
		_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
		if took := time.Since(began); err != nil || outcomes(lines) != "rate_limited|ok" || took != 3100*time.Millisecond {
			t.Errorf("%s, %v, took %s", outcomes(lines), err, took)
		}
		t.Log("long: handed on")
		c, s := caller(t, llm.ModelConfig{}, llm.Deps{}, limitedFor(40*time.Second))
		began = time.Now()
		_, lines, err = c.Call(t.Context(), llm.Purpose{}, ask)
		if sluice.ClassOf(err) != sluice.ClassWait || sluice.DelayOf(err) != 40*time.Second || len(lines) != 1 || s.calls() != 1 || time.Since(began) != 0 {
			t.Errorf("%s %s, %d lines, took %s: %v", sluice.ClassOf(err), sluice.DelayOf(err), len(lines), time.Since(began), err)
		}
		t.Log("a 503 may say it too")
		c, _ = caller(t, llm.ModelConfig{}, llm.Deps{}, fails(llm.Error{Outcome: sluice.OutcomeServerError, Status: 503, RetryAfter: time.Minute}))
		if _, _, err = c.Call(t.Context(), llm.Purpose{}, ask); sluice.DelayOf(err) != time.Minute {
			t.Errorf("delay %s: %v", sluice.DelayOf(err), err)
		}
	})
}

// A rate limit is never the message's fault, however often it comes.
func TestRateLimitsWithoutEndAreAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := caller(t, llm.ModelConfig{MaxAttempts: 3}, llm.Deps{}, limited)
		_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
		if sluice.ClassOf(err) != sluice.ClassWait || sluice.DelayOf(err) != time.Second || len(lines) != 3 || lines[2].Cost != 0 {
			t.Errorf("%s %s, lines %+v: %v", sluice.ClassOf(err), sluice.DelayOf(err), lines, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		reply  reply
		class  sluice.Class
		reason sluice.Reason
	}{
		"a bad request is dead":       {fails(llm.Error{Outcome: sluice.OutcomeRefused, Status: 400, Sent: true}), sluice.ClassTerminal, sluice.ReasonRefused},
		"a blocked one too":           {fails(llm.Error{Outcome: sluice.OutcomeBlocked, Status: 200, Sent: true}), sluice.ClassTerminal, sluice.ReasonRefused},
		"a refused key can be mended": {fails(llm.Error{Outcome: sluice.OutcomeRefused, Status: 401, Sent: true, Setup: true}), sluice.ClassWait, sluice.ReasonExhausted},
	} {
		caller, s := caller(t, llm.ModelConfig{}, llm.Deps{}, c.reply)
		_, lines, err := caller.Call(t.Context(), llm.Purpose{}, ask)
		if sluice.ClassOf(err) != c.class || sluice.ReasonOf(err) != c.reason || len(lines) != 1 || s.calls() != 1 {
			t.Errorf("%s: %s %s, %d lines: %v", name, sluice.ClassOf(err), sluice.ReasonOf(err), len(lines), err)
		}
	}
}

func TestWhatTooLargeIsNeverSent(t *testing.T) {
	c, s := caller(t, llm.ModelConfig{MaxInputBytes: 24}, llm.Deps{}, says("x"))
	_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
	if sluice.ClassOf(err) != sluice.ClassTerminal || sluice.ReasonOf(err) != sluice.ReasonTooLarge || len(lines) != 0 || s.calls() != 0 {
		t.Errorf("%s %s, %d lines, %d calls: %v", sluice.ClassOf(err), sluice.ReasonOf(err), len(lines), s.calls(), err)
	}
	if _, _, err := c.Call(t.Context(), llm.Purpose{}, llm.Request{Model: "gpt-0"}); err == nil || !strings.Contains(err.Error(), "gpt-0") {
		t.Errorf("an unknown model: %v", err)
	}
}

func TestOutputLimitIsTheSmallerOne(t *testing.T) {
	c, s := caller(t, llm.ModelConfig{MaxOutputTokens: 100}, llm.Deps{}, says("x"))
	for _, want := range []struct{ asked, sent int }{{0, 100}, {50, 50}, {500, 100}} {
		req := ask
		req.MaxOutputTokens = want.asked
		if _, _, err := c.Call(t.Context(), llm.Purpose{}, req); err != nil {
			t.Fatal(err)
		}
		if got := s.asked[len(s.asked)-1].MaxOutputTokens; got != want.sent {
			t.Errorf("asked for %d, sent %d, want %d", want.asked, got, want.sent)
		}
	}
}

func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := caller(t, llm.ModelConfig{Timeout: 2 * time.Second, MaxAttempts: 2}, llm.Deps{}, takes(time.Hour, says("late")))
		_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
		if outcomes(lines) != "timeout|timeout" || sluice.ClassOf(err) != sluice.ClassRetryable || lines[0].LatencyMS != 2000 {
			t.Errorf("%s, %s: %v", outcomes(lines), sluice.ClassOf(err), err)
		}
		if !lines[0].CostEstimated || lines[0].Cost == 0 || lines[0].Usage != (sluice.Usage{}) {
			t.Errorf("line = %+v", lines[0])
		}
		t.Log("the caller's own deadline")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, lines, err = c.Call(ctx, llm.Purpose{}, ask)
		if outcomes(lines) != "timeout" || sluice.ClassOf(err) != sluice.ClassRetryable || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%s, %s, took %s: %v", outcomes(lines), sluice.ClassOf(err), time.Since(began), err)
		}
	})
}

func TestAPauseBeyondTheDeadlineIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := caller(t, llm.ModelConfig{}, llm.Deps{}, overloaded)
		ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, lines, err := c.Call(ctx, llm.Purpose{}, ask)
		if took := time.Since(began); took != 250*time.Millisecond || len(lines) != 2 || sluice.ClassOf(err) != sluice.ClassRetryable {
			t.Errorf("took %s, %d lines: %v", took, len(lines), err)
		}
	})
}

func TestCancellation(t *testing.T) {
	stop := errors.New("stopping")
	for name, c := range map[string]struct {
		reply reply
		lines string
	}{
		"during an attempt": {takes(time.Hour, says("late")), "canceled"},
		"during a pause":    {limitedFor(4 * time.Second), "rate_limited"},
	} {
		synctest.Test(t, func(t *testing.T) {
			caller, _ := caller(t, llm.ModelConfig{}, llm.Deps{}, c.reply)
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(stop) })
			began := time.Now()
			_, lines, err := caller.Call(ctx, llm.Purpose{}, ask)
			if took := time.Since(began); took != time.Second || outcomes(lines) != c.lines || sluice.ClassOf(err) != sluice.ClassInterrupted {
				t.Errorf("%s: took %s, %s, %s: %v", name, took, outcomes(lines), sluice.ClassOf(err), err)
			}
			if c.lines == "canceled" && (!lines[0].CostEstimated || lines[0].Cost == 0) {
				t.Errorf("%s: line = %+v", name, lines[0])
			}
			if _, lines, err := caller.Call(ctx, llm.Purpose{}, ask); len(lines) != 0 || sluice.ClassOf(err) != sluice.ClassInterrupted {
				t.Errorf("%s: canceled before it began: %d lines, %v", name, len(lines), err)
			}
		})
	}
}

func TestNewIDsFitASubject(t *testing.T) {
	s := &script{replies: []reply{says("x")}}
	c, err := llm.New(t.Context(), llm.Config{Models: []llm.ModelConfig{{Model: flash}}}, llm.Deps{Providers: map[string]llm.Provider{flash: s}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 100 {
		_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
		if err != nil || !regexp.MustCompile(`^[a-z2-7]{26}$`).MatchString(lines[0].ID) || seen[lines[0].ID] {
			t.Fatalf("id %q, %v", lines[0].ID, err)
		}
		seen[lines[0].ID] = true
	}
}
