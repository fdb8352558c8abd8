package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/routing"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
)

// Results are what the candidates were worth on the held-out test split.
type Results struct {
	Headline string `json:"headline"`
	// Incumbent is what the trained router had to beat: the active version, else the best control by rows of
	// the train split.
	Incumbent string `json:"incumbent"`
	// Promoted is the name of what was promoted; empty where nothing was. Reason is the gate's.
	Promoted string `json:"promoted"`
	Reason   string `json:"reason"`
	// Report is the whole table.
	Report evaluation.Report `json:"report"`
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

// contest is all that was scored on the test rows.
type contest struct {
	train, samples []evaluation.Sample
	trained        evaluation.Scored
	// active is nil where the static map decides.
	active *evaluation.Scored
	// simple are the controls, the best one first.
	simple []control
}

// incumbent is what the trained router must beat: the active version, else the best control.
func (c *contest) incumbent() evaluation.Scored {
	if c.active != nil {
		return *c.active
	}
	return c.simple[0].scored
}

// all is the table's order.
func (c *contest) all() []evaluation.Scored {
	all := []evaluation.Scored{c.trained}
	if c.active != nil {
		all = append(all, *c.active)
	}
	for _, one := range c.simple {
		all = append(all, one.scored)
	}
	return all
}

// measure scores everything on the test split and asks the gate.
func (a *attempt) measure(ctx context.Context, s *snapshot.Snapshot, dir string) (*finding, error) {
	f := &finding{trained: dir}
	c, err := a.contest(ctx, s, f)
	if err != nil {
		return nil, err
	}
	a.report(&f.results.Report, s, c)
	gate := a.w.Gate
	gate.Share = evaluation.OperatingShare(c.train)
	incumbent := c.incumbent()
	ruling := gate.Judge(c.samples, c.trained, incumbent)
	f.results.Incumbent, f.results.Reason = incumbent.Name, ruling.Reason
	if ruling.Promote {
		f.promote, f.results.Promoted = dir, trainedName
	} else if err := a.tryControl(ctx, s, gate, c, f); err != nil {
		return nil, err
	}
	f.results.Headline = f.results.headline()
	return f, nil
}

// contest scores the trained router, the controls and the active version on the test split.
func (a *attempt) contest(ctx context.Context, s *snapshot.Snapshot, f *finding) (*contest, error) {
	c := &contest{train: s.TrainSamples(), samples: s.TestSamples()}
	if len(c.samples) == 0 {
		return nil, &faulty{errors.New("no test row has the grades of both models: there is nothing to measure on")}
	}
	router, err := a.w.Shelf.Open(ctx, f.trained)
	if err != nil {
		return nil, &faulty{fmt.Errorf("open what was trained: %w", err)}
	}
	if c.trained, err = evaluation.ScoreAll(ctx, evaluation.NewTrained(ctx, trainedName, router), c.samples); err != nil {
		return nil, err
	}
	if c.simple, err = a.controls(ctx, c.train, c.samples); err != nil {
		return nil, err
	}
	if c.active, err = a.active(ctx, c.samples, f); err != nil {
		return nil, err
	}
	return c, nil
}

// coreSecond is what a second of a router's time is charged at, in micro-dollars: five cents an hour.
const coreSecond = 50_000.0 / 3600

// report fills in the table.
func (a *attempt) report(r *evaluation.Report, s *snapshot.Snapshot, c *contest) {
	draws := a.w.Gate.Draws
	if draws == 0 {
		draws = 1000
	}
	r.Dataset, r.Medium, r.Large, r.Seed = "job "+a.job.ID, s.Medium, s.Large, a.w.Gate.Seed
	r.Split = "the test split of the job's snapshot; every router was fitted on its train split"
	r.CostBasis, r.Leaks = "the ledger", a.leaks
	r.Measure(c.samples, c.all(), evaluation.Options{
		Draws: draws, Seed: a.w.Gate.Seed, OperatingShare: evaluation.OperatingShare(c.train), SecondCost: coreSecond,
	})
}

// tryControl lets the best control that serves through the gate where the trained router did not pass: over the
// active version, or over a constant, which is what the static map is worth.
func (a *attempt) tryControl(ctx context.Context, s *snapshot.Snapshot, gate evaluation.Gate, c *contest, f *finding) error {
	incumbent := evaluation.Scored{Name: "the static map", Scores: make([]float64, len(c.samples)), Ranks: make([]float64, len(c.samples))}
	if c.active != nil {
		incumbent = *c.active
	}
	for _, one := range c.simple {
		dir, err := a.w.Shelf.Keep(ctx, a.job, s, one.router, filepath.Join(a.dir, "control"))
		if errors.Is(err, errors.ErrUnsupported) {
			continue // a yardstick
		}
		if err != nil {
			return &faulty{fmt.Errorf("keep control %s: %w", one.router.Name(), err)}
		}
		ruling := gate.Judge(c.samples, one.scored, incumbent)
		if !ruling.Promote {
			f.results.Reason += "; and " + ruling.Reason
			return nil
		}
		f.promote, f.results.Promoted = dir, one.router.Name()
		f.results.Reason = ruling.Reason + "; and " + f.results.Reason
		return nil
	}
	return nil
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
	scored, err := evaluation.ScoreAll(ctx, evaluation.NewTrained(ctx, ref.Version, router), samples)
	if err != nil {
		return nil, err
	}
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
func (a *attempt) controls(ctx context.Context, train, samples []evaluation.Sample) ([]control, error) {
	train = train[:min(len(train), mostFitted)]
	cut, err := evaluation.Plan{Folds: heldOut, Holdout: true, Seed: a.job.Seed}.Cut(train)
	if err != nil {
		a.w.Log.Debug("too few train rows to choose a control by", "error", err)
	}
	var all []control
	for _, router := range controls.All(a.job.Seed) {
		apgr := chosenBy(ctx, router, cut, train)
		if err := router.Fit(train); err != nil {
			a.w.Log.Debug("a control was left out", "control", router.Name(), "error", err)
			continue
		}
		scored, err := evaluation.ScoreAll(ctx, router, samples)
		if err != nil {
			return nil, err
		}
		all = append(all, control{router, scored, apgr})
	}
	if len(all) == 0 {
		return nil, &faulty{errors.New("no control can be fitted: too few train rows")}
	}
	slices.SortStableFunc(all, func(a, b control) int { return cmp.Compare(b.chosenBy, a.chosenBy) })
	return all, nil
}

// chosenBy is a control's APGR on a fifth of the train rows that it is not fitted on; that of a random mix where
// there is none.
func chosenBy(ctx context.Context, router evaluation.Router, cut *evaluation.Cut, train []evaluation.Sample) float64 {
	const randomMix = 0.5
	if cut == nil {
		return randomMix
	}
	scored, err := cut.CrossValidate(ctx, router, train, nil)
	if err != nil {
		return randomMix // it can't be fitted on so few, or ctx is over, which the caller sees
	}
	apgr, ok := evaluation.NewCurve(cut.Scored(train), scored.Ranks, 0).APGR()
	if !ok {
		return randomMix
	}
	return apgr
}

// headline says in one line how the trained router did.
func (r *Results) headline() string {
	end := "it is kept and not promoted"
	switch r.Promoted {
	case trainedName:
		end = "it is promoted"
	case "":
	default:
		end = r.Promoted + " is promoted in its place"
	}
	return fmt.Sprintf("on %d held-out queries the trained router has APGR %s, %s %s; %s",
		r.Report.Rows, r.apgr(trainedName), r.Incumbent, r.apgr(r.Incumbent), end)
}

func (r *Results) apgr(name string) string {
	if x, ok := r.Report.Line(name); ok && x.APGR != nil {
		return fmt.Sprintf("%.3f", evaluation.Shown(*x.APGR))
	}
	return "undefined"
}
