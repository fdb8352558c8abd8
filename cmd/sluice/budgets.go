package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"sluice/config"
	"sluice/consumers/monitor"
	"sluice/gateway/budget"
	"sluice/gateway/keys"
	"sluice/operate"
	"sluice/streams"
)

// budgetsCmd is about what gateways may spend.
type budgetsCmd struct {
	Show    budgetsShowCmd    `cmd:"" default:"1" help:"Show what is spent and left of every budget in its present period."`
	Rebuild budgetsRebuildCmd `cmd:"" help:"Make the present periods agree with the ledger, and drop what the dead had leased. Exact once no gateway has run for a quarter of an hour; before that it only raises."`
}

// limits is the configured budgets as their keeper wants them; the configuration was checked.
func limits(c config.Budgets) ([]budget.Limit, error) {
	out := make([]budget.Limit, 0, len(c.Limits))
	for _, l := range c.Limits {
		amount, err := l.MicroUSD()
		if err != nil {
			return nil, fmt.Errorf("budget %s: %w", l.Name, err)
		}
		out = append(out, budget.Limit{
			Name: l.Name, Scope: budget.Scope(l.Scope), Match: l.Match, Period: budget.Period(l.Period),
			Limit: amount, Action: budget.Action(l.Action), WarnAt: l.WarnAt,
		})
	}
	return out, nil
}

// withBooks opens the log and the books and hands them to do.
func (m *Main) withBooks(ctx context.Context, do func(*openedLog, *budget.Books) error) (err error) {
	configured, err := limits(m.config.Budgets)
	if err != nil {
		return err
	}
	l, err := m.openLog(ctx, "budgets", toLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	books, err := budget.OpenBooks(ctx, l.JS, configured)
	if err != nil {
		return err
	}
	return do(l, books)
}

type budgetsShowCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run shows every budget that was ever claimed in its present period, and the configured ones.
func (c *budgetsShowCmd) Run(ctx context.Context, m *Main) error {
	return m.withBooks(ctx, func(_ *openedLog, books *budget.Books) error {
		states, err := books.Show(ctx, time.Now())
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(m.Stdout, states...)
		}
		t := newTable(m.Stdout, "budget", "whose", "period", "limit", "spent", "reserved", "left", "share", "burn rate", "action", "resets").numbers(4, 5, 6, 7, 8, 9)
		for _, s := range states {
			t.row(s.Budget, whose(s.Scope, s.Subject), string(s.Period), s.Limit.String(), s.Spent.String(), s.Reserved.String(), s.Left.String(),
				fmt.Sprintf("%.1f%%", 100*s.Share), fmt.Sprintf("%.2f", s.BurnRate), string(s.Action), s.ResetsAt.Format("2006-01-02 15:04Z"))
		}
		t.flush()
		if len(states) == 0 {
			fmt.Fprintln(m.Stderr, "no budget is configured (budgets.limits), and none of a key was drawn on in its present period")
		}
		return nil
	})
}

func whose(scope budget.Scope, subject string) string {
	switch {
	case scope == budget.ScopeGlobal:
		return "everybody"
	case subject == "":
		return "who has no " + string(scope)
	}
	return fmt.Sprintf("%s %q", scope, subject)
}

type budgetsRebuildCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run reads the gateways' lines of the ledger since the month began.
func (c *budgetsRebuildCmd) Run(ctx context.Context, m *Main) error {
	return m.withBooks(ctx, func(l *openedLog, books *budget.Books) error {
		store, err := keys.Open(ctx, l.JS, keys.Options{Log: m.log})
		if err != nil {
			return err
		}
		defer store.Close()
		now := time.Now().UTC()
		done, err := books.Rebuild(ctx, ledgerLines(ctx, l, store, now), now)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(m.Stdout, done...)
		}
		t := newTable(m.Stdout, "budget", "whose", "period", "was", "ledger", "is", "dropped leases", "").numbers(4, 5, 6, 7)
		for _, r := range done {
			note := ""
			if r.Live {
				note = "a gateway is alive: raised only"
			}
			t.row(r.Budget, r.Subject, r.Window, r.Before.String(), r.Ledger.String(), r.After.String(), r.Dropped.String(), note)
		}
		t.flush()
		return nil
	})
}

// decisionsDurable is how the monitor reads decisions.
var decisionsDurable = streams.DurableName(monitor.Name, monitor.Version, "decisions")

// ledgerLines are the gateways' calls of this month. A call that began in it may have been told later,
// never earlier.
func ledgerLines(ctx context.Context, l *openedLog, store *keys.Store, now time.Time) iter.Seq2[budget.Line, error] {
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return func(yield func(budget.Line, error) bool) {
		for call, err := range operate.GatewayLines(ctx, l.JS, decisionsDurable, month) {
			key, _ := store.Get(call.KeyID)
			line := budget.Line{
				Tenant: call.Tenant, KeyID: call.KeyID, Model: call.Model, Own: key.Budgets, Cost: call.Cost, At: call.StartedAt,
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}
