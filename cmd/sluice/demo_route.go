package main

import (
	"context"
	"path/filepath"

	"sluice"
	"sluice/routing"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/trainer/registry"
)

// demoRouted is how many queries a demo routes after a training.
const demoRouted = 6

// served is a sink that keeps what it was given first.
type served chan registry.Serving

func (s served) Use(_ context.Context, serving registry.Serving) {
	select {
	case s <- serving:
	default:
	}
}

// activeRouter is what decides now, got as every gateway gets it; nil where the static map does.
func (d *demo) activeRouter(ctx context.Context, w *workshop) (routing.Router, error) {
	ctx, stop := context.WithCancel(ctx)
	live := registry.Live{Registry: w.registry, Open: shelf{}.Open, Dir: filepath.Join(w.cfg.DataDir, "routers"), Log: d.quiet(ctx)}
	first, ended := make(served, 1), make(chan error, 1)
	go func() { ended <- live.Run(ctx, first) }() // joined below
	var serving registry.Serving
	var err error
	select {
	case serving = <-first:
		stop()
		err = <-ended
	case err = <-ended:
	}
	stop()
	return serving.Active, err
}

// route decides queries of the test split, two of each policy, as a gateway would.
func (d *demo) route(ctx context.Context, w *workshop, job *sluice.TrainingJob, t *demoTraining) error {
	s, err := w.registry.Objects().Snapshot(ctx, job.Snapshot, job.SnapshotDigest)
	if err != nil {
		return err
	}
	router, err := d.activeRouter(ctx, w)
	if err != nil {
		return err
	}
	if t.Active = routing.StaticVersion; router != nil {
		t.Active = router.Version()
	}
	trained, err := d.candidate(ctx, w, t)
	if err != nil {
		return err
	}
	mapper, err := newMapper(d.cfg)
	if err != nil {
		return err
	}
	active, err := d.before(router)
	if err != nil {
		return err
	}
	defer func() { _ = active.Close() }()
	candidate, err := d.before(trained)
	if err != nil {
		return err
	}
	defer func() { _ = candidate.Close() }()
	shown := map[sluice.Policy]int{}
	for _, r := range s.Test {
		if shown[r.Policy]++; shown[r.Policy] > demoRouted/len(s.Policies) {
			continue
		}
		routed := decide(ctx, active, mapper, r)
		if trained != nil {
			says := factsOf(candidate.Decide(ctx, front.Request{Text: r.Text}), r.Text)
			routed.Candidate, routed.CandidateScore = says.Policy, says.Score
		}
		t.Routed = append(t.Routed, routed)
	}
	return nil
}

// before is a front with a router in force; nil: the static map. The caller closes it.
func (d *demo) before(r routing.Router) (*front.Front, error) {
	f, err := newFront(d.cfg, d.m.beside, nil)
	if err == nil {
		f.Swap(front.Set{Active: r})
	}
	return f, err
}

// candidate is the trained router where another one decides; nil where it decides itself or is none.
func (d *demo) candidate(ctx context.Context, w *workshop, t *demoTraining) (routing.Router, error) {
	if t.Model == "" || t.Model == t.Active {
		return nil, nil
	}
	return w.whole(ctx, t.Model)
}

// decide asks the front, and then the rules.
func decide(ctx context.Context, f *front.Front, mapper *rules.Mapper, r sluice.TrainingExample) demoDecision {
	d := f.Decide(ctx, front.Request{Text: r.Text})
	facts := factsOf(d, r.Text)
	out := mapper.Map(facts)
	return demoDecision{
		Query: r.Text, Label: r.Policy, Policy: facts.Policy, Score: facts.Score, Threshold: facts.Threshold, Rule: out.Rule, Reason: out.Reason,
		Model: out.Model, Router: facts.Router, Micros: d.RouterUS,
	}
}
