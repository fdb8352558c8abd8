package budget

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
)

// Books are the shared state without a keeper: for commands, which reserve nothing.
type Books struct {
	shared shared
	limits []Limit
}

// OpenBooks opens the shared state; limits are the configured budgets. There is nothing to close.
func OpenBooks(ctx context.Context, js jetstream.JetStream, limits []Limit) (*Books, error) {
	s, err := openBucket(ctx, js)
	if err != nil {
		return nil, err
	}
	return &Books{shared: s, limits: limits}, nil
}

// Show is every budget of the periods that the instant falls into: those that were ever claimed, and the
// configured ones for one subject that were not.
func (b *Books) Show(ctx context.Context, at time.Time) ([]State, error) {
	keys, err := b.shared.keys(ctx, windows(at))
	if err != nil {
		return nil, err
	}
	var states []State
	seen, foreign := map[string]bool{}, map[string]error{}
	for _, key := range keys {
		r, _, err := b.shared.get(ctx, key)
		if errors.Is(err, errForeign) { // who knows whether it is a budget's place at all
			foreign[key] = err
			continue
		}
		if err != nil {
			return nil, err
		}
		seen[key] = true
		l := Limit{Name: r.Budget, Scope: r.Scope, Period: r.Period, Limit: r.Limit, Action: r.Action}
		states = append(states, stateOf(r, l, r.Subject, at))
	}
	for _, l := range b.limits {
		window, _, _ := l.Period.window(at)
		subject := l.Match
		if l.Scope == ScopeGlobal {
			subject = ""
		}
		key := recordKey(l, subject, window)
		if err := foreign[key]; err != nil {
			return nil, err
		}
		if subject != "*" && !seen[key] {
			states = append(states, stateOf(record{}, l, subject, at))
		}
	}
	slices.SortFunc(states, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Budget, b.Budget), cmp.Compare(a.Subject, b.Subject))
	})
	return states, nil
}

// Line is one call of the ledger, with the budgets of its key.
type Line struct {
	Tenant, KeyID, Model string
	Own                  []Limit
	Cost                 sluice.MicroUSD
	At                   time.Time
}

// Rebuilt says what [Books.Rebuild] made of one budget.
type Rebuilt struct {
	Budget  string `json:"budget"`
	Subject string `json:"subject,omitempty"`
	Window  string `json:"window"`
	// Before is what was booked, Ledger what the lines add up to, After what is booked now.
	Before sluice.MicroUSD `json:"before_microusd"`
	Ledger sluice.MicroUSD `json:"ledger_microusd"`
	After  sluice.MicroUSD `json:"after_microusd"`
	// Dropped is what the leases of the dead held.
	Dropped sluice.MicroUSD `json:"dropped_microusd,omitempty"`
	// Live is true where a replica wrote the record lately. Spent is then only ever raised and no lease
	// dropped, since the ledger may lag behind the replica's spool.
	Live bool `json:"live,omitempty"`
}

// total is what the lines add up to for one record.
type total struct {
	limit   Limit
	subject string
	window  string
	from    time.Time
	sum     sluice.MicroUSD
}

// Rebuild makes the budgets of the periods that the instant falls into agree with the ledger: what was
// booked twice or not at all is put right, and leases that nobody will come back for are dropped. Where a
// replica is alive it raises only; for exact numbers stop the gateways for a quarter of an hour or let
// [Keeper.Recover] do its work. The ledger must be complete: replay the spools first.
func (b *Books) Rebuild(ctx context.Context, lines iter.Seq2[Line, error], at time.Time) ([]Rebuilt, error) {
	totals, err := b.add(lines, at)
	if err != nil {
		return nil, err
	}
	keys, err := b.shared.keys(ctx, windows(at))
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if totals[key] != nil {
			continue
		}
		switch _, revision, err := b.shared.get(ctx, key); {
		case errors.Is(err, errForeign): // and of nothing that the ledger knows
			if err := b.shared.drop(ctx, key, revision); err != nil {
				return nil, err
			}
		default: // booked, and not in the ledger
			totals[key] = &total{}
		}
	}
	var out []Rebuilt
	for key, t := range totals {
		done, err := b.rebuild(ctx, key, t, at)
		if err != nil {
			return out, fmt.Errorf("rebuild budget %s: %w", key, err)
		}
		out = append(out, done)
	}
	slices.SortFunc(out, func(a, b Rebuilt) int {
		return cmp.Or(cmp.Compare(a.Budget, b.Budget), cmp.Compare(a.Subject, b.Subject))
	})
	return out, nil
}

// add adds up the lines by record.
func (b *Books) add(lines iter.Seq2[Line, error], at time.Time) (map[string]*total, error) {
	totals := map[string]*total{}
	for line, err := range lines {
		if err != nil {
			return nil, fmt.Errorf("rebuild budgets: %w", err)
		}
		for _, limits := range [][]Limit{b.limits, line.Own} {
			for _, l := range limits {
				subject, ok := l.subjectOf(line.Tenant, line.KeyID, line.Model)
				window, from, until := l.Period.window(at)
				if !ok || line.At.Before(from) || !line.At.Before(until) {
					continue
				}
				key := recordKey(l, subject, window)
				if totals[key] == nil {
					totals[key] = &total{limit: l, subject: subject, window: window, from: from}
				}
				totals[key].sum += line.Cost
			}
		}
	}
	return totals, nil
}

func (b *Books) rebuild(ctx context.Context, key string, t *total, at time.Time) (Rebuilt, error) {
	var done Rebuilt
	err := change(ctx, b.shared, key, true, func(r *record) bool {
		if r.Budget == "" {
			*r = newRecord(t.limit, t.subject, t.from)
		}
		window, _, _ := r.Period.window(at)
		done = Rebuilt{Budget: r.Budget, Subject: r.Subject, Window: window, Before: r.Spent, Ledger: t.sum, After: t.sum}
		for _, l := range r.Leases {
			done.Live = done.Live || at.Sub(l.Seen) < leaseLost
		}
		if done.Live {
			done.After = max(r.Spent, t.sum)
		} else {
			done.Dropped, r.Leases = r.leased(), nil
		}
		r.Spent = done.After
		return done.Before != done.After || done.Dropped != 0
	})
	return done, err
}
