package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"time"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/routing"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
)

// Results are what the candidates were worth on the held-out test split.
type Results struct {
	Headline string `json:"headline"`
	TestRows int    `json:"test_rows"`
	// Incumbent is what the candidate had to beat: the active version, else the best control by rows of the
	// train split.
	Incumbent string   `json:"incumbent"`
	Routers   []Scores `json:"routers"`
	// Promoted is the name of what was promoted; empty where nothing was. Reason is the gate's.
	Promoted string `json:"promoted"`
	Reason   string `json:"reason"`
}

// Scores are one router's.
type Scores struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// APGR is the share of the large model's advantage that is recovered, averaged over the threshold; NaN is
	// not JSON: a pointer that is nil is undefined.
	APGR      *float64 `json:"apgr"`
	AUROC     *float64 `json:"auroc"`
	LatencyUS float64  `json:"latency_us_p50"`
}

// finding is what an evaluation came to.
type finding struct {
	results Results
	// trained is the directory of what the recipe made, promote that of what is to be promoted, if anything.
	trained, promote string
	// over is the version that was active.
	over string
}

// trainedName is what tables call the router that the recipe made.
const trainedName = "trained"

// measure scores everything on the test split and asks the gate.
func (a *attempt) measure(ctx context.Context, s *snapshot.Snapshot, dir string) (*finding, error) {
	f := &finding{trained: dir}
	samples := s.TestSamples()
	if f.results.TestRows = len(samples); len(samples) == 0 {
		return nil, &faulty{errors.New("no test row has the grades of both models: there is nothing to measure on")}
	}
	trained, err := a.scoreArtifact(ctx, trainedName, dir, samples, &f.results)
	if err != nil {
		return nil, err
	}
	simple, err := a.controls(ctx, s, samples, &f.results)
	if err != nil {
		return nil, err
	}
	active, err := a.active(ctx, samples, f)
	if err != nil {
		return nil, err
	}
	incumbent := simple[0].scored
	if active != nil {
		incumbent = *active
	}
	f.results.Incumbent = incumbent.Name
	ruling := a.w.Gate.Judge(samples, trained, incumbent)
	f.results.Reason = ruling.Reason
	if ruling.Promote {
		f.promote, f.results.Promoted = dir, trainedName
	} else if err := a.tryControl(ctx, s, samples, simple, active, f); err != nil {
		return nil, err
	}
	f.results.Headline = headline(&f.results)
	return f, nil
}

// tryControl lets the best control that serves through the gate where the trained router did not pass: over the
// active version, or over a constant, which is what the static map is worth.
func (a *attempt) tryControl(ctx context.Context, s *snapshot.Snapshot, samples []evaluation.Sample, simple []control,
	active *evaluation.Scored, f *finding,
) error {
	incumbent := evaluation.Scored{Name: "the static map", Scores: make([]float64, len(samples)), Ranks: make([]float64, len(samples))}
	if active != nil {
		incumbent = *active
	}
	for _, c := range simple {
		dir, err := a.w.Shelf.Keep(ctx, a.job, s, c.router, filepath.Join(a.dir, "control"))
		if errors.Is(err, errors.ErrUnsupported) {
			continue // a yardstick
		}
		if err != nil {
			return &faulty{fmt.Errorf("keep control %s: %w", c.router.Name(), err)}
		}
		ruling := a.w.Gate.Judge(samples, c.scored, incumbent)
		if !ruling.Promote {
			f.results.Reason += "; and " + ruling.Reason
			return nil
		}
		f.promote, f.results.Promoted = dir, c.router.Name()
		f.results.Reason = ruling.Reason + "; and " + f.results.Reason
		return nil
	}
	return nil
}

// scoreArtifact opens an artifact and scores it.
func (a *attempt) scoreArtifact(ctx context.Context, name, dir string, samples []evaluation.Sample, r *Results) (evaluation.Scored, error) {
	router, err := a.w.Shelf.Open(ctx, dir)
	if err != nil {
		return evaluation.Scored{}, &faulty{fmt.Errorf("open what was trained: %w", err)}
	}
	scored, err := scoreRouter(ctx, name, router, samples)
	if err != nil {
		return scored, err
	}
	r.Routers = append(r.Routers, scoresOf(scored, router.Version(), samples))
	return scored, nil
}

