package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice"
	"sluice/postgres"
	"sluice/routing"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/streams"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
	"sluice/trainer/worker"
)

// demoTraining is what came of a demo's training; its JSON is the object "training" of the summary.
type demoTraining struct {
	Job string `json:"job_id"`
	// Status is how the training ended: promoted, refused, failed or canceled. All are ends.
	Status  string         `json:"status"`
	Reason  string         `json:"reason"`
	Model   string         `json:"model_version"`
	Active  string         `json:"active_version"` // "static" where the static map decides
	Train   int            `json:"train_examples"`
	Test    int            `json:"test_examples"`
	Seconds float64        `json:"seconds"`
	Loss    []demoLoss     `json:"loss_curve"`
	Results worker.Results `json:"results"`
	Routed  []demoDecision `json:"decisions"`
}

// demoLoss is a point of the loss curve.
type demoLoss struct {
	Stage string  `json:"stage"`
	Step  int     `json:"step"`
	Loss  float64 `json:"loss"`
}

// demoDecision is a query of the test split that was routed as a gateway would: by what is active, then by the
// rules.
type demoDecision struct {
	Query     string        `json:"query"`
	Label     sluice.Policy `json:"label"`
	Policy    sluice.Policy `json:"policy"`
	Score     float64       `json:"p_complex"`
	Threshold float64       `json:"threshold"` // what P(Complex) was held against; 0 where the static map decides
	Rule      string        `json:"rule"`
	Reason    string        `json:"rule_reason"`
	Model     string        `json:"model"`
	Router    string        `json:"router_version"`
	Micros    int64         `json:"router_us"`
	// Candidate is what the trained router says, P(Complex) included, where it does not decide itself.
	Candidate      sluice.Policy `json:"candidate_policy,omitempty"`
	CandidateScore float64       `json:"candidate_p_complex,omitempty"`
}

// demoRouted is how many queries a demo routes after a training.
const demoRouted = 6

// train trains a router on what the run has labelled and routes a few queries by what is active then.
func (d *demo) train(ctx context.Context) (_ *demoTraining, err error) {
	db, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	cfg := d.cfg
	cfg.DataDir = filepath.Join(cfg.DataDir, "demo")
	cfg.Training.MinTrain, cfg.Training.MinTest = sluice.FewestTrainExamples, 5
	for _, dir := range []string{"training", "routers"} {
		if err := os.RemoveAll(filepath.Join(cfg.DataDir, dir)); err != nil {
			return nil, fmt.Errorf("clear the last demo's routers: %w", err)
		}
	}
	w, err := d.m.openWorkshop(ctx, cfg, d.log.JS)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	watcher := w.watcher(db)
	watcher.Log = d.quiet(ctx)
	begun := time.Now()
	job, _, err := watcher.Hand(ctx, "the demo")
	if err != nil {
		return nil, d.whyEnded(ctx, err)
	}
	fmt.Fprintf(d.m.Stderr, "\n%s\n", describe(*job))
	t := &demoTraining{Job: job.ID, Train: job.TrainExamples, Test: job.TestExamples}
	one := w.worker()
	one.Recipe, one.Log = &shownRecipe{Recipe: one.Recipe, w: d.m.Stderr, t: t}, d.quiet(ctx)
	if err := one.Run(ctx, true); err != nil || ctx.Err() != nil {
		return nil, d.whyEnded(ctx, errors.Join(err, ctx.Err()))
	}
	t.Seconds = float64(time.Since(begun).Milliseconds()) / 1000
	if err := d.outcome(ctx, w, t); err != nil {
		return nil, err
	}
	if err := d.route(ctx, w, job, t); err != nil {
		return nil, err
	}
	return t, d.recorded(ctx, db, job.ID)
}

// quiet is the log without the lines that the demo tells by itself.
func (d *demo) quiet(ctx context.Context) *slog.Logger {
	if d.m.log.Enabled(ctx, slog.LevelDebug) {
		return d.m.log
	}
	return slog.New(slog.DiscardHandler)
}

// shownRecipe tells people how far a recipe is.
type shownRecipe struct {
	worker.Recipe
	w    io.Writer
	t    *demoTraining
	last time.Time
}

// Train is worker.Recipe's.
func (r *shownRecipe) Train(ctx context.Context, job sluice.TrainingJob, s *snapshot.Snapshot, dir string, tell func(worker.Progress)) (string, error) {
	return r.Recipe.Train(ctx, job, s, dir, func(p worker.Progress) {
		tell(p)
		if p.Kind != "progress" || p.Step == 0 {
			return
		}
		r.t.Loss = append(r.t.Loss, demoLoss{p.Stage, p.Step, p.Loss})
		if now := time.Now(); now.Sub(r.last) >= progressLineEvery || p.Step == p.Steps {
			r.last = now
			fmt.Fprintf(r.w, "  %-12s step %d of %d, loss %.3f\n", p.Stage, p.Step, p.Steps, p.Loss)
		}
	})
}

