package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice"
	"sluice/consumers/answer"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/postgres"
	"sluice/routing"
	"sluice/trainer/snapshot"
)

// evalOptions are what both evaluations on the ring's own examples take.
type evalOptions struct {
	Seed     uint64  `default:"1" help:"Another seed draws other resamples."`
	Draws    int     `min:"100" default:"1000" help:"Bootstrap resamples behind each interval."`
	CoreHour dollars `default:"0.05" placeholder:"USD" help:"What an hour of one core costs: a router's median latency is charged at this price. Default: 0.05."`
	JSON     bool    `help:"Print one JSON object."`
}

type evalRunCmd struct {
	Versions []string `arg:"" optional:"" name:"version" help:"Versions of the registry; default: the active one, if there is one."`
	Out      string   `placeholder:"FILE" help:"Write the whole report, curves included, as JSON; - is standard output."`
	HTML     string   `placeholder:"FILE" help:"Write the report as one self-contained HTML page; - is standard output."`
	evalOptions
}

type evalCompareCmd struct {
	A      string `arg:"" help:"A version of the registry, a control (logistic, knn, kmeans, length, random) or static."`
	B      string `arg:"" help:"What it is compared with."`
	Metric string `placeholder:"KEY" help:"One number alone: apgr, aiq, accuracy, auroc, ... Default: all of them."`
	evalOptions
}

// Run evaluates the versions beside every control.
func (c *evalRunCmd) Run(ctx context.Context, m *Main) error {
	return m.withContest(ctx, c.evalOptions, func(t *contest) error {
		names := c.Versions
		if len(names) == 0 {
			state, err := t.w.registry.State(ctx)
			if err != nil {
				return err
			}
			if v := state.Active.Version; v != "" {
				names = []string{v}
			} else {
				fmt.Fprintln(m.Stderr, "no router is active, so only the controls are measured; another is by its version: sluice model list, sluice eval run VERSION")
			}
		}
		for _, r := range controls.All(c.Seed) {
			names = append(names, r.Name())
		}
		var all []evaluation.Scored
		for _, name := range names {
			scored, err := t.score(ctx, name)
			if err != nil {
				return err
			}
			all = append(all, scored)
		}
		r := t.report()
		r.Measure(t.test, all, t.options())
		return deliver(m, r, c.Out, c.HTML, c.JSON)
	})
}

// comparison is the result of eval compare.
type comparison struct {
	A           string                  `json:"a"`
	B           string                  `json:"b"`
	Rows        int                     `json:"rows"`
	Leaks       evaluation.Leaks        `json:"leaks"`
	Differences []evaluation.Difference `json:"differences"`
}

// Run compares two routers on the same queries.
func (c *evalCompareCmd) Run(ctx context.Context, m *Main) error {
	keys := evaluation.MetricNames()
	if c.Metric != "" {
		if !slices.Contains(keys, c.Metric) {
			return usagef("no metric %q; there are: %s", c.Metric, strings.Join(keys, ", "))
		}
		keys = []string{c.Metric}
	}
	return m.withContest(ctx, c.evalOptions, func(t *contest) error {
		a, err := t.score(ctx, c.A)
		if err != nil {
			return err
		}
		b, err := t.score(ctx, c.B)
		if err != nil {
			return err
		}
		out := comparison{A: c.A, B: c.B, Rows: len(t.test), Leaks: t.leaks}
		o := t.options().Resampled(t.test)
		for _, key := range keys {
			if d, ok := evaluation.Compare(t.test, a, b, key, o); ok {
				out.Differences = append(out.Differences, d)
			}
		}
		if c.JSON {
			return printJSON(m.Stdout, out)
		}
		out.show(m)
		return nil
	})
}

func (c comparison) show(m *Main) {
	fmt.Fprintf(m.Stdout, "%s minus %s, on the same %s held-out queries (paired bootstrap)\n", c.A, c.B, count(c.Rows))
	t := newTable(m.Stdout, "metric", "difference", "95%").numbers(2, 3)
	for _, d := range c.Differences {
		interval := "-"
		if d.Interval != nil {
			interval = fmt.Sprintf("%+.4f to %+.4f", evaluation.Shown(d.Interval.Lo), evaluation.Shown(d.Interval.Hi))
		}
		t.row(d.Metric, fmt.Sprintf("%+.4f", evaluation.Shown(d.Value)), interval)
	}
	t.flush()
}

