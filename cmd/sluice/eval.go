package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/pricing"
	"sluice/trainer/evaluate"
	"sluice/trainer/recipe"
)

// evalCmd measures routers.
type evalCmd struct {
	File evalFileCmd `cmd:"" help:"Evaluate the control routers, each query held out, on a file of graded answers: the shared form (runs by model) or RouteLLM's (weak and strong right or wrong)."`
}

type evalFileCmd struct {
	Path     string   `arg:"" help:"A .jsonl or .jsonl.gz file."`
	Medium   string   `required:"" help:"The medium model's name in the file; for RouteLLM's form, the weak model's name in the prices."`
	Large    string   `required:"" help:"The large model's."`
	Folds    int      `default:"5" help:"Parts; each is scored by routers fitted on the others."`
	Seed     uint64   `default:"1" help:"Another seed cuts other folds and draws other resamples."`
	MaxTrain int      `placeholder:"N" help:"Fit on at most N rows of each fold's training part."`
	Draws    int      `default:"1000" help:"Bootstrap resamples behind each interval."`
	OneSplit bool     `help:"Hold out one of the folds only, for routers that take minutes to fit."`
	Routers  []string `placeholder:"NAME" help:"Only these routers; default: every control. gemma is the default recipe: it takes minutes a fold."`
	Out      string   `placeholder:"FILE" help:"Write the whole report, curves included, as JSON."`
	JSON     bool     `help:"Print one JSON object."`
}

// Run evaluates.
func (c *evalFileCmd) Run(ctx context.Context, m *Main) error {
	if c.Folds < 2 || c.Draws < 100 {
		return fmt.Errorf("eval: %d folds and %d draws: want at least 2 folds and 100 draws", c.Folds, c.Draws)
	}
	prices, err := pricing.New(m.config.PriceRows()...)
	if err != nil {
		return err
	}
	report, err := c.evaluate(ctx, m, prices)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	if c.Out != "" {
		if err := writeReport(c.Out, report); err != nil {
			return fmt.Errorf("eval: %w", err)
		}
	}
	if c.JSON {
		return json.NewEncoder(m.Stdout).Encode(report)
	}
	showReport(m.Stdout, report)
	return nil
}

func (c *evalFileCmd) evaluate(ctx context.Context, m *Main, prices pricing.Table) (evaluation.Report, error) {
	priced := prices.Validate(c.Medium, c.Large) == nil
	cost := func(string, string, string) (sluice.MicroUSD, error) { return 0, nil }
	basis := "none: a model has no price; shares of calls are all that is said"
	if priced {
		cost = lengthCost(prices, time.Now())
		basis = "list prices of today; tokens estimated at four bytes each, an answer without a text as one token"
	}
	samples, skipped, err := evaluation.LoadGraded(c.Path, c.Medium, c.Large, cost)
	if err != nil {
		return evaluation.Report{}, err
	}
	routers, err := c.routers(ctx, m)
	if err != nil {
		return evaluation.Report{}, err
	}
	all := samples
	if c.OneSplit {
		_, samples = evaluation.Split(all, c.Folds, c.MaxTrain, c.Seed)
	}
	o := evaluation.Options{Draws: c.Draws, Seed: c.Seed, OperatingShare: evaluation.OperatingShare(samples), Unpriced: !priced}
	ends := evaluation.NewCurve(samples, make([]float64, len(samples)), 0)
	lo, hi := ends[0].Cost, ends[len(ends)-1].Cost
	results := evaluation.Baselines(samples, o, lo, hi)
	for _, r := range routers {
		scored, err := c.score(ctx, m, r, all)
		if err != nil {
			return evaluation.Report{}, err
		}
		results = append(results, evaluation.Measure(samples, scored, o, lo, hi))
	}
	return evaluation.Report{
		Dataset: filepath.Base(c.Path), Rows: len(samples), Escalating: int(o.OperatingShare*float64(len(samples)) + 0.5), Skipped: skipped,
		Split: c.split(all, samples), Seed: c.Seed,
		Medium: c.Medium, Large: c.Large, Command: c.command(), CostBasis: basis,
		MediumAccuracy: ends.Weak(), LargeAccuracy: ends.Strong(),
		Headline: evaluation.Headline(results), Routers: results,
	}, nil
}

// score holds every row out in turn, or one fold.
func (c *evalFileCmd) score(ctx context.Context, m *Main, r evaluation.Router, samples []evaluation.Sample) (evaluation.Scored, error) {
	if c.OneSplit {
		train, held := evaluation.Split(samples, c.Folds, c.MaxTrain, c.Seed)
		return evaluation.HoldOut(ctx, r, train, held)
	}
	return evaluation.CrossValidate(ctx, r, samples, c.Folds, c.MaxTrain, c.Seed, func(fold int) {
		m.log.Info("scored", "router", r.Name(), "fold", fmt.Sprintf("%d/%d", fold+1, c.Folds))
	})
}

