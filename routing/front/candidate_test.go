package front

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/routing"
)

func TestTheShadowIsRecordedAndNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{}, Set{Active: sure("r1", 0.1), Shadow: sure("r2", 0.9)})
		d := f.Decide(t.Context(), Request{Text: "why"})
		synctest.Wait()
		if d.Choice.Version != "r1" || d.Choice.Policy != sluice.Standard {
			t.Fatalf("got %+v", d)
		}
		if s := d.Shadow.Result(); s == nil || s.RouterVersion != "r2" || s.Policy != sluice.Complex || s.Fault != "" {
			t.Fatalf("shadow %+v", s)
		}
	})
}

func TestAShadowIsNeverAskedToExplainAndNoRouterTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var explain atomic.Int64
		shadow := &fake{version: "r2", route: func(_ context.Context, r routing.Request) (routing.Choice, error) {
			if r.Explain {
				explain.Add(1)
			}
			return routing.Choice{Policy: sluice.Complex}, nil
		}}
		f := open(t, Options{}, Set{Active: sure("r1", 0.1), Shadow: shadow})
		f.Decide(t.Context(), Request{Text: "why", Explain: true})
		synctest.Wait()
		if shadow.asked.Load() != 1 || explain.Load() != 0 {
			t.Errorf("asked %d times, %d of them for an explanation", shadow.asked.Load(), explain.Load())
		}
		f.Swap(Set{Active: shadow, Shadow: shadow})
		if d := f.Decide(t.Context(), Request{Text: "why"}); d.Shadow != nil {
			t.Errorf("a router is its own shadow: %+v", d.Shadow.Result())
		}
		synctest.Wait()
		if n := shadow.asked.Load(); n != 2 {
			t.Errorf("asked %d times in all, want 2", n)
		}
	})
}

func TestASlowShadowDelaysNobodyAndSaysThatItWasLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{Deadline: time.Second}, Set{Active: sure("r1", 0.1), Shadow: late("r2", 0)})
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		d := f.Decide(ctx, Request{Text: "why"})
		cancel() // the request's end does not end the shadow
		if time.Since(began) != 0 {
			t.Fatalf("the request waited %v", time.Since(began))
		}
		if s := d.Shadow.Result(); s.Fault != "deadline" || s.RouterVersion != "r2" {
			t.Fatalf("shadow %+v before it is done", s)
		}
		pass(time.Second)
		synctest.Wait()
		if s := d.Shadow.Result(); s.Fault != "deadline" || s.RouterUS != 1_000_000 {
			t.Fatalf("shadow %+v after its deadline", s)
		}
	})
}

func TestShadowsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{Deadline: time.Second, ShadowConcurrency: 2}, Set{Active: sure("r1", 0.1), Shadow: late("r2", 0)})
		var none int
		for range 5 {
			if d := f.Decide(t.Context(), Request{Text: "why"}); d.Shadow.Result() == nil {
				none++
			}
		}
		if got := f.ShadowsLeftOut(); none != 3 || got != 3 {
			t.Fatalf("%d without a shadow, %d counted, want 3", none, got)
		}
	})
}

func TestTheCanarysShareIsDrawnByTheRequestsKey(t *testing.T) {
	f := open(t, Options{Deadline: time.Minute}, Set{Active: sure("r1", 0.1), Canary: sure("r2", 0.1), CanaryShare: 0.2})
	canary := 0
	for i := range 5000 {
		r := Request{Text: "why", RequestKey: fmt.Sprint("request-", i)}
		first, again := f.Decide(t.Context(), r), f.Decide(t.Context(), r)
		if first.Canary != again.Canary {
			t.Fatalf("%s has two routers", r.RequestKey)
		}
		if first.Canary {
			canary++
		}
	}
	if canary < 900 || canary > 1100 {
		t.Fatalf("%d of 5000 were the canary's, want about 1000", canary)
	}
}
