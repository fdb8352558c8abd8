package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"sluice/routing"
)

// The architecture's figures for a router on a GPU, to stand beside a measurement.
const (
	ArchitectureLatency    = "100-300 ms"
	ArchitectureThroughput = "10-20 queries/s"
	ArchitectureMemory     = "6 GB"
)

// RouterOptions describe the benchmark of a router's decisions.
type RouterOptions struct {
	// Warm has the constant part of its prompt cached, Cold has not; they decide alike.
	Warm, Cold routing.Router
	// Texts are the queries, asked in turn; Decisions is how many of each measurement.
	Texts     []string
	Decisions int
	// Name says what was measured.
	Name string
}

// RouterSpeed is what a decision takes.
type RouterSpeed struct {
	Router string `json:"router"`
	// P50 and P95 are of one decision after the other, with the prefix cached; ColdP50 without.
	P50     float64 `json:"p50_ms"`
	P95     float64 `json:"p95_ms"`
	ColdP50 float64 `json:"cold_p50_ms"`
	// PerSecond is of as many callers as there are processors.
	PerSecond float64 `json:"decisions_per_s"`
	Callers   int     `json:"callers"`
	// Memory is the resident memory of the whole process, in MiB.
	Memory float64 `json:"memory_mb"`
}

// RunRouter measures a router.
func RunRouter(ctx context.Context, o RouterOptions) (RouterSpeed, error) {
	s := RouterSpeed{Router: o.Name, Callers: runtime.GOMAXPROCS(0)}
	if len(o.Texts) == 0 || o.Decisions < 1 {
		return s, fmt.Errorf("router: %d decisions on %d texts", o.Decisions, len(o.Texts))
	}
	if _, err := o.decide(ctx, o.Warm, min(o.Decisions, 100)); err != nil { // caches and branch predictors
		return s, err
	}
	warm, err := o.decide(ctx, o.Warm, o.Decisions)
	if err != nil {
		return s, err
	}
	cold, err := o.decide(ctx, o.Cold, o.Decisions)
	if err != nil {
		return s, err
	}
	s.P50, s.P95, s.ColdP50 = warm[len(warm)/2], warm[len(warm)*95/100], cold[len(cold)/2]
	if s.PerSecond, err = o.together(ctx, s.Callers); err != nil {
		return s, err
	}
	mem, err := memoryOf(0)
	if err != nil {
		return s, err
	}
	s.Memory = round(mem.now)
	return s, nil
}

// decide lists the times of decisions, in ms, sorted.
func (o RouterOptions) decide(ctx context.Context, r routing.Router, n int) ([]float64, error) {
	took := make([]float64, n)
	for i := range took {
		begun := time.Now()
		if _, err := r.Route(ctx, routing.Request{Text: o.Texts[i%len(o.Texts)]}); err != nil {
			return nil, fmt.Errorf("decide: %w", err)
		}
		took[i] = float64(time.Since(begun).Microseconds()) / 1e3
	}
	slices.Sort(took)
	return took, nil
}

// together is the rate of several callers.
func (o RouterOptions) together(ctx context.Context, callers int) (float64, error) {
	errs := make([]error, callers)
	begun := time.Now()
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() { _, errs[i] = o.decide(ctx, o.Warm, o.Decisions) })
	}
	group.Wait()
	return round(float64(callers*o.Decisions) / time.Since(begun).Seconds()), errors.Join(errs...)
}
