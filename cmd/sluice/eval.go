package main

import (
	"context"
	"fmt"
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
	Run     evalRunCmd     `cmd:"" help:"Evaluate routers of the registry beside every control, on the held-out test split of the tables."`
	Compare evalCompareCmd `cmd:"" help:"Compare two routers on the same held-out queries: paired differences with their intervals."`
	File    evalFileCmd    `cmd:"" help:"Evaluate the control routers, each query held out, on a file of graded answers: the shared form (runs by model) or RouteLLM's (weak and strong right or wrong)."`
}

type evalFileCmd struct {
	Path     string   `arg:"" help:"A .jsonl or .jsonl.gz file."`
	Medium   string   `required:"" placeholder:"MODEL" help:"The medium model's name in the file; for RouteLLM's form, the weak model's name in the prices."`
	Large    string   `required:"" placeholder:"MODEL" help:"The large model's."`
	Folds    int      `min:"2" default:"5" help:"Parts; each is scored by routers fitted on the others. Texts that nearly repeat one another share a part."`
	Holdout  bool     `help:"Score the first part alone: one fixed split, one fit a router."`
	Seed     uint64   `default:"1" help:"Another seed cuts other folds and draws other resamples."`
	MaxTrain int      `min:"1" placeholder:"N" help:"Fit on at most N rows of each fold's training part, drawn by the seed."`
	Draws    int      `min:"100" default:"1000" help:"Bootstrap resamples behind each interval."`
	Routers  []string `placeholder:"NAME" help:"Only these routers; default: every control. blend is the default recipe and gemma its model alone; a fit takes minutes, and is one for both."`
	Rules    []string `placeholder:"RULES" help:"Hold rules over every router and the static map, and compare each with the router alone at equal cost: presets (none, cost-aware, keyword-based, hybrid) or configuration files whose section routing has rules."`
	Budget   float64  `min:"0" placeholder:"SHARE" help:"With --rules: a budget that the queries use up in their order, as a share of what the router alone costs (0.7); rules on budgets hold against it."`
	CoreHour dollars  `default:"0.05" placeholder:"USD" help:"What an hour of one core costs: a router's median latency is charged at this price. Default: 0.05."`
	Out      string   `placeholder:"FILE" help:"Write the whole report, curves included, as JSON; - is standard output."`
	HTML     string   `placeholder:"FILE" help:"Write the report as one self-contained HTML page; - is standard output."`
	JSON     bool     `help:"Print one JSON object."`
}

// Run evaluates.
func (c *evalFileCmd) Run(ctx context.Context, m *Main) error {
	prices, err := pricing.New(m.config.PriceRows()...)
	if err != nil {
		return err
	}
	if c.Budget > 0 && len(c.Rules) == 0 {
		return usagef("--budget %g: want a share above 0, and rules that it concerns (--rules)", c.Budget)
	}
	report, err := c.evaluate(ctx, m, prices)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	return deliver(m, report, c.Out, c.HTML, c.JSON)
}

func (c *evalFileCmd) plan() evaluation.Plan {
	return evaluation.Plan{Folds: c.Folds, Holdout: c.Holdout, MaxTrain: c.MaxTrain, Seed: c.Seed}
}

// secondCost is the price of a router's second, in micro-dollars.
func (c *evalFileCmd) secondCost() float64 { return float64(c.CoreHour.micro) / 3600 }

