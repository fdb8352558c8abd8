package main

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"sluice/config"
	"sluice/llm/emulator"
	"sluice/producers"
)

// demoInput is what a demo asks, and who answers.
type demoInput struct {
	// name is what people see, subject the source that the questions are published under.
	name, subject string
	rows          iter.Seq2[producers.Row, error]
	total         int
	// skipped counts rows of the file that are not asked, by reason.
	skipped map[string]int
	// source answers in place of real models.
	source emulator.Source
}

// demoBankRows is how much of the bank a demo asks by itself.
const demoBankRows = 300

// input opens the data set. Graded rows with runs of both models are replayed; everything else is answered
// by made-up models.
func (c *demoCmd) input(m *Main, cfg config.Config) (demoInput, error) {
	d, err := m.openDataset(c.Dataset, "", "")
	if err != nil {
		return demoInput{}, err
	}
	if d.format == producers.Recorded {
		return c.recordedInput(d, cfg)
	}
	limit := c.Limit
	if limit == 0 && d.path == "" {
		limit = demoBankRows
	}
	in := demoInput{name: d.name, subject: d.source, rows: producers.Select(producers.Selection{Limit: limit}, d.rows)}
	survey, err := producers.Count(in.rows)
	if err != nil {
		return demoInput{}, err
	}
	in.skipped = positive(map[string]int{"invalid": survey.Invalid, "repeated": survey.Repeated})
	in.total = survey.Rows - survey.Invalid - survey.Repeated
	in.source, err = syntheticSource(d, cfg.Emulator.Seed)
	return in, err
}

// recordedInput asks the rows that a replay can tell: the emulator's own filter, so that who asks and who
// answers agree.
func (c *demoCmd) recordedInput(d dataset, cfg config.Config) (demoInput, error) {
	medium, large := cfg.Pair.Medium, cfg.Pair.Large
	rows, skipped, err := emulator.LoadFirst(d.path, c.Limit, medium, large)
	if err != nil {
		return demoInput{}, err
	}
	if len(rows) == 0 {
		return demoInput{}, noRuns(d, medium, large)
	}
	in := demoInput{name: d.name, subject: d.source, skipped: skipped.Counts(), source: emulator.NewRecorded(rows)}
	in.rows = producers.Select(producers.Selection{}, asRows(rows))
	survey, err := producers.Count(in.rows)
	if err != nil {
		return demoInput{}, err
	}
	if in.skipped == nil {
		in.skipped = map[string]int{}
	}
	in.skipped["repeated_id"] = survey.Invalid + survey.Repeated
	in.skipped = positive(in.skipped)
	in.total = survey.Rows - survey.Invalid - survey.Repeated
	return in, nil
}

// noRuns says which models the file has.
func noRuns(d dataset, medium, large string) error {
	all, _, err := emulator.Load(d.path)
	if err != nil {
		return err
	}
	models := all.Models()
	if slices.Contains(models, medium) && slices.Contains(models, large) {
		return fmt.Errorf("%s has no row that can be replayed for %s and %s", d.name, medium, large)
	}
	return usagef("%s has no recorded answers of both %s and %s: choose --medium and --large from %s", d.name, medium, large, strings.Join(models, ", "))
}

// asRows is graded rows as any upstream would ask them.
func asRows(rows emulator.Rows) iter.Seq2[producers.Row, error] {
	return func(yield func(producers.Row, error) bool) {
		for _, r := range rows {
			if !yield(producers.Row{ID: r.ID, Text: r.Question, GroundTruth: r.Gold, Line: r.Line}, nil) {
				return
			}
		}
	}
}

// withTenant puts every row under a tenant; the empty one leaves rows as they are.
func withTenant(rows iter.Seq2[producers.Row, error], tenant string) iter.Seq2[producers.Row, error] {
	return func(yield func(producers.Row, error) bool) {
		for row, err := range rows {
			if tenant != "" {
				row.Tenant = tenant
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// positive drops what counts nothing.
func positive(counts map[string]int) map[string]int {
	for k, n := range counts {
		if n == 0 {
			delete(counts, k)
		}
	}
	return counts
}
