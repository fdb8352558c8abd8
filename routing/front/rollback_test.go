package front

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/routing"
)

// watched is a front whose canary has half of the traffic, and what its rollbacks said.
func watched(t *testing.T, canary routing.Router) (*Front, Set, chan Rollback) {
	t.Helper()
	told := make(chan Rollback, 10)
	set := Set{Active: sure("r1", 0.1), Canary: canary, CanaryShare: 0.5}
	f := open(t, Options{Deadline: 50 * time.Millisecond, Circuit: Circuit{Failures: 1 << 30}, OnRollback: func(r Rollback) { told <- r }}, set)
	return f, set, told
}

func decideMany(t *testing.T, f *Front, n int, failed func(Decision) bool) (canary int) {
	t.Helper()
	for i := range n {
		d := f.Decide(t.Context(), Request{RequestKey: fmt.Sprint(i)})
		if d.Canary {
			canary++
		}
		f.Observe(d, failed(d))
	}
	return canary
}

func never(Decision) bool { return false }

// canaryOf is the version of the canary that has its share; empty where none has.
func canaryOf(f *Front) string {
	s := f.service.Load()
	if s.dropped.Load() {
		return ""
	}
	return s.canary.version()
}

func TestACanaryThatIsAsGoodStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, told := watched(t, sure("r2", 0.1))
		decideMany(t, f, 2000, never)
		if n := len(told); n != 0 || canaryOf(f) != "r2" {
			t.Fatalf("%d rollbacks: %v", n, <-told)
		}
	})
}

func TestACanaryThatDoesWorseIsDropped(t *testing.T) {
	slow := &fake{version: "r2", route: func(context.Context, routing.Request) (routing.Choice, error) {
		pass(10 * time.Millisecond)
		return routing.Choice{Policy: sluice.Standard}, nil
	}}
	for name, c := range map[string]struct {
		canary routing.Router
		failed func(Decision) bool
		want   string
	}{
		"by faults":          {failing("r2", errors.New("broken")), never, "fell back to the static map"},
		"by lateness":        {late("r2", 0), never, "fell back to the static map"},
		"by failed requests": {sure("r2", 0.1), func(d Decision) bool { return d.Canary }, "requests of the canary failed"},
		"by latency":         {slow, never, "of the canary took longer than 1."},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, set, told := watched(t, c.canary)
				canary := decideMany(t, f, 1000, c.failed)
				synctest.Wait()
				if len(told) != 1 {
					t.Fatalf("%d rollbacks, want 1", len(told))
				}
				if r := <-told; r.Version != "r2" || !strings.Contains(r.Reason, c.want) || r.At.IsZero() {
					t.Fatalf("got %+v", r)
				}
				if canary > 60 {
					t.Fatalf("the canary had %d requests before it was dropped", canary)
				}
				f.Swap(set) // the registry has not heard yet
				if n := decideMany(t, f, 100, never); n != 0 {
					t.Fatalf("%d requests reached the dropped canary after a swap", n)
				}
				f.Swap(Set{Active: set.Active})
				f.Swap(set) // somebody wants it again
				if canaryOf(f) != "r2" {
					t.Fatal("a canary that was taken back may not return")
				}
			})
		})
	}
}

func TestFaultsOfBothArmsAreNotTheCanarys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan Rollback, 10)
		f := open(t, Options{Circuit: Circuit{Failures: 1 << 30}, OnRollback: func(r Rollback) { told <- r }},
			Set{Active: failing("r1", errors.New("broken")), Canary: failing("r2", errors.New("broken")), CanaryShare: 0.5})
		decideMany(t, f, 1000, never)
		if len(told) != 0 {
			t.Fatalf("dropped: %+v", <-told)
		}
	})
}

func TestAFewSlowDecisionsAreChance(t *testing.T) {
	g := newGuard(Guard{Window: time.Hour, MinRequests: 50, Margin: 0.05, LatencyFactor: 2})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 100 {
		slow := time.Duration(0)
		if i%20 == 0 {
			slow = 50 * time.Millisecond
		}
		g.decided(armActive, at, false, 100*time.Microsecond)
		g.decided(armCanary, at, false, 100*time.Microsecond+slow)
	}
	if why := g.verdict(); why != "" {
		t.Fatalf("dropped: %s", why)
	}
}

func TestTheGuardForgetsWhatIsOld(t *testing.T) {
	g := newGuard(Guard{Window: time.Minute, MinRequests: 10, Margin: 0.05, LatencyFactor: 2})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 9 {
		g.decided(armCanary, at, true, 0)
	}
	at = at.Add(2 * time.Minute)
	g.decided(armCanary, at, true, 0)
	if why := g.verdict(); why != "" {
		t.Fatalf("dropped by what is two minutes old: %s", why)
	}
	for range 9 {
		g.decided(armCanary, at, true, 0)
	}
	if why := g.verdict(); why == "" {
		t.Fatal("ten faults of ten are no reason")
	}
}

func TestBucketsOfDecisionTimesAreRightWithinAFifth(t *testing.T) {
	for d := time.Microsecond; d < 10*time.Second; d = d*5/4 + time.Microsecond {
		up := upper(bucketOf(d))
		if up < d || float64(up) > 1.3*float64(d)+float64(time.Microsecond) {
			t.Fatalf("%v is in the bucket up to %v", d, up)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	f, err := New(Options{Static: static()})
	if err != nil {
		b.Fatal(err)
	}
	f.Swap(Set{Active: sure("r1", 0.3), Canary: sure("r2", 0.3), CanaryShare: 0.1})
	b.ReportAllocs()
	for b.Loop() {
		f.Decide(b.Context(), Request{Text: "why", RequestKey: "abc"})
	}
}