// scoreRouter asks a router of every sample. A query that it can't decide goes where the static map would send
// it: it scores lowest.
func scoreRouter(ctx context.Context, name string, router routing.Router, samples []evaluation.Sample) (evaluation.Scored, error) {
	out := evaluation.Scored{Name: name, Scores: make([]float64, len(samples)), Calibrated: true}
	latencies := make([]float64, 0, len(samples))
	for i, sample := range samples {
		start := time.Now()
		choice, err := router.Route(ctx, routing.Request{Text: sample.Text})
		latencies = append(latencies, float64(time.Since(start).Nanoseconds())/1e3)
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		if err == nil {
			out.Scores[i] = choice.Score()
		}
	}
	out.Ranks, out.LatencyUS = out.Scores, median(latencies)
	return out, nil
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// active scores the active version; nil where the static map decides. One that can't be opened is no yardstick,
// but stays what is to be replaced.
func (a *attempt) active(ctx context.Context, samples []evaluation.Sample, f *finding) (*evaluation.Scored, error) {
	state, err := a.w.Registry.State(ctx)
	if err != nil {
		return nil, err
	}
	ref := state.Active.Ref
	if f.over = ref.Version; ref.Version == "" {
		return nil, nil
	}
	dir := filepath.Join(a.w.models(), ref.Version)
	err = a.w.Registry.Fetch(ctx, ref, dir)
	var router routing.Router
	if err == nil {
		router, err = a.w.Shelf.Open(ctx, dir)
	}
	if errors.Is(err, registry.ErrCorrupt) || errors.Is(err, registry.ErrNotThere) {
		a.w.Log.Warn("the active router can't be opened and so not be compared with", "version", ref.Version, "error", err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the active router %s: %w", ref.Version, err)
	}
	scored, err := scoreRouter(ctx, ref.Version, router, samples)
	if err != nil {
		return nil, err
	}
	f.results.Routers = append(f.results.Routers, scoresOf(scored, ref.Version, samples))
	return &scored, nil
}

// Bounds of what the controls cost: rows that they are fitted on, and the share that chooses between them.
const (
	mostFitted = 20_000
	heldOut    = 5
)

// control is a simple router that was fitted on the train rows.
type control struct {
	router evaluation.Router
	scored evaluation.Scored
	// chosenBy is its APGR on train rows that it was not fitted on.
	chosenBy float64
}

// controls fits every control on the train rows and scores it on the test rows. The best one comes first, by what
// it did on train rows that it was not fitted on: the test rows choose nothing.
func (a *attempt) controls(ctx context.Context, s *snapshot.Snapshot, samples []evaluation.Sample, r *Results) ([]control, error) {
	train := s.TrainSamples()
	train = train[:min(len(train), mostFitted)]
	var all []control
	for _, router := range controls.All(a.job.Seed) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		apgr := chosenBy(router, train, a.job.Seed)
		if err := router.Fit(train); err != nil {
			a.w.Log.Debug("a control was left out", "control", router.Name(), "error", err)
			continue
		}
		c := control{router, scoreControl(router, samples), apgr}
		all = append(all, c)
		r.Routers = append(r.Routers, scoresOf(c.scored, "", samples))
	}
	if len(all) == 0 {
		return nil, &faulty{errors.New("no control can be fitted: too few train rows")}
	}
	slices.SortStableFunc(all, func(a, b control) int { return cmp.Compare(b.chosenBy, a.chosenBy) })
	return all, nil
}

// chosenBy is a control's APGR on a fifth of the train rows that it is not fitted on.
func chosenBy(control evaluation.Router, train []evaluation.Sample, seed uint64) float64 {
	var fit, held []evaluation.Sample
	for _, sample := range train {
		if part(sample.Text, seed) == 0 {
			held = append(held, sample)
		} else {
			fit = append(fit, sample)
		}
	}
	if len(held) == 0 || control.Fit(fit) != nil {
		return 0.5
	}
	apgr, ok := evaluation.NewCurve(held, scoreControl(control, held).Scores, 0).APGR()
	if !ok {
		return 0.5
	}
	return apgr
}

func scoreControl(control evaluation.Router, samples []evaluation.Sample) evaluation.Scored {
	out := evaluation.Scored{Name: control.Name(), Scores: make([]float64, len(samples))}
	latencies := make([]float64, len(samples))
	for i, sample := range samples {
		start := time.Now()
		out.Scores[i] = control.Score(sample.Text)
		latencies[i] = float64(time.Since(start).Nanoseconds()) / 1e3
	}
	out.Ranks, out.LatencyUS = out.Scores, median(latencies)
	return out
}

func scoresOf(x evaluation.Scored, version string, samples []evaluation.Sample) Scores {
	s := Scores{Name: x.Name, Version: version, LatencyUS: x.LatencyUS}
	if apgr, ok := evaluation.NewCurve(samples, x.Scores, 0).APGR(); ok {
		s.APGR = &apgr
	}
	labels := make([]bool, len(samples))
	for i := range samples {
		labels[i] = samples[i].Escalate()
	}
	if auroc, ok := evaluation.AUROC(labels, x.Scores); ok {
		s.AUROC = &auroc
	}
	return s
}

// headline says in one line how the trained router did.
func headline(r *Results) string {
	end := "it is kept and not promoted"
	switch r.Promoted {
	case trainedName:
		end = "it is promoted"
	case "":
	default:
		end = r.Promoted + " is promoted in its place"
	}
	return fmt.Sprintf("on %d held-out queries the trained router has APGR %s, %s %s; %s",
		r.TestRows, r.apgr(trainedName), r.Incumbent, r.apgr(r.Incumbent), end)
}

func (r *Results) apgr(name string) string {
	for _, x := range r.Routers {
		if x.Name == name && x.APGR != nil {
			return fmt.Sprintf("%.3f", *x.APGR)
		}
	}
	return "undefined"
}

// part draws a sample's part of the train rows by its content, so that repeated texts stay together.
func part(text string, seed uint64) int {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d\x00%s", seed, sluice.NormalizeText(text))
	return int((h.Sum64() >> 7) % heldOut)
}
