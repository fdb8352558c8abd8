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
	"time"

	"sluice"
	"sluice/postgres"
	"sluice/streams"
	"sluice/trainer/snapshot"
	"sluice/trainer/worker"
)

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
		if p.Kind != "progress" {
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
