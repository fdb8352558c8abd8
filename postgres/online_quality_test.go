package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/internal/decided"
	"sluice/internal/pgtest"
	"sluice/online"
)

func TestBudgetsAreSummedByScopeAndPeriod(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	m := decided.New(4, noon.Add(-2*time.Hour), time.Minute)
	m.Change = func(_ int, d *sluice.Decision) { d.Cost = 1000 }
	record(t, o, &sluice.OnlineFacts{Decisions: m.Facts(120)})
	budgets := []online.Budget{
		{Name: "all", Scope: "global", Period: online.Day, Cap: 240_000},
		{Name: "hourly", Scope: "global", Period: online.Hour, Cap: 60_000},
		{Name: "each", Scope: "tenant", Subject: "*", Period: online.Day, Cap: 100_000},
		{Name: "nobody", Scope: "key", Subject: "k9", Period: online.Month, Cap: 1},
	}
	if err := o.RegisterBudgets(t.Context(), budgets); err != nil {
		t.Fatal(err)
	}
	if err := o.RegisterBudgets(t.Context(), budgets); err != nil {
		t.Fatal(err)
	}
	spends, err := o.Spends(t.Context(), budgets, noon)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range spends {
		got[s.Name] = fmt.Sprintf("%d of %d, %.2f", s.Spent, s.Cap, s.BurnRate())
	}
	want := map[string]string{
		"all": "120000 of 240000, 6.00", "hourly": "0 of 60000, 1.00", "each:": "80000 of 100000, 9.60", "each:acme": "40000 of 100000, 4.80",
		"nobody": "0 of 1, 0.00",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if n := one(t, db, "SELECT count(*) FROM spend_against_budget"); n.(int64) < 4 {
		t.Errorf("%v rows in the view", n)
	}
	if err := o.RegisterBudgets(t.Context(), nil); err != nil || one(t, db, "SELECT count(*) FROM budgets") != int64(0) {
		t.Errorf("a budget that is not configured any more stays: %v", err)
	}
}

func TestDriftIsZeroForTheTrainingSetsOwnTraffic(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	record(t, o, &sluice.OnlineFacts{Decisions: decided.New(4, noon.Add(-50*time.Minute), time.Second).Facts(3000)})
	reference := online.Profile{
		Features: map[string]online.Bins{"words": {Edges: []float64{10, 15, 20}, Counts: []float64{25, 25, 25, 25}}},
		Policies: map[string]float64{"Standard_Query": 70, "Complex_Query": 30},
	}
	traffic, err := o.Traffic(t.Context(), noon.Add(-time.Hour), 2500, reference)
	if err != nil || traffic.N != 2500 {
		t.Fatalf("%+v, %v", traffic, err)
	}
	drift := online.Drift(reference, traffic)
	if drift["words"] > 0.02 || drift[online.PolicyFeature] > 0.02 {
		t.Errorf("like traffic: %v", drift)
	}
	if _, err := db.Table(t.Context(), `UPDATE decisions SET features = '{"words": 40}', policy = 'Complex_Query'`); err != nil {
		t.Fatal(err)
	}
	traffic, err = o.Traffic(t.Context(), noon.Add(-time.Hour), 2500, reference)
	if err != nil {
		t.Fatal(err)
	}
	if drift = online.Drift(reference, traffic); drift["words"] < 1 || drift[online.PolicyFeature] < 1 {
		t.Errorf("other traffic: %v", drift)
	}
}
