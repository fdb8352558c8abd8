package front

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
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
		if got := f.Stats().ShadowsLeftOut; none != 3 || got != 3 {
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
