package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/internal/decided"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
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

// The same model may have been judged on the same question in another pair: each verdict is a word of its own, and
// one that is in the tables is not said again.
func TestEveryVerdictOnASampledQueryIsSaidOnceWhateverThePair(t *testing.T) {
	base := pgtest.New(t)
	o, db := openOnline(t, base, 0, at(noon))
	w := world.New(t, 9)
	w.Recorded(t, base)
	c := conn(t, base, "")
	var key, model string
	if err := c.QueryRow(t.Context(), `SELECT query_key, model FROM graded_answers WHERE tier = 'medium' AND grade IS NOT NULL LIMIT 1`).Scan(&key, &model); err != nil {
		t.Fatal(err)
	}
	must(t, c, `INSERT INTO answers (query_number, query_key, pair, arm, text, call_id, said_at)
		SELECT query_number, query_key, 'another-pair', arm, text, call_id, said_at FROM answers WHERE query_key = '`+key+`'`)
	must(t, c, `INSERT INTO verdicts SELECT (jsonb_populate_record(v, jsonb_build_object('pair', 'another-pair', 'given_at', v.given_at + interval '1 minute'))).*
		FROM verdicts v WHERE query_key = '`+key+`'`)
	m := decided.New(4, noon.Add(-50*time.Minute), time.Second)
	m.Change = func(_ int, d *sluice.Decision) { d.Model, d.Tier = model, sluice.Medium }
	facts := m.Facts(1)
	record(t, o, &sluice.OnlineFacts{Decisions: facts})
	must(t, c, `INSERT INTO samples (query_key, decision_id, decided_at, tenant, chosen_by, estimated_microusd, chosen_at)
		SELECT '`+key+`', id, decided_at, tenant, 'evenly', 1, decided_at FROM decisions`)
	said := 0
	for round := 0; ; round++ {
		all, err := o.Judged(t.Context(), noon.Add(-time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 {
			break
		}
		if round == 3 {
			t.Fatalf("round %d says again what is known: %+v", round, all)
		}
		for _, f := range all {
			said += len(record(t, o, &sluice.OnlineFacts{Feedback: []sluice.Fact[sluice.Feedback]{{At: noon, Value: f}}}))
		}
	}
	if n := one(t, db, "SELECT count(*) FROM feedback WHERE source = 'judge'"); said != 2 || n != int64(2) {
		t.Errorf("%d words, %v rows; want 2", said, n)
	}
}
