package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/gemma/nf4"
	"sluice/routing"
	"sluice/trainer/artifact"
	trainset "sluice/trainer/dataset"
	"sluice/trainer/recipe"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
	"sluice/trainer/worker"
)

// gemmaRecipe trains what a job's recipe names: the default model, or adapters of a base model of the registry.
type gemmaRecipe struct{ registry *registry.Registry }

// defaultCheckpoints is the number of steps of the small model that a killed worker loses at most: five seconds
// of work, for a tenth of a second of writing.
const defaultCheckpoints = 20

// Train is worker.Recipe's.
func (g gemmaRecipe) Train(ctx context.Context, job sluice.TrainingJob, s *snapshot.Snapshot, dir string, tell func(worker.Progress)) (string, error) {
	rows := make([]trainset.Row, len(s.Train))
	for i, r := range s.Train {
		// By the query's key, so that a row that was labelled anew keeps its place.
		rows[i] = trainset.Row{ID: r.Key, Text: r.Text, Policy: r.Policy, Analysis: r.Analysis}
	}
	set, err := trainset.Of(rows)
	if err != nil {
		return "", err
	}
	o := recipe.Options{
		Dir: filepath.Join(dir, "trained"), Checkpoints: filepath.Join(dir, "checkpoints"), Policies: s.Policies, Seed: job.Seed,
		Backend: job.Backend, JobID: job.ID, Pair: job.Pair, Medium: job.Medium, Large: job.Large,
	}
	if o.CheckpointEvery = defaultCheckpoints; job.Recipe != recipe.Default {
		o.CheckpointEvery = 0 // the recipe's own: large models take a while to write
		if o.Base, err = g.base(ctx, job.Recipe, dir); err != nil {
			return "", err
		}
	}
	told := func(p recipe.Progress) {
		if p.Kind != "started" { // the worker has told that, and there is no loss yet
			tell(worker.Progress(p))
		}
	}
	trained, _, err := recipe.Train(ctx, set, o, told)
	if errors.Is(err, recipe.ErrCheckpoint) { // the directory is this job's alone: the program was replaced meanwhile, or the disk lost it
		if err = os.RemoveAll(o.Checkpoints); err == nil {
			trained, _, err = recipe.Train(ctx, set, o, told)
		}
	}
	return trained, err
}

// base fetches the base model that lora:NAME or qlora:NAME names.
func (g gemmaRecipe) base(ctx context.Context, name, dir string) (*recipe.Base, error) {
	kind, model, ok := strings.Cut(name, ":")
	if !ok || kind != "lora" && kind != "qlora" {
		return nil, fmt.Errorf("recipe %q: want default, lora:NAME or qlora:NAME", name)
	}
	at := filepath.Join(dir, "base")
	err := g.registry.FetchBase(ctx, model, at)
	if err != nil && !errors.Is(err, registry.ErrNotThere) && !errors.Is(err, registry.ErrCorrupt) {
		return nil, fmt.Errorf("%w: %w", worker.ErrAway, err)
	}
	if err != nil {
		return nil, err
	}
	b := &recipe.Base{Name: name, Path: at}
	if files, _ := filepath.Glob(filepath.Join(at, "*.gguf")); len(files) == 1 {
		b.Path = files[0]
	}
	if kind == "qlora" {
		b.Quantize = &nf4.Options{}
	}
	return b, nil
}

// shelf opens artifacts and keeps fitted controls.
type shelf struct{}

func (shelf) Open(ctx context.Context, dir string) (routing.Router, error) {
	return artifact.Open(ctx, dir)
}

// Note is worker.Shelf's.
func (shelf) Note(dir string, metrics map[string]float64) error {
	m, err := artifact.ReadManifest(dir)
	if err != nil {
		return err
	}
	all := maps.Clone(m.Metrics)
	if all == nil {
		all = map[string]float64{}
	}
	maps.Copy(all, metrics)
	m.Metrics = all
	return artifact.WriteManifest(dir, m)
}

// Keep is worker.Shelf's: the controls that an artifact may hold serve.
func (shelf) Keep(ctx context.Context, job sluice.TrainingJob, s *snapshot.Snapshot, control evaluation.Router, dir string) (string, error) {
	switch kind := artifact.Kind(control.Name()); kind {
	case artifact.Logistic, artifact.KNN, artifact.KMeans:
	default:
		return "", fmt.Errorf("control %s: %w", kind, errors.ErrUnsupported)
	}
	shares := make([]float64, len(s.Policies))
	for _, r := range s.Train {
		for i, p := range s.Policies {
			if p.Name == r.Policy {
				shares[i] += 1 / float64(len(s.Train))
			}
		}
	}
	m := artifact.Manifest{
		CreatedAt: job.AskedAt, Policies: s.Policies, Metrics: map[string]float64{"train_rows": float64(len(s.Train))},
		JobID: job.ID, Recipe: control.Name(), Seed: job.Seed, Pair: job.Pair, Medium: job.Medium, Large: job.Large,
	}
	threshold, err := heldOutThreshold(ctx, control.Name(), s.TrainSamples(), job.Seed)
	if err != nil {
		return "", err
	}
	m.Calibration = routing.Calibration{Temperature: 1, Threshold: threshold}
	_, err = artifact.PutControl(dir, control, m, shares)
	return dir, err
}

// heldOutThreshold is where a control of the name sends as many queries to the large model as the train rows have
// Complex ones, by a fifth of those rows that it was not fitted on; 0 where they are too few for that.
func heldOutThreshold(ctx context.Context, name string, train []evaluation.Sample, seed uint64) (float64, error) {
	all := controls.All(seed)
	i := slices.IndexFunc(all, func(r evaluation.Router) bool { return r.Name() == name })
	cut, err := evaluation.Plan{Folds: 5, Holdout: true, Seed: seed}.Cut(train)
	if i < 0 || err != nil {
		return 0, nil //nolint:nilerr // too few rows: the default threshold holds
	}
	scored, err := cut.CrossValidate(ctx, all[i], train, nil)
	if err != nil {
		return 0, context.Cause(ctx)
	}
	return routing.ThresholdFor(scored.Scores, evaluation.OperatingShare(train)), nil
}