// outcome reads how the training ended.
func (d *demo) outcome(ctx context.Context, w *workshop, t *demoTraining) error {
	for m, err := range streams.Scan(ctx, w.js, streams.StreamTraining, streams.Window{Filter: streams.ToldFilter(t.Job)}) {
		if err != nil {
			return err
		}
		e, err := streams.Decode[sluice.TrainingEvent](m.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Subject, err)
		}
		switch e.Kind {
		case "evaluated":
			if err := json.Unmarshal([]byte(e.Details), &t.Results); err != nil {
				return fmt.Errorf("results of job %s: %w", t.Job, err)
			}
			for i := range t.Results.Report.Routers { // the numbers are enough here
				x := &t.Results.Report.Routers[i]
				x.Curve, x.Bins, x.Policies, x.Intervals = nil, nil, nil, nil
			}
		case "registered":
			t.Model = e.ModelVersion
		case "promoted", "refused", "failed", "canceled":
			t.Status, t.Reason = e.Kind, e.Message
			if e.ModelVersion != "" {
				t.Model = e.ModelVersion
			}
		}
	}
	if t.Status == "" {
		return fmt.Errorf("training %s did not end; sluice train status with NATS_URL=%s", t.Job, d.log.URL)
	}
	return nil
}

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
	f, err := newFront(d.cfg, nil)
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

// recorded waits until the tables have the training's end, so that whoever looks there finds it.
func (d *demo) recorded(ctx context.Context, db *postgres.DB, jobID string) error {
	ticker := time.NewTicker(pollRing / 2)
	defer ticker.Stop()
	deadline := time.Now().Add(restPatience)
	for time.Now().Before(deadline) {
		rows, err := db.Table(ctx, "SELECT FROM training_runs WHERE job_id = $1 AND ended_at IS NOT NULL", jobID)
		if err != nil {
			return d.whyEnded(ctx, err)
		}
		if len(rows.Rows) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return d.whyEnded(ctx, errInterrupted)
		case <-ticker.C:
		}
	}
	d.m.log.Warn("the tables do not have the training's end yet")
	return nil
}

// draw writes the training for people.
func (t *demoTraining) draw(w io.Writer) {
	learnt := t.Train
	if l := t.Results.Report.Leaks; l != nil {
		learnt -= l.SameID + l.SameText + l.NearText
	}
	fmt.Fprintf(w, "\nTrained on %s examples whose ground truth is known, in %s: loss %s\n\n", count(learnt), span(seconds(t.Seconds)), t.curve())
	if t.Results.Report.Rows > 0 {
		showReport(w, &t.Results.Report)
	}
	fmt.Fprintf(w, "\nThe gate: %s: %s\n", strings.ToUpper(t.Status), t.Reason)
	switch t.Status {
	case "promoted":
		fmt.Fprintf(w, "%s decides from now on.\n", t.Active)
	case "refused":
		fmt.Fprintf(w, "%s is registered and decides nothing; %s decides. That is a valid end: what is not surely better is not promoted.\n", t.Model, orStatic(strings.TrimPrefix(t.Active, "static")))
	}
	if len(t.Routed) == 0 {
		return
	}
	fmt.Fprintf(w, "\nQueries of the test split, routed by %s\n", orStatic(strings.TrimPrefix(t.Active, "static")))
	t.drawRouted(w)
	fmt.Fprintln(w, "P(Complex) at or above the threshold is a Complex_Query; the rule says which model that means (sluice rules show).")
	fmt.Fprintln(w, `  sluice sql --demo "SELECT p->>'stage' AS stage, p->>'step' AS step, p->>'loss' AS loss FROM training_runs, jsonb_array_elements(loss_curve) p"`)
}

// drawRouted draws the decisions; what the trained router says stands beside them where it does not decide.
func (t *demoTraining) drawRouted(w io.Writer) {
	header := []string{"query", "label", "policy", "P(Complex)", "threshold", "rule", "model", "us"}
	if t.Routed[0].Candidate != "" {
		header = append(header, "trained says", "P(Complex)")
	}
	table := newTable(w, header...).numbers(4, 5, 8, 10)
	for _, r := range t.Routed {
		score, threshold := "-", "-"
		if r.Threshold > 0 {
			score, threshold = fmt.Sprintf("%.3f", r.Score), fmt.Sprintf("%.3f", r.Threshold)
		}
		row := []string{clip(r.Query, 56), string(r.Label), string(r.Policy), score, threshold, r.Rule, r.Model, count(r.Micros)}
		if r.Candidate != "" {
			row = append(row, string(r.Candidate), fmt.Sprintf("%.3f", r.CandidateScore))
		}
		table.row(row...)
	}
	table.flush()
}

// curve is the loss of each stage from its first to its last point, as blocks.
func (t *demoTraining) curve() string {
	var parts []string
	for i := 0; i < len(t.Loss); {
		j := i
		for j < len(t.Loss) && t.Loss[j].Stage == t.Loss[i].Stage {
			j++
		}
		stage := t.Loss[i:j]
		parts = append(parts, fmt.Sprintf("%s %.3f %s %.3f", stage[0].Stage, stage[0].Loss, sparks(stage), stage[len(stage)-1].Loss))
		i = j
	}
	if len(parts) == 0 {
		return "none was told"
	}
	return strings.Join(parts, ", ")
}

// sparks draws points as a line of blocks, at most forty.
func sparks(points []demoLoss) string {
	const most = 40
	lo, hi := points[0].Loss, points[0].Loss
	for _, p := range points {
		lo, hi = min(lo, p.Loss), max(hi, p.Loss)
	}
	var b strings.Builder
	n := min(most, len(points))
	for i := range n {
		level := 0
		if hi > lo {
			level = int((points[i*len(points)/n].Loss - lo) / (hi - lo) * 7)
		}
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[level])
	}
	return b.String()
}