// contest is the ring's own examples, on which routers are measured: the test split, and the train split
// without what the test split also has.
type contest struct {
	w           *workshop
	o           evalOptions
	s           *snapshot.Snapshot
	train, test []evaluation.Sample
	leaks       evaluation.Leaks
}

// withContest opens log and tables, and reads the examples as a training would be given them.
func (m *Main) withContest(ctx context.Context, o evalOptions, do func(*contest) error) error {
	return m.withWorkshop(ctx, "eval", toLook, func(w *workshop) (err error) {
		t, err := m.findTables(ctx, postgres.DefaultDatabase)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.Close(ctx)) }()
		db, err := postgres.Connect(ctx, t.URL, "sluice eval", 1)
		if err != nil {
			return fmt.Errorf("%w; are the tables there? sluice migrate up makes them", err)
		}
		defer db.Close()
		c := &contest{w: w, o: o}
		switch err := c.read(ctx, db); {
		case postgres.TableMissing(err):
			return fmt.Errorf("eval: %w; are the tables there? sluice migrate up makes them", err)
		case err != nil:
			return fmt.Errorf("eval: %w", err)
		}
		return do(c)
	})
}

func (t *contest) read(ctx context.Context, db *postgres.DB) error {
	c := t.w.cfg
	pair := sluice.PairID(c.Pair.Medium, c.Pair.Large, answer.PromptVersion)
	rows, _, err := db.Training(c.Training.ReferenceFree).Examples(ctx, pair, c.Training.MaxTrain)
	if err != nil {
		return err
	}
	if t.s, err = snapshot.New(pair, c.Pair.Medium, c.Pair.Large, c.PolicySpecs(), rows); err != nil {
		return err
	}
	if t.test = t.s.TestSamples(); len(t.test) == 0 {
		return fmt.Errorf("the tables hold no labelled query of the test split for %s and %s; publish some with their ground truth: sluice publish",
			c.Pair.Medium, c.Pair.Large)
	}
	t.train, t.leaks = evaluation.WithoutLeaks(t.s.TrainSamples(), t.test)
	return nil
}

// score asks a router of every test sample: a control, fitted on the train split, the static map, or a version
// of the registry.
func (t *contest) score(ctx context.Context, name string) (evaluation.Scored, error) {
	all := controls.All(t.o.Seed)
	if i := slices.IndexFunc(all, func(r evaluation.Router) bool { return r.Name() == name }); i >= 0 {
		if err := all[i].Fit(t.train); err != nil {
			return evaluation.Scored{}, fmt.Errorf("fit %s on %d train queries: %w", name, len(t.train), err)
		}
		return evaluation.ScoreAll(ctx, all[i], t.test)
	}
	router, err := t.open(ctx, name)
	if err != nil {
		return evaluation.Scored{}, err
	}
	return evaluation.ScoreAll(ctx, evaluation.NewTrained(ctx, name, router), t.test)
}

func (t *contest) open(ctx context.Context, name string) (routing.Router, error) {
	if name == routing.StaticVersion {
		return routing.LoadMap(t.w.cfg.Routing.PolicyMap)
	}
	return t.w.whole(ctx, name)
}

func (t *contest) options() evaluation.Options {
	return evaluation.Options{
		Draws: t.o.Draws, Seed: t.o.Seed, OperatingShare: evaluation.OperatingShare(t.train),
		SecondCost: float64(t.o.CoreHour.micro) / 3600,
	}
}

// report is the table without its lines.
func (t *contest) report() *evaluation.Report {
	return &evaluation.Report{
		Dataset: "the ring's test split", Seed: t.o.Seed, Medium: t.s.Medium, Large: t.s.Large, Leaks: &t.leaks,
		Split: fmt.Sprintf("the test split of the tables; controls are fitted on %s rows of the train split. A version of the registry learnt from the train split as it was then",
			count(len(t.train))),
		CostBasis: fmt.Sprintf("the ledger; a router's time at $%g an hour", float64(t.o.CoreHour.micro)/1e6),
		Command:   "sluice eval run",
	}
}
