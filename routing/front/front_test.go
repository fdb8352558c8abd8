package front

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/bulkhead"
	"sluice/routing"
)

// fake is a router of a test.
type fake struct {
	version string
	route   func(context.Context, routing.Request) (routing.Choice, error)
	asked   atomic.Int64
}

func (f *fake) Version() string { return f.version }

func (f *fake) Route(ctx context.Context, r routing.Request) (routing.Choice, error) {
	f.asked.Add(1)
	c, err := f.route(ctx, r)
	c.Version = f.version
	return c, err
}

// sure says how probable it finds Complex; the rest is Standard.
func sure(version string, complexity float64) *fake {
	return &fake{version: version, route: func(context.Context, routing.Request) (routing.Choice, error) {
		policy := sluice.Standard
		if complexity >= 0.5 {
			policy = sluice.Complex
		}
		return routing.Choice{Policy: policy, Probabilities: map[sluice.Policy]float64{
			sluice.Complex: complexity, sluice.Standard: (1 - complexity) * 0.9, sluice.Ambiguous: (1 - complexity) * 0.1,
		}}, nil
	}}
}

// late waits for its context's end, or for the time that a stubborn router takes.
func late(version string, stubborn time.Duration) *fake {
	return &fake{version: version, route: func(ctx context.Context, _ routing.Request) (routing.Choice, error) {
		if stubborn > 0 {
			pass(stubborn)
			return routing.Choice{Policy: sluice.Complex}, nil
		}
		<-ctx.Done()
		return routing.Choice{}, ctx.Err()
	}}
}

func failing(version string, err error) *fake {
	return &fake{version: version, route: func(context.Context, routing.Request) (routing.Choice, error) { return routing.Choice{}, err }}
}

func static() *fake {
	return &fake{version: "static", route: func(context.Context, routing.Request) (routing.Choice, error) {
		return routing.Choice{Policy: sluice.Standard, ReasoningSource: routing.ReasoningNone}, nil
	}}
}

func open(t *testing.T, o Options, s Set) *Front {
	t.Helper()
	if o.Static == nil {
		o.Static = static()
	}
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Swap(s)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestTheActiveRouterDecides(t *testing.T) {
	f := open(t, Options{}, Set{Active: sure("r1", 0.9)})
	d := f.Decide(t.Context(), Request{Text: "why"})
	if d.Fault != "" || d.Choice.Policy != sluice.Complex || d.Choice.Version != "r1" || d.Threshold != 0.5 {
		t.Fatalf("got %+v", d)
	}
}

func TestTheStaticMapDecidesWhereTheRouterDoesNot(t *testing.T) {
	panicking := &fake{version: "r1", route: func(context.Context, routing.Request) (routing.Choice, error) { panic("no weights") }}
	for name, c := range map[string]struct {
		active routing.Router
		want   Fault
	}{
		"it fails":        {failing("r1", errors.New("no memory")), FaultUnavailable},
		"it panics":       {panicking, FaultUnavailable},
		"it names none":   {failing("r1", fmt.Errorf("decide: %w", routing.ErrUnparseable)), FaultUnparseable},
		"no policy":       {failing("r1", nil), FaultUnparseable},
		"no number":       {sure("r1", math.NaN()), FaultUnparseable},
		"beyond numbers":  {sure("r1", math.Inf(1)), FaultUnparseable},
		"too long":        {failing("r1", routing.ErrTooLong), FaultTooLong},
		"it is not there": {failing("r1", routing.ErrUnavailable), FaultUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, Options{}, Set{Active: c.active})
			d := f.Decide(t.Context(), Request{Text: "why"})
			if d.Fault != c.want || d.Choice.Version != "static" || d.Choice.Policy != sluice.Standard {
				t.Fatalf("got %+v, want the static map's choice and fault %q", d, c.want)
			}
		})
	}
}

func TestAPanicOfARouterIsTold(t *testing.T) {
	var log bytes.Buffer
	beside := bulkhead.New(slog.New(slog.NewTextHandler(&log, nil)), time.Now)
	panicking := &fake{version: "r1", route: func(context.Context, routing.Request) (routing.Choice, error) { panic("no weights") }}
	open(t, Options{Beside: beside}, Set{Active: panicking}).Decide(t.Context(), Request{Text: "why"})
	if beside.Counts()["router"] != 1 || !strings.Contains(log.String(), "no weights") || !strings.Contains(log.String(), "front_test.go") {
		t.Fatalf("counted %v, told %s", beside.Counts(), &log)
	}
}

