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
	"time"

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
	alone    bool
	fits     map[string]fit // by their rows, and shared by who trains the same

	last fit
}

// fit is one training: the router, and its model by itself.
type fit struct {
	whole, model evaluation.Trained
	report       recipe.Report
	seconds      float64
}

// NewRecipe makes a router of a recipe. Fit trains into a temporary directory and stops when ctx ends; progress
// may be nil.
func NewRecipe(ctx context.Context, name string, o recipe.Options, progress func(recipe.Progress)) *Recipe {
	return &Recipe{ctx: ctx, name: name, options: o, progress: progress, fits: map[string]fit{}}
}

// Alone is a router of the recipe's model, without what is blended with it. What one of the two was fitted on, the
// other is not trained on again. They are not fitted side by side.
func (r *Recipe) Alone(name string) *Recipe {
	half := *r
	half.name, half.alone = name, true
	return &half
}

// Name is what tables call it.
func (r *Recipe) Name() string { return r.name }

// Calibrated is true.
func (r *Recipe) Calibrated() bool { return true }

// Report is what the last Fit found.
func (r *Recipe) Report() recipe.Report { return r.last.report }

// FitSeconds is how long the training of the last Fit took, whoever had it done.
func (r *Recipe) FitSeconds() float64 { return r.last.seconds }

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
	f, done := r.fits[set.Digest()]
	if !done {
		if f, err = r.train(set); err != nil {
			return err
		}
		r.fits[set.Digest()] = f
	}
	r.last = f
	return nil
}

func (r *Recipe) train(set dataset.Set) (f fit, err error) {
	began := time.Now()
	o := r.options
	if o.Dir, err = os.MkdirTemp("", "sluice-recipe-"); err != nil {
		return f, fmt.Errorf("a directory for the recipe: %w", err)
	}
	defer func() {
		if e := os.RemoveAll(o.Dir); err == nil {
			err = e
		}
	}()
	dir, report, err := recipe.Train(r.ctx, set, o, r.progress)
	if err != nil {
		return f, err
	}
	router, err := artifact.Open(r.ctx, dir)
	if err != nil {
		return f, err
	}
	f = fit{whole: evaluation.NewTrained(r.ctx, r.name, router), report: report, seconds: time.Since(began).Seconds()}
	f.model = f.whole
	if blend, ok := router.(*artifact.Blended); ok {
		f.model = evaluation.NewTrained(r.ctx, r.name, blend.Model())
	}
	return f, nil
}

// Score is P(Complex).
func (r *Recipe) Score(text string) float64 {
	if r.alone {
		return r.last.model.Score(text)
	}
	return r.last.whole.Score(text)
}
