package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice"
	"sluice/evaluation"
	"sluice/pricing"
	"sluice/routing/rules"
	"sluice/streams"
)

// rulesReplayCmd holds past decisions against other rules.
type rulesReplayCmd struct {
	window
	With  string  `required:"" placeholder:"FILE" help:"The sluice.yaml with the new rules."`
	Spent float64 `min:"0" placeholder:"SHARE" help:"Assume a budget of which this share is spent; how far budgets were spent is not recorded."`
	JSON  bool    `help:"Print one JSON object instead."`
}

// Run reads the decisions of the window from the log; it changes nothing.
func (c *rulesReplayCmd) Run(ctx context.Context, m *Main) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	mapper, err := m.rulesOf(c.With)
	if err != nil {
		return err
	}
	table, err := pricing.New(m.config.PriceRows()...)
	if err != nil {
		return err
	}
	l, err := m.openLog(ctx, "rules replay", toLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	r := rules.Replay{Mapper: mapper, Spent: c.Spent, Price: func(model string, at time.Time, u sluice.Usage) (sluice.MicroUSD, error) {
		cost, _, err := table.Price(model, at, u)
		return cost, err
	}}
	unreadable := 0
	for msg, err := range streams.Scan(ctx, l.JS, streams.StreamDecisions, streams.Window{Since: c.Since.Time, Until: c.Until.Time}) {
		if err != nil {
			return err
		}
		d, err := streams.Decode[sluice.Decision](msg.Data)
		if err != nil {
			unreadable++
			continue
		}
		r.Add(d)
	}
	change := r.Change()
	if unreadable > 0 {
		fmt.Fprintf(m.Stderr, "%s decisions could not be read and are left out\n", count(unreadable))
	}
	if c.JSON {
		return printJSONAs(m.Stdout, jsonForm{verbatim: true}, change)
	}
	drawChange(m.Stdout, change, mapper.Version())
	return nil
}

func drawChange(w io.Writer, c rules.Change, version string) {
	if c.Decisions == 0 && len(c.Others) == 0 {
		fmt.Fprintln(w, "no decision was stored in that time")
		return
	}
	for _, part := range []struct {
		name   string
		counts map[string]rules.BeforeAfter
	}{{"model", c.Models}, {"rule", c.Rules}} {
		t := newTable(w, part.name, "before", "", "after", "").numbers(2, 3, 4, 5)
		for _, name := range sortedKeys(part.counts) {
			n := part.counts[name]
			t.row(orRefused(name), count(n.Before), shareOf(n.Before, c.Decisions), count(n.After), shareOf(n.After, c.Decisions))
		}
		t.flush()
	}
	if len(c.Moves) > 0 {
		t := newTable(w, "from", "to", "decisions").numbers(3)
		for _, m := range c.Moves {
			t.row(orRefused(m.From), orRefused(m.To), count(m.N))
		}
		t.flush()
	}
	fmt.Fprintf(w, "%s decisions, %s would change (%s) by rules %s\n", count(c.Decisions), count(c.Changed), shareOf(c.Changed, c.Decisions), version)
	fmt.Fprintf(w, "cost %s, would be about %s (%+.1f%%): what moves costs the mean of its new model\n", c.CostBefore, c.CostAfter, evaluation.Shown(growth(c.CostBefore, c.CostAfter)))
	for _, why := range sortedKeys(c.Others) {
		fmt.Fprintf(w, "%s left out: %s\n", count(c.Others[why]), why)
	}
	if c.Unpriced > 0 {
		fmt.Fprintf(w, "%s go to a model of unknown cost and count as free\n", count(c.Unpriced))
	}
	for _, rule := range sortedKeys(c.Failures) {
		fmt.Fprintf(w, "rule %s failed %s times and was left out\n", rule, count(c.Failures[rule]))
	}
}

func orRefused(model string) string {
	if model == "" {
		return "(refused)"
	}
	return model
}

func shareOf(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}

// growth is by how many percent after is more than before.
func growth(before, after sluice.MicroUSD) float64 {
	if before == 0 {
		return 0
	}
	return 100 * (float64(after)/float64(before) - 1)
}