func TestAPanicBesideTheDecisionsEndsNothing(t *testing.T) {
	beside := bulkhead.New(slog.New(slog.DiscardHandler), time.Now)
	heard := make(chan string, 1)
	beside.Alert(func(work, _ string) { heard <- work })
	f, _, _ := watched(t, failing("r2", errors.New("broken")))
	f.o.Beside, f.o.OnRollback = beside, func(Rollback) { panic("no registry") }
	decideMany(t, f, 2000, never)
	if work := <-heard; work != "roll-back of a canary" {
		t.Fatalf("%q panicked", work)
	}
	if v := canaryOf(f); v != "" {
		t.Fatalf("the canary %s stays", v)
	}
}

func TestDecisionsComeInTimeFromARouterThatIgnoresItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{Deadline: 100 * time.Millisecond}, Set{Active: late("r1", time.Minute)})
		began := time.Now()
		d := f.Decide(t.Context(), Request{Text: "why"})
		if d.Fault != FaultDeadline || d.Choice.Version != "static" || time.Since(began) != 100*time.Millisecond {
			t.Fatalf("after %v: %+v", time.Since(began), d)
		}
		if d.RouterUS != 100_000 {
			t.Fatalf("took %d us, want 100000", d.RouterUS)
		}
	})
}

func TestARouterThatHangsDoesNotHoldUpItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{Deadline: time.Second, Concurrency: 2, ShadowConcurrency: 1}, Set{Active: late("r1", time.Hour)})
		for range 3 { // the third finds no place
			if d := f.Decide(t.Context(), Request{Text: "why"}); d.Fault != FaultDeadline {
				t.Fatalf("got %+v", d)
			}
		}
		f.Swap(Set{Active: sure("r2", 0.9)})
		if d := f.Decide(t.Context(), Request{Text: "why"}); d.Fault != "" || d.Choice.Version != "r2" {
			t.Fatalf("got %+v", d)
		}
	})
}

func TestAnExplanationHasALongerDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := late("r1", time.Second)
		f := open(t, Options{Deadline: 100 * time.Millisecond, ExplainDeadline: 2 * time.Second}, Set{Active: slow})
		if d := f.Decide(t.Context(), Request{Text: "why", Explain: true}); d.Fault != "" || d.Choice.Version != "r1" {
			t.Fatalf("got %+v", d)
		}
	})
}

func TestARouterThatIsAlwaysLateGetsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := late("r1", 0)
		f := open(t, Options{Deadline: 100 * time.Millisecond, Circuit: Circuit{Failures: 3, Pause: 10 * time.Second}}, Set{Active: r})
		faults := map[Fault]int{}
		for range 10 {
			faults[f.Decide(t.Context(), Request{Text: "why"}).Fault]++
		}
		if r.asked.Load() != 3 {
			t.Fatalf("asked %d times, want 3: the rest of the requests should not wait", r.asked.Load())
		}
		if faults[FaultDeadline] != 3 || faults[FaultUnavailable] != 7 {
			t.Fatalf("faults %v", faults)
		}
		f.Swap(Set{Active: r}) // a swap is no new chance for the same version
		pass(10 * time.Second)
		f.Decide(t.Context(), Request{Text: "why"})
		f.Decide(t.Context(), Request{Text: "why"})
		if r.asked.Load() != 4 {
			t.Fatalf("asked %d times, want one more after the pause", r.asked.Load())
		}
	})
}

func TestACircuitClosesWhenTheProbeSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		r := &fake{version: "r1", route: func(context.Context, routing.Request) (routing.Choice, error) {
			if broken.Load() {
				return routing.Choice{}, errors.New("broken")
			}
			return routing.Choice{Policy: sluice.Complex}, nil
		}}
		f := open(t, Options{Circuit: Circuit{Failures: 1, Pause: time.Second}}, Set{Active: r})
		f.Decide(t.Context(), Request{Text: "why"})
		broken.Store(false)
		pass(time.Second)
		for range 3 {
			if d := f.Decide(t.Context(), Request{Text: "why"}); d.Fault != "" {
				t.Fatalf("got %+v", d)
			}
		}
	})
}

func TestAClientThatGoesAwayIsNotTheRoutersFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := late("r1", 0)
		f := open(t, Options{Circuit: Circuit{Failures: 1}}, Set{Active: r})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if d := f.Decide(gone, Request{Text: "why"}); d.Choice.Policy == "" {
			t.Fatalf("no decision: %+v", d)
		}
		synctest.Wait()
		before := r.asked.Load()
		f.Decide(t.Context(), Request{Text: "why"})
		if r.asked.Load() == before {
			t.Fatal("the circuit opened though only the client was gone")
		}
	})
}

