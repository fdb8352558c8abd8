package postgres_test

import (
	"math"
	"slices"
	"testing"

	"sluice"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
)

func TestASummarySaysWhatTheFactsSay(t *testing.T) {
	const n = 90
	w := world.New(t, n)
	w.Poison()
	w.Stuck()
	db := w.Recorded(t, pgtest.New(t))
	s, err := db.Summary(t.Context(), postgres.SummaryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	train := int64(0)
	for _, q := range w.Queries {
		if q.Split == sluice.Train {
			train++
		}
	}
	if s.Queries != n+1 || s.Examples != n || s.Train != train || s.Test != n-train {
		t.Errorf("queries %d, examples %d, train %d, test %d; want %d, %d, %d, %d", s.Queries, s.Examples, s.Train, s.Test, n+1, n, train, n-train)
	}
	for _, medium := range sluice.Grades() {
		for _, large := range sluice.Grades() {
			if got := s.Matrix[medium][large]; got != n/9 {
				t.Errorf("cell %s, %s: %d, want %d", medium, large, got, n/9)
			}
		}
	}
	wantPolicies := map[sluice.Policy]int64{sluice.Standard: 30, sluice.Complex: 30, sluice.Ambiguous: 30}
	for p, want := range wantPolicies {
		if s.Policies[p] != want {
			t.Errorf("policy %s: %d, want %d", p, s.Policies[p], want)
		}
	}
	cost := s.CostByModel()
	if cost[world.MediumModel] != n*(30+20)+30+31 || cost[world.LargeModel] != n*(400+2*50) {
		t.Errorf("cost %v", cost)
	}
	calls := s.CallsByModel()
	if calls[world.MediumModel] != 2*n+2 || calls[world.LargeModel] != 3*n+9 {
		t.Errorf("calls %v", calls)
	}
	if len(s.Dead) != 2 || s.Dead[1].Count != 1 || s.Dead[0] != (postgres.DeadCount{Stage: "answer", Reason: sluice.ReasonExhausted, Count: 1}) {
		t.Errorf("dead %+v", s.Dead)
	}
	wantSeconds := map[string]float64{"intake": 0.005, "answer": 0.6, "judge": 0.3, "label": 0.01, "analysis": 0.251, "whole": 1.166}
	for _, st := range s.Stages {
		if math.Abs(st.P50Seconds-wantSeconds[st.Stage]) > 1e-6 || st.Facts == 0 {
			t.Errorf("stage %s: %d facts, p50 %v, want %v", st.Stage, st.Facts, st.P50Seconds, wantSeconds[st.Stage])
		}
		delete(wantSeconds, st.Stage)
	}
	if len(wantSeconds) > 0 {
		t.Errorf("no times of %v", wantSeconds)
	}
}

func TestASummaryOfATenantOrSourceLeavesOthersOut(t *testing.T) {
	w := world.New(t, 35)
	w.Stuck()
	db := w.Recorded(t, pgtest.New(t))
	tenant := world.Tenant
	s, err := db.Summary(t.Context(), postgres.SummaryFilter{Tenant: &tenant, Source: world.Source, Pair: w.Pair})
	if err != nil {
		t.Fatal(err)
	}
	want, judged := int64(0), int64(0)
	for i := range w.Queries {
		if i%5 == 0 && i%7 != 0 {
			want++
		}
	}
	for _, row := range s.Matrix {
		for _, n := range row {
			judged += n
		}
	}
	if s.Queries != want || s.Examples != want || judged != want || len(s.Dead) != 0 {
		t.Errorf("queries %d, examples %d, judged %d, dead %v; want %d, %d, %d, none", s.Queries, s.Examples, judged, s.Dead, want, want, want)
	}
	if got := s.CostByModel()[world.LargeModel]; got != sluice.MicroUSD(want*500) {
		t.Errorf("cost of the large model: %s", got)
	}
	none, err := db.Summary(t.Context(), postgres.SummaryFilter{Pair: "p-none"})
	if err != nil || none.Examples != 0 || len(none.Policies) != 3 {
		t.Errorf("of a pair that never was: %+v, %v", none, err)
	}
}

func TestForgettingErasesAQueryFromEveryTableAndKeepsTheMoney(t *testing.T) {
	w := world.New(t, 20)
	w.Poison()
	db := w.Recorded(t, pgtest.New(t))
	before, err := db.Summary(t.Context(), postgres.SummaryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := db.KeysOfTenant(t.Context(), world.Tenant)
	if err != nil || len(keys) != 4 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	byID, err := db.KeysOfID(t.Context(), "q-5")
	if err != nil || len(byID) != 1 || byID[0] != w.Queries[5].Key {
		t.Errorf("key of q-5: %v, %v", byID, err)
	}
	letter, err := db.Table(t.Context(), "SELECT id FROM dead_letters")
	if err != nil {
		t.Fatal(err)
	}
	id, _ := letter.Rows[0][0].(string)
	f, err := db.Forget(t.Context(), world.Tenant, keys, []string{id})
	if err != nil || f.Queries != 4 || f.DeadLetters != 1 || f.Calls != 20 || f.Fresh != 4 || f.Rows() < 25 {
		t.Errorf("forgot %+v, %v", f, err)
	}
	for _, k := range keys {
		got, err := db.Table(t.Context(), `SELECT relation FROM (
			SELECT 'queries' AS relation, key AS query_key FROM queries UNION ALL SELECT 'answers', query_key FROM answers
			UNION ALL SELECT 'verdicts', query_key FROM verdicts UNION ALL SELECT 'labels', query_key FROM labels
			UNION ALL SELECT 'analyses', query_key FROM analyses UNION ALL SELECT 'examples', query_key FROM examples
			UNION ALL SELECT 'calls', query_key FROM calls) x WHERE query_key = $1`, k)
		if err != nil || len(got.Rows) != 0 {
			t.Errorf("%s is still in %v (%v)", k, got.Rows, err)
		}
	}
	after, err := db.Summary(t.Context(), postgres.SummaryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if after.Queries != 16 || after.CostByModel()[world.LargeModel] != before.CostByModel()[world.LargeModel] {
		t.Errorf("%d queries, cost %v, was %v", after.Queries, after.CostByModel(), before.CostByModel())
	}
	if known, err := db.KeysOfTenant(t.Context(), world.Tenant); err != nil || !slices.Equal(known, keys) {
		t.Errorf("keys of the tenant afterwards: %v, %v; want %v, since the log may hold something of them", known, err, keys)
	}
	again, err := db.Forget(t.Context(), world.Tenant, keys, []string{id})
	if err != nil || again != (postgres.Forgotten{}) {
		t.Errorf("forgetting twice: %+v, %v", again, err)
	}
}

func TestTheMatrixRegisteredLastIsTheCurrentOne(t *testing.T) {
	db := world.New(t, 0).Recorded(t, pgtest.New(t))
	moved, err := sluice.DefaultMatrix().With(sluice.Cell{Medium: sluice.Incorrect, Large: sluice.IDK, Policy: sluice.Ambiguous, Rationale: "Nobody knows."})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []sluice.Matrix{moved, sluice.DefaultMatrix(), moved} {
		if err := db.RegisterMatrix(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got, err := db.Table(t.Context(), "SELECT version, count(*) FROM current_matrix GROUP BY 1")
		if err != nil || len(got.Rows) != 1 || got.Rows[0][0] != m.Version() || got.Rows[0][1] != int64(9) {
			t.Errorf("current: %v (%v), want nine cells of %s", got.Rows, err, m.Version())
		}
	}
	unknown, err := sluice.DefaultMatrix().With(sluice.Cell{Medium: sluice.IDK, Large: sluice.IDK, Policy: "Unheard_Of"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.RegisterMatrix(t.Context(), unknown); err == nil {
		t.Error("a matrix with an unregistered policy was taken")
	}
}
