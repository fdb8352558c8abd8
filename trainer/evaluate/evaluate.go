// Package evaluate lets package evaluation measure recipes.
//
// A recipe enters; an evaluation.Router leaves. What it learns from are the training rows that the evaluation
// hands it, and nothing else.
package evaluate

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"sluice/evaluation"
	"sluice/trainer/artifact"
	"sluice/trainer/dataset"
	"sluice/trainer/recipe"
)

// Recipe is a recipe that an evaluation fits and scores. Scores may be asked for side by side after Fit.
type Recipe struct {
	ctx      context.Context //nolint:containedctx // the life of the evaluation: Fit and Score have none of their own
	name     string
	options  recipe.Options
	progress func(recipe.Progress)
	// Report is what the last Fit found.
	Report recipe.Report

	trained evaluation.Trained
}

// NewRecipe makes a router of a recipe. Fit trains into a temporary directory and stops when ctx ends; progress
// may be nil.
func NewRecipe(ctx context.Context, name string, o recipe.Options, progress func(recipe.Progress)) *Recipe {
	return &Recipe{ctx: ctx, name: name, options: o, progress: progress}
}

// Name is what tables call it.
func (r *Recipe) Name() string { return r.name }

// Calibrated is true.
func (r *Recipe) Calibrated() bool { return true }

// Fit trains on the rows. The graded files describe no query, so no reasoning is learnt.
func (r *Recipe) Fit(train []evaluation.Sample) (err error) {
	rows := make([]dataset.Row, len(train))
	for i, s := range train {
		rows[i] = dataset.Row{ID: strconv.Itoa(i) + ":" + s.ID, Text: s.Text, Policy: s.Policy()}
	}
	set, err := dataset.Of(rows)
	if err != nil {
		return err
	}
	o := r.options
	if o.Dir, err = os.MkdirTemp("", "sluice-recipe-"); err != nil {
		return fmt.Errorf("a directory for the recipe: %w", err)
	}
	defer func() {
		if e := os.RemoveAll(o.Dir); err == nil {
			err = e
		}
	}()
	dir, report, err := recipe.Train(r.ctx, set, o, r.progress)
	if err != nil {
		return err
	}
	router, err := artifact.Open(r.ctx, dir)
	if err != nil {
		return err
	}
	r.Report, r.trained = report, evaluation.NewTrained(r.ctx, r.name, router)
	return nil
}

// Score is P(Complex).
func (r *Recipe) Score(text string) float64 { return r.trained.Score(text) }