func TestTheThresholdIsTheRequestsThenTheTenantsThenTheConfiguredThenTheRouters(t *testing.T) {
	own := calibrated{sure("r1", 0.4), 0.35}
	at := func(x float64) *float64 { return &x }
	for name, c := range map[string]struct {
		options Options
		request Request
		want    float64
		policy  sluice.Policy
	}{
		"the router's":    {Options{}, Request{}, 0.35, sluice.Complex},
		"the configured":  {Options{Threshold: 0.6}, Request{}, 0.6, sluice.Standard},
		"the tenant's":    {Options{Threshold: 0.6, Tenants: map[string]float64{"acme": 0.1}}, Request{Tenant: "acme"}, 0.1, sluice.Complex},
		"another tenant":  {Options{Threshold: 0.6, Tenants: map[string]float64{"acme": 0.1}}, Request{Tenant: "other"}, 0.6, sluice.Standard},
		"the request's":   {Options{Threshold: 0.6}, Request{Threshold: at(0.4)}, 0.4, sluice.Complex},
		"always large":    {Options{Threshold: 0.6}, Request{Threshold: at(0)}, 0, sluice.Complex},
		"beyond one":      {Options{}, Request{Threshold: at(7)}, 1, sluice.Standard},
		"of nobody is .5": {Options{}, Request{Tenant: "pinned"}, 0.5, sluice.Standard},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, c.options, Set{Active: own, Pins: map[string]routing.Router{"pinned": sure("r0", 0.45)}})
			if d := f.Decide(t.Context(), c.request); d.Threshold != c.want || d.Choice.Policy != c.policy {
				t.Fatalf("got threshold %v and %s, want %v and %s", d.Threshold, d.Choice.Policy, c.want, c.policy)
			}
		})
	}
}

type calibrated struct {
	*fake
	threshold float64
}

func (c calibrated) Threshold() float64 { return c.threshold }

func TestBelowTheThresholdTheLikeliestOtherPolicyIsTaken(t *testing.T) {
	r := &fake{version: "r1", route: func(context.Context, routing.Request) (routing.Choice, error) {
		return routing.Choice{Policy: sluice.Complex, Probabilities: map[sluice.Policy]float64{
			sluice.Complex: 0.5, sluice.Standard: 0.2, sluice.Ambiguous: 0.3,
		}}, nil
	}}
	f := open(t, Options{Threshold: 0.7}, Set{Active: r})
	if d := f.Decide(t.Context(), Request{}); d.Choice.Policy != sluice.Ambiguous {
		t.Fatalf("got %s", d.Choice.Policy)
	}
}

func TestAReasoningEndsWithTheThresholdWhereThatOverrulesIt(t *testing.T) {
	r := &fake{version: "r1", route: func(context.Context, routing.Request) (routing.Choice, error) {
		return routing.Choice{Policy: sluice.Standard, Reasoning: "Well known.", Probabilities: map[sluice.Policy]float64{
			sluice.Complex: 0.25, sluice.Standard: 0.75,
		}}, nil
	}}
	for threshold, want := range map[float64]string{
		0.5: "Well known.",
		0.2: "Well known. P(Complex) is 0.25, not below the threshold of 0.2: it counts as Complex_Query.",
	} {
		if d := open(t, Options{Threshold: threshold}, Set{Active: r}).Decide(t.Context(), Request{}); d.Choice.Reasoning != want {
			t.Errorf("at %g: %s because %q, want %q", threshold, d.Choice.Policy, d.Choice.Reasoning, want)
		}
	}
	c := routing.Choice{Policy: sluice.Standard, Probabilities: map[sluice.Policy]float64{sluice.Complex: 0.55}}
	if got := overruled(c, 0.7); got != " P(Complex) is 0.55, below the threshold of 0.7: it counts as Standard_Query." {
		t.Errorf("got %q", got)
	}
}