func (c *evalFileCmd) evaluate(ctx context.Context, m *Main, prices pricing.Table) (*evaluation.Report, error) {
	cost, basis, priced := c.costs(prices)
	samples, skipped, err := evaluation.LoadGraded(c.Path, c.Medium, c.Large, cost)
	if err != nil {
		return nil, err
	}
	chains, err := c.chains(m)
	if err != nil {
		return nil, err
	}
	routers, err := c.routers(ctx, m)
	if err != nil {
		return nil, err
	}
	cut, err := c.plan().Cut(samples)
	if err != nil {
		return nil, err
	}
	all, err := crossValidate(ctx, m, cut, routers, samples)
	if err != nil {
		return nil, err
	}
	held := cut.Scored(samples)
	r := &evaluation.Report{
		Dataset: filepath.Base(c.Path), Skipped: skipped, Split: c.plan().String(), Seed: c.Seed, Medium: c.Medium, Large: c.Large,
		NearDuplicates: cut.Moved, Command: c.command(), CostBasis: basis,
	}
	o := evaluation.Options{
		Draws: c.Draws, Seed: c.Seed, OperatingShare: cut.OperatingShare(samples), Unpriced: !priced, SecondCost: c.secondCost(),
	}.Resampled(held)
	r.Measure(held, all, o)
	r.Ruled, err = evaluation.Rule(ctx, held, all, chains, evaluation.RuleOptions{Options: o, Budget: c.Budget})
	return r, err
}

// costs prices answers, and says how. Where a model has no price, nothing costs anything.
func (c *evalFileCmd) costs(prices pricing.Table) (cost evaluation.Coster, basis string, priced bool) {
	if prices.Validate(c.Medium, c.Large) != nil {
		cost = func(string, string, string) (sluice.MicroUSD, error) { return 0, nil }
		return cost, "none: a model has no price; shares of calls are all that is said", false
	}
	return lengthCost(prices, time.Now()), fmt.Sprintf("list prices of today; tokens estimated at four bytes each, "+
		"an answer without a text as one token; a router's time at $%g an hour", float64(c.CoreHour.micro)/1e6), true
}

// crossValidate scores every router on the parts that it was not fitted on.
func crossValidate(ctx context.Context, m *Main, cut *evaluation.Cut, routers []evaluation.Router, samples []evaluation.Sample) ([]evaluation.Scored, error) {
	var all []evaluation.Scored
	for _, r := range routers {
		scored, err := cut.CrossValidate(ctx, r, samples, func(fold, folds int) {
			m.log.Info("scored", "router", r.Name(), "fold", fmt.Sprintf("%d/%d", fold, folds))
		})
		if err != nil {
			return nil, err
		}
		all = append(all, scored)
	}
	return all, nil
}

// command makes the report again.
func (c *evalFileCmd) command() string {
	s := fmt.Sprintf("sluice eval file %s --medium %s --large %s --folds %d --seed %d --draws %d", filepath.Base(c.Path), c.Medium, c.Large, c.Folds, c.Seed, c.Draws)
	if c.Holdout {
		s += " --holdout"
	}
	if c.MaxTrain > 0 {
		s += fmt.Sprintf(" --max-train %d", c.MaxTrain)
	}
	if len(c.Routers) > 0 {
		s += " --routers " + strings.Join(c.Routers, ",")
	}
	if len(c.Rules) > 0 {
		s += " --rules " + strings.Join(c.Rules, ",")
	}
	if c.Budget > 0 {
		s += fmt.Sprintf(" --budget %g", c.Budget)
	}
	return s
}

// routers are the controls, or those that are named, of which gemma and blend are trained.
func (c *evalFileCmd) routers(ctx context.Context, m *Main) ([]evaluation.Router, error) {
	all := controls.All(c.Seed)
	if len(c.Routers) == 0 {
		return all, nil
	}
	told := func(p recipe.Progress) {
		m.log.Info("training", "kind", p.Kind, "stage", p.Stage, "step", fmt.Sprintf("%d/%d", p.Step, p.Steps), "loss", p.Loss, "note", p.Message)
	}
	blend := evaluate.NewRecipe(ctx, "blend", recipe.Options{Seed: c.Seed}, told)
	all = append(all, blend.Alone("gemma"), blend)
	var chosen []evaluation.Router
	for _, name := range c.Routers {
		i := slices.IndexFunc(all, func(r evaluation.Router) bool { return r.Name() == name })
		if i < 0 {
			var names []string
			for _, r := range all {
				names = append(names, r.Name())
			}
			return nil, usagef("no router %q; there are: %s", name, strings.Join(names, ", "))
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
