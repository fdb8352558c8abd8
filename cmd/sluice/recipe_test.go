package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/internal/natstest"
	"sluice/routing"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
	"sluice/trainer/worker"
)

// A control that is kept brings a threshold at which it asks for the large model about as often as training has
// Complex queries, however rarely its P(Complex) is above a half.
func TestAKeptControlBringsAThreshold(t *testing.T) {
	var rows []snapshot.Row
	for i := range 400 {
		r := snapshot.Row{Key: fmt.Sprint(i), Split: sluice.Train, Policy: sluice.Standard, Text: fmt.Sprintf("capital %x of %x in %x", i*7919, i*104729, i*1299709)}
		if i%5 == 0 {
			r.Policy = sluice.Complex
		}
		if i%4 == 0 { // half of the rivers are Complex at most: P stays below 0.5
			r.Text = strings.Replace(r.Text, "capital", "river", 1)
		}
		rows = append(rows, r)
	}
	s, err := snapshot.New("p", "m", "l", sluice.DefaultPolicies(), rows)
	if err != nil {
		t.Fatal(err)
	}
	control := &controls.Logistic{Seed: 1}
	if err := control.Fit(s.TrainSamples()); err != nil {
		t.Fatal(err)
	}
	dir, err := shelf{}.Keep(t.Context(), sluice.TrainingJob{Seed: 1}, s, control, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	router, err := shelf{}.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	threshold := router.(interface{ Threshold() float64 }).Threshold()
	above := 0
	for _, r := range rows {
		c, err := router.Route(t.Context(), routing.Request{Text: r.Text})
		if err != nil {
			t.Fatal(err)
		}
		if c.Score() >= threshold {
			above++
		}
	}
	share := evaluation.OperatingShare(s.TrainSamples())
	if threshold <= 0 || threshold >= 0.5 || above < 20 || above > 200 {
		t.Errorf("threshold %.3f sends %d of 400 to the large model; %.0f%% are Complex", threshold, above, 100*share)
	}
}

// A worker that was replaced by a newer program in the middle of a training finds a checkpoint that it can't read.
func TestATrainingBeginsAnewWhereItsCheckpointIsOfNoUse(t *testing.T) {
	var rows []snapshot.Row
	for i := range 60 {
		r := snapshot.Row{Key: fmt.Sprint(i), Split: sluice.Train, Policy: sluice.Standard, Text: fmt.Sprintf("capital %x of %x", i*7919, i*104729)}
		if i%2 == 0 {
			r.Policy, r.Text = sluice.Complex, strings.Replace(r.Text, "capital", "river", 1)
		}
		rows = append(rows, r)
	}
	s, err := snapshot.New("p", "m", "l", sluice.DefaultPolicies(), rows)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "checkpoints"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "checkpoints", "checkpoint.json"), []byte(`{"job": "of another version"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (gemmaRecipe{}).Train(t.Context(), sluice.TrainingJob{ID: "j", Recipe: "default", Seed: 1}, s, dir, func(worker.Progress) {}); err != nil {
		t.Error(err)
	}
}

func TestABaseThatTheStoreDoesNotGiveForNowIsNoFaultOfTheJob(t *testing.T) {
	js := natstest.Log(t)
	r, err := registry.Open(t.Context(), js, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (gemmaRecipe{r}).base(t.Context(), "lora:nowhere", t.TempDir()); err == nil || errors.Is(err, worker.ErrAway) {
		t.Errorf("a base that is not there: %v", err)
	}
	js.Conn().Close()
	if _, err := (gemmaRecipe{r}).base(t.Context(), "lora:nowhere", t.TempDir()); !errors.Is(err, worker.ErrAway) {
		t.Errorf("a log that is away: %v", err)
	}
}