// split says in words what was held out of what.
func (c *evalFileCmd) split(all, held []evaluation.Sample) string {
	if !c.OneSplit {
		return fmt.Sprintf("%d folds by content; each row is scored by routers that never saw it", c.Folds)
	}
	train, _ := evaluation.Split(all, c.Folds, c.MaxTrain, c.Seed)
	return fmt.Sprintf("one of %d folds by content held out, %d rows; routers are fitted on %d of the others", c.Folds, len(held), len(train))
}

// command makes the report again.
func (c *evalFileCmd) command() string {
	s := fmt.Sprintf("sluice eval file %s --medium %s --large %s --folds %d --seed %d --draws %d", filepath.Base(c.Path), c.Medium, c.Large, c.Folds, c.Seed, c.Draws)
	if c.MaxTrain > 0 {
		s += fmt.Sprintf(" --max-train %d", c.MaxTrain)
	}
	if c.OneSplit {
		s += " --one-split"
	}
	if len(c.Routers) > 0 {
		s += " --routers " + strings.Join(c.Routers, ",")
	}
	return s
}

// routers are the controls, or those that are named, of which gemma is fitted by the default recipe.
func (c *evalFileCmd) routers(ctx context.Context, m *Main) ([]evaluation.Router, error) {
	all := controls.All(c.Seed)
	if len(c.Routers) == 0 {
		return all, nil
	}
	all = append(all, evaluate.NewRecipe(ctx, "gemma", recipe.Options{Seed: c.Seed}, func(p recipe.Progress) {
		m.log.Info("training", "kind", p.Kind, "stage", p.Stage, "step", fmt.Sprintf("%d/%d", p.Step, p.Steps), "loss", p.Loss, "note", p.Message)
	}))
	var chosen []evaluation.Router
	for _, name := range c.Routers {
		i := slices.IndexFunc(all, func(r evaluation.Router) bool { return r.Name() == name })
		if i < 0 {
			var names []string
			for _, r := range all {
				names = append(names, r.Name())
			}
			return nil, fmt.Errorf("no router %q; there are: %s", name, strings.Join(names, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// lengthCost prices an answer by the lengths of its texts.
func lengthCost(prices pricing.Table, at time.Time) evaluation.Coster {
	tokens := func(s string) int64 { return int64(len(s)+3) / 4 }
	return func(model, prompt, answer string) (sluice.MicroUSD, error) {
		cost, _, err := prices.Price(model, at, sluice.Usage{Prompt: tokens(prompt), Output: max(1, tokens(answer))})
		return cost, err
	}
}

// writeReport writes the file in one step.
func writeReport(path string, r evaluation.Report) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	enc.SetIndent("", " ")
	if err := errors.Join(enc.Encode(r), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

func showReport(w io.Writer, r evaluation.Report) {
	fmt.Fprintf(w, "%s\n\n%s: %s graded queries, %s right on %.1f%%, %s on %.1f%%; on %.1f%% only the large one is\n",
		r.Headline, r.Dataset, count(r.Rows), r.Medium, 100*r.MediumAccuracy, r.Large, 100*r.LargeAccuracy,
		100*float64(r.Escalating)/float64(r.Rows))
	t := newTable(w, "router", "APGR", "95%", "CPT(50%)", "CPT(80%)", "AIQ", "accuracy", "large", "$ per 1,000", "AUROC", "ECE", "us").
		numbers(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	for _, x := range r.Routers {
		interval, dollars, us := "-", "-", "-"
		if x.APGRLo != nil {
			interval = fmt.Sprintf("%.3f to %.3f", *x.APGRLo, *x.APGRHi)
		}
		if x.Cost != nil {
			dollars = fmt.Sprintf("%.4f", *x.Cost/1000)
		}
		if x.LatencyUS > 0 {
			us = fmt.Sprintf("%.0f", x.LatencyUS)
		}
		t.row(x.Name, shown(x.APGR), interval, percent(x.CPT50), percent(x.CPT80), shown(x.AIQ),
			percent(&x.Accuracy), percent(&x.LargeShare), dollars, shown(x.AUROC), shown(x.ECE), us)
	}
	t.flush()
	fmt.Fprintf(w, "accuracy, large and $ are at one operating point: as many large calls as there are Complex queries\n"+
		"costs: %s\n%s\nmade by: %s\n", r.CostBasis, r.Split, r.Command)
	for reason, n := range r.Skipped {
		fmt.Fprintf(w, "left out: %d, %s\n", n, reason)
	}
}

// shown is a number that may be undefined.
func shown(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", *v)
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100**v)
}
