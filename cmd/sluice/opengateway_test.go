package main

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"sluice"
	"sluice/gateway/budget"
	"sluice/gateway/keys"
	"sluice/gateway/spool"
	"sluice/streams"
)

// die leaves what a killed gateway leaves that spent 600 of a key's own budget and told nobody: a lease, and in the spool
// a decision that brings a line of 400, and one of 200 by itself, as older gateways leave them.
func die(t *testing.T, l *openedLog, dir string, key keys.Key) {
	t.Helper()
	slot, err := spool.Acquire(filepath.Join(dir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	replica, err := replicaName(slot.Dir, rand.Text)
	if err != nil {
		t.Fatal(err)
	}
	k, err := budget.Open(t.Context(), l.JS, budget.Options{Replica: replica})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	if v, err := k.Reserve(t.Context(), budget.Claim{ID: "c", KeyID: key.ID, Model: "m", Amount: 900, At: now, Own: key.Budgets}); err != nil || !v.Reserved() {
		t.Fatalf("%+v (%v)", v, err)
	}
	if err := k.Close(t.Context()); err != nil { // it can't give back what is open
		t.Fatal(err)
	}
	s, _, err := spool.Open(spool.Options{Dir: slot.Dir})
	if err != nil {
		t.Fatal(err)
	}
	line := sluice.Call{ID: "c", Stage: "gateway", KeyID: key.ID, Model: "m", StartedAt: now, Outcome: sluice.OutcomeOK, Cost: 400, PriceVersion: "x"}
	decision, err := streams.TakenFact(sluice.Decision{ID: "d", DecidedAt: now, Cost: 400, CallIDs: []string{"c"}, Calls: []sluice.Call{line}})
	if err != nil {
		t.Fatal(err)
	}
	line.ID, line.Cost = "older", 200
	alone, err := streams.BilledFact(line)
	if err != nil {
		t.Fatal(err)
	}
	for id, m := range map[string]streams.Message{"d": decision, "e": alone} {
		if err := s.End(id, []streams.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := slot.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatAKilledGatewaySpentOfAKeysOwnBudgetStaysSpent(t *testing.T) {
	p := newProgram(t)
	p.withLog(func(ctx context.Context, l *openedLog) {
		store, err := keys.Open(ctx, l.JS, keys.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		key, _, err := store.Create(ctx, keys.Spec{Scopes: []keys.Scope{keys.ScopeChat}, Budgets: []budget.Limit{{Period: budget.Month, Limit: 1000, Action: budget.ActionRefuse}}})
		if err != nil {
			t.Fatal(err)
		}
		die(t, l, p.dir, key)
		m := p.opened()
		g, err := m.openGateway(ctx, m.config, l, neverAsked{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = g.Close(ctx) }()
		books, err := budget.OpenBooks(ctx, l.JS, nil)
		if err != nil {
			t.Fatal(err)
		}
		states, err := books.Show(ctx, time.Now())
		if err != nil || len(states) != 1 || states[0].Spent != 600 {
			t.Errorf("%+v (%v), want 600 spent of the key's own budget", states, err)
		}
		if v, err := g.keeper.Reserve(ctx, budget.Claim{ID: "next", KeyID: key.ID, Model: "m", Amount: 500, At: time.Now(), Own: key.Budgets}); err != nil || v.Reserved() {
			t.Errorf("%+v (%v): 1,100 of 1,000 would be spent", v, err)
		}
	})
}