func TestALongTextLosesItsMiddle(t *testing.T) {
	var got string
	r := &fake{version: "r1", route: func(_ context.Context, r routing.Request) (routing.Choice, error) {
		got = r.Text
		return routing.Choice{Policy: sluice.Standard}, nil
	}}
	f := open(t, Options{MaxBytes: 64}, Set{Active: r})
	text := "beginning " + strings.Repeat("ä", 500) + " the question?"
	d := f.Decide(t.Context(), Request{Text: text})
	if !d.Choice.Truncated || d.Fault != "" || d.Refusal != "" {
		t.Fatalf("got %+v", d)
	}
	if len(got) > 64 || !strings.HasPrefix(got, "beginning ä") || !strings.HasSuffix(got, "ä the question?") || !strings.Contains(got, gap) {
		t.Fatalf("the router read %q", got)
	}
	if strings.ToValidUTF8(got, "") != got {
		t.Fatalf("a character was cut: %q", got)
	}
}

func TestALongTextIsRefusedByConfiguration(t *testing.T) {
	r := sure("r1", 0.9)
	f := open(t, Options{MaxBytes: 64, RefuseLong: true}, Set{Active: r})
	d := f.Decide(t.Context(), Request{Text: strings.Repeat("x", 65)})
	if d.Fault != FaultTooLong || d.Refusal != "the query has 65 bytes and may have at most 64" || r.asked.Load() != 0 {
		t.Fatalf("got %+v", d)
	}
	if d := f.Decide(t.Context(), Request{Text: strings.Repeat("x", 64)}); d.Refusal != "" {
		t.Fatalf("64 bytes: %+v", d)
	}
}

func TestAPinnedTenantHasItsOwnRouter(t *testing.T) {
	f := open(t, Options{}, Set{Active: sure("r2", 0.9), Canary: sure("r3", 0.9), CanaryShare: 1, Pins: map[string]routing.Router{"acme": sure("r1", 0.9)}})
	if d := f.Decide(t.Context(), Request{Tenant: "acme"}); d.Choice.Version != "r1" || d.Canary {
		t.Fatalf("got %+v", d)
	}
	if d := f.Decide(t.Context(), Request{Tenant: "other"}); d.Choice.Version != "r3" || !d.Canary {
		t.Fatalf("got %+v", d)
	}
}

func TestASwapUnderLoadMixesNoVersionsAndFailsNoRequest(t *testing.T) {
	f := open(t, Options{Deadline: time.Minute}, Set{}) // the machine may be busy
	versioned := func(i int) Set {
		name := fmt.Sprint("r", i)
		return Set{Active: &fake{version: name, route: func(context.Context, routing.Request) (routing.Choice, error) {
			return routing.Choice{Policy: sluice.Complex, Reasoning: name}, nil
		}}}
	}
	f.Swap(versioned(0))
	var work sync.WaitGroup
	stop := make(chan struct{})
	var decided atomic.Int64
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				d := f.Decide(t.Context(), Request{Text: "why"})
				if d.Fault != "" || d.Choice.Version != d.Choice.Reasoning {
					t.Errorf("got %+v", d)
					return
				}
				decided.Add(1)
			}
		})
	}
	for i := range 50 {
		for before := decided.Load(); decided.Load() < before+20 && !t.Failed(); {
			f.Decide(t.Context(), Request{Text: "why"})
		}
		f.Swap(versioned(i))
	}
	close(stop)
	work.Wait()
}

func TestNothingInServiceIsAFaultOnlyUntilSomebodySaysSo(t *testing.T) {
	f, err := New(Options{Static: static()})
	if err != nil {
		t.Fatal(err)
	}
	if d := f.Decide(t.Context(), Request{Text: "why"}); d.Fault != FaultUnavailable || d.Choice.Version != "static" {
		t.Fatalf("before the first swap: %+v", d)
	}
	f.Swap(Set{})
	if d := f.Decide(t.Context(), Request{Text: "why"}); d.Fault != "" || d.Choice.Version != "static" {
		t.Fatalf("with the static map in service: %+v", d)
	}
}

func TestTheThresholdLeavesTheStaticMapAlone(t *testing.T) {
	f := open(t, Options{Static: routing.DefaultMap(), Threshold: 0.1}, Set{Active: routing.DefaultMap()})
	if d := f.Decide(t.Context(), Request{Text: "why"}); d.Choice.Policy != sluice.Standard || d.Threshold != 0 {
		t.Fatalf("got %+v", d)
	}
}

func TestAFrontWithoutAStaticRouterIsRefused(t *testing.T) {
	if _, err := New(Options{Threshold: 2}); err == nil || !strings.Contains(err.Error(), "static") || !strings.Contains(err.Error(), "threshold is 2") {
		t.Fatalf("got %v", err)
	}
}

// pass lets a test's own time pass.
func pass(d time.Duration) { <-time.After(d) }
