package postgres_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/internal/decided"
	"sluice/internal/pgtest"
	"sluice/online"
	"sluice/postgres"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// openOnline opens the online tables with a clock of the test's, and a pool to look at them.
func openOnline(t *testing.T, url string, retention time.Duration, now func() time.Time) (*postgres.Online, *postgres.DB) {
	t.Helper()
	o, err := postgres.OpenOnline(t.Context(), url, postgres.OnlineOptions{Connections: 3, Retention: retention, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	db, err := postgres.Connect(t.Context(), url, "test", 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return o, db
}

func record(t *testing.T, o *postgres.Online, f *sluice.OnlineFacts) []int {
	t.Helper()
	fresh, err := o.Record(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func one(t *testing.T, db *postgres.DB, sql string, args ...any) any {
	t.Helper()
	got, err := db.Table(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 1 {
		t.Fatalf("%d rows from %s", len(got.Rows), sql)
	}
	return got.Rows[0][0]
}

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func TestADecisionIsOneRowHoweverOftenAndByHoweverManyItIsRecorded(t *testing.T) {
	url := pgtest.New(t)
	a, db := openOnline(t, url, 0, at(noon))
	b, _ := openOnline(t, url, 0, at(noon))
	facts := decided.New(1, noon.Add(-13*time.Hour), time.Minute).Facts(800) // over two days
	var mu sync.Mutex
	var fresh int
	var group sync.WaitGroup
	for _, o := range []*postgres.Online{a, b, a, b} {
		group.Go(func() {
			for part := range slices.Chunk(facts, 100) {
				got, err := o.Record(t.Context(), &sluice.OnlineFacts{Decisions: part})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				fresh += len(got)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if n := one(t, db, "SELECT count(*) FROM decisions"); n != int64(800) || fresh != 800 {
		t.Errorf("%v rows, %d said to be new; want 800 of both", n, fresh)
	}
	if n := one(t, db, `SELECT count(*) FROM (SELECT sum(cost_microusd), sum(decisions) FROM spend_hours
		EXCEPT SELECT sum(cost_microusd), count(*) FROM decisions) differs`); n != int64(0) {
		t.Error("the hours' sums are not what the decisions cost")
	}
	if n := one(t, db, "SELECT count(DISTINCT tableoid) FROM decisions"); n != int64(2) {
		t.Errorf("in %v partitions, want 2", n)
	}
	got, err := db.Table(t.Context(), `SELECT policy, p_complex, features ->> 'words' IS NOT NULL, call_ids[1], tenant, answer
		FROM decisions WHERE id = $1`, facts[0].Value.ID)
	want := facts[0].Value
	if err != nil || fmt.Sprint(got.Rows[0]) != fmt.Sprint([]any{string(want.Policy), want.Probabilities[sluice.Complex], true, "call-0", "acme", want.Answer}) {
		t.Errorf("%v, %v", got.Rows, err)
	}
}

func TestHostileTextBecomesARow(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	m := decided.New(1, noon, time.Second)
	m.Change = func(_ int, d *sluice.Decision) {
		d.Query.Text, d.Error, d.Fallbacks = "a\x00b\xff", "\x00", []string{`"},{`, "\x00"}
		d.Features = map[string]float64{"nan": math.NaN(), "\x00\xff": 1}
		d.Probabilities = map[sluice.Policy]float64{"\xff": 1, "x\x00": 0}
	}
	if fresh := record(t, o, &sluice.OnlineFacts{Decisions: m.Facts(1)}); len(fresh) != 1 {
		t.Fatal("not written")
	}
	if got := one(t, db, "SELECT query FROM decisions"); got != "a\uFFFDb\uFFFD" {
		t.Errorf("%q", got)
	}
}

func TestAFactThatNoColumnTakesIsPermanentAndKeepsNothing(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	facts := decided.New(1, noon, time.Second).Facts(3)
	for i := range 400 { // longer than an index's row may be, and hard to compress
		facts[1].Value.Query.Tenant += sluice.HashID("noise", fmt.Sprint(i))
	}
	_, err := o.Record(t.Context(), &sluice.OnlineFacts{Decisions: facts})
	var p interface{ Permanent() bool }
	if !errors.As(err, &p) || !p.Permanent() {
		t.Fatalf("%v, want a permanent error", err)
	}
	if n := one(t, db, "SELECT count(*) FROM decisions"); n != int64(0) {
		t.Errorf("%v rows of a batch that failed", n)
	}
}

func TestPartitionsAreMadeAheadAndDroppedByAgeInAnyNumberOfCopies(t *testing.T) {
	url := pgtest.New(t)
	clock := noon
	now := func() time.Time { return clock }
	const retention = 3 * 24 * time.Hour
	a, db := openOnline(t, url, retention, now)
	b, _ := openOnline(t, url, retention, now)
	keep := func() {
		t.Helper()
		var group sync.WaitGroup
		for _, o := range []*postgres.Online{a, b, a} {
			group.Go(func() {
				if _, _, err := o.Keep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	partitions := func() []any {
		t.Helper()
		got, err := db.Table(t.Context(), `SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'decisions'::regclass ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		var names []any
		for _, r := range got.Rows {
			names = append(names, r[0])
		}
		return names
	}
	keep()
	if got := fmt.Sprint(partitions()); got != "[decisions_20261120 decisions_20261121 decisions_20261122 decisions_20261123]" {
		t.Errorf("ahead: %v", got)
	}
	record(t, a, &sluice.OnlineFacts{Decisions: decided.New(1, noon, time.Second).Facts(5)})
	old := decided.New(2, noon.Add(-5*24*time.Hour), time.Second).Facts(5)
	if fresh := record(t, a, &sluice.OnlineFacts{Decisions: old}); len(fresh) != 0 {
		t.Errorf("%d decisions older than the retention were written", len(fresh))
	}
	clock = noon.Add(5 * 24 * time.Hour)
	keep()
	keep()
	if got := fmt.Sprint(partitions()); got != "[decisions_20261122 decisions_20261123 decisions_20261124 decisions_20261125 decisions_20261126 decisions_20261127 decisions_20261128]" &&
		got != "[decisions_20261122 decisions_20261123 decisions_20261125 decisions_20261126 decisions_20261127 decisions_20261128]" {
		t.Errorf("five days later: %v", got)
	}
	if n := one(t, db, "SELECT count(*) FROM decisions"); n != int64(0) {
		t.Errorf("%v rows outlived their day", n)
	}
	// A day that b dropped is made again if a's memory of it is wrong.
	clock = noon
	if fresh := record(t, a, &sluice.OnlineFacts{Decisions: decided.New(3, noon, time.Second).Facts(2)}); len(fresh) != 2 {
		t.Errorf("%d of 2 were written", len(fresh))
	}
}

func TestSomebodyWhoReadsAnOldDayKeepsNoOldFeedback(t *testing.T) {
	base := pgtest.New(t)
	now := noon.Add(-10 * 24 * time.Hour)
	o, db := openOnline(t, base, 3*24*time.Hour, func() time.Time { return now })
	record(t, o, &sluice.OnlineFacts{
		Decisions: decided.New(1, now.Add(-time.Hour), time.Minute).Facts(5),
		Feedback:  []sluice.Fact[sluice.Feedback]{{Ref: 9, At: now, Value: sluice.Feedback{ID: "f", DecisionID: "d", Source: "client", Thumb: "up", GivenAt: now}}},
	})
	now = noon
	reader := conn(t, base, "")
	must(t, reader, "BEGIN")
	must(t, reader, "SELECT FROM decisions")
	if _, dropped, err := o.Keep(t.Context()); err == nil || dropped != 0 {
		t.Errorf("%d dropped under a reader, %v", dropped, err)
	}
	if n := one(t, db, "SELECT count(*) FROM feedback"); n != int64(0) {
		t.Errorf("%v words of feedback are left", n)
	}
	must(t, reader, "COMMIT")
	if _, dropped, err := o.Keep(t.Context()); err != nil || dropped != 1 {
		t.Errorf("%d dropped, %v", dropped, err)
	}
}

func TestFeedbackMayComeBeforeItsDecision(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	facts := decided.New(1, noon, time.Second).Facts(2)
	half := 0.5
	feedback := []sluice.Fact[sluice.Feedback]{
		{Ref: 7, At: noon, Value: sluice.Feedback{ID: "f1", DecisionID: facts[0].Value.ID, Source: "client", Thumb: "up", GivenAt: noon}},
		{Ref: 8, At: noon, Value: sluice.Feedback{ID: "f2", DecisionID: facts[1].Value.ID, Source: "client", Score: &half, GivenAt: noon}},
	}
	if fresh := record(t, o, &sluice.OnlineFacts{Feedback: feedback}); !slices.Contains(fresh, 7) || !slices.Contains(fresh, 8) {
		t.Errorf("fresh: %v", fresh)
	}
	record(t, o, &sluice.OnlineFacts{Decisions: facts, Feedback: feedback})
	if got := one(t, db, "SELECT accuracy::text FROM policy_accuracy WHERE source = 'client' AND policy = 'all'"); got != "0.7500" {
		t.Errorf("accuracy %v", got)
	}
	all, err := o.Accuracy(t.Context(), noon.Add(-time.Hour))
	if err != nil || !slices.ContainsFunc(all, func(a online.Accuracy) bool { return a.Policy == "all" && a.N == 2 && a.Mean == 0.75 }) {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestATenantsWordOnAnothersDecisionCountsForNothing(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	facts := decided.New(1, noon, time.Second).Facts(1)
	d := &facts[0].Value
	d.Query.Tenant = "acme"
	said := func(id, tenant, thumb string, after time.Duration) sluice.Fact[sluice.Feedback] {
		return sluice.Fact[sluice.Feedback]{Ref: 7, At: noon, Value: sluice.Feedback{
			ID: id, DecisionID: d.ID, Tenant: tenant, Source: "client", Thumb: thumb, GivenAt: noon.Add(after),
		}}
	}
	for _, c := range []struct {
		more sluice.Fact[sluice.Feedback]
		want string
	}{
		{said("f1", "acme", "up", 0), "1.0000"},
		{said("f2", "rival", "down", time.Second), "1.0000"},
		{said("f3", "", "down", 2*time.Second), "0.0000"}, // the operator's
	} {
		record(t, o, &sluice.OnlineFacts{Decisions: facts, Feedback: []sluice.Fact[sluice.Feedback]{c.more}})
		if got := one(t, db, "SELECT accuracy::text FROM policy_accuracy WHERE source = 'client' AND policy = 'all'"); got != c.want {
			t.Errorf("after %s the view says %v, want %s", c.more.Value.ID, got, c.want)
		}
		all, err := o.Accuracy(t.Context(), noon.Add(-time.Hour))
		if err != nil || !slices.ContainsFunc(all, func(a online.Accuracy) bool {
			return a.Policy == "all" && a.N == 1 && fmt.Sprintf("%.4f", a.Mean) == c.want
		}) {
			t.Errorf("after %s: %+v, %v", c.more.Value.ID, all, err)
		}
	}
}

func TestWindowsFromTheTablesAgreeWithEveryRow(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	facts := decided.New(9, noon.Add(-50*time.Minute), time.Second).Facts(3000)
	record(t, o, &sluice.OnlineFacts{Decisions: facts})
	now := noon
	w := online.NewWindows(10*time.Second, time.Hour)
	slots, err := o.Slots(t.Context(), now.Add(-time.Hour), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	w.Put(now.Add(-time.Hour), now, slots)
	got := w.Over(time.Hour, now)
	if got.Decisions != 3000 || got.Errors != 150 || got.Fallbacks != 120 {
		t.Errorf("%+v", got)
	}
	if got.ModelCost["gemini-2.5-pro"]+got.ModelCost["gemini-2.5-flash"] != got.Cost {
		t.Errorf("the models' costs do not add up: %+v", got)
	}
	if recent, err := o.Recent(t.Context(), 10); err != nil || len(recent) != 10 || recent[0].ID != facts[2999].Value.ID || recent[9].Query.Text != facts[2990].Value.Query.Text {
		t.Errorf("recent: %+v, %v", recent, err)
	}
	if want := one(t, db, "SELECT sum(cost_microusd)::bigint FROM decisions"); want != int64(got.Cost) {
		t.Errorf("cost %d, want %v", got.Cost, want)
	}
	for _, part := range []struct {
		what, column string
		scale        float64
	}{{online.Router, "router_us", 1}, {online.Model, "model_ms", 1000}, {online.Total, "latency_ms", 1000}} {
		for _, q := range []float64{0.5, 0.95, 0.99} {
			exact := one(t, db, fmt.Sprintf("SELECT percentile_disc(%g) WITHIN GROUP (ORDER BY %s) FROM decisions", q, part.column)).(int64)
			want := float64(exact) * part.scale
			if v := got.Latency[part.what].Quantile(q); math.Abs(v-want) > want*online.MaxError*1.001 {
				t.Errorf("%s p%g is %g, want %g within %.1f%%", part.what, 100*q, v, want, 100*online.MaxError)
			}
		}
	}
}

func TestARequestThatAskedNobodyIsNeitherSlowNorFast(t *testing.T) {
	o, _ := openOnline(t, pgtest.New(t), 0, at(noon))
	m := decided.New(9, noon.Add(-time.Minute), time.Second)
	m.Change = func(i int, d *sluice.Decision) {
		d.Outcome, d.Status = sluice.OutcomeOK, 200
		switch i {
		case 0: // a rule refuses
			d.Outcome, d.Status, d.CallIDs, d.Model, d.Tier = sluice.OutcomeRefused, 403, nil, "", ""
		case 1: // a conversation keeps its model
			d.Rule, d.Probabilities = "conversation", nil
		}
	}
	record(t, o, &sluice.OnlineFacts{Decisions: m.Facts(3)})
	slots, err := o.Slots(t.Context(), noon.Add(-time.Hour), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int64{}
	for _, l := range slots.Latencies {
		n[l.What] += l.N
	}
	for _, c := range slots.Counts {
		n["errors"] += c.Errors
	}
	if n[online.Router] != 2 || n[online.Model] != 2 || n[online.Total] != 3 || n["errors"] != 0 {
		t.Errorf("%v", n)
	}
}

func TestWhatHappenedOnceIsAnAlertAndNeverOpen(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	alert := func(id, rule string, value float64) sluice.Fact[sluice.Alert] {
		return sluice.Fact[sluice.Alert]{At: noon, Value: sluice.Alert{ID: id, Rule: rule, Severity: "warning", Message: "m", Value: value, RaisedAt: noon}}
	}
	record(t, o, &sluice.OnlineFacts{Alerts: []sluice.Fact[sluice.Alert]{alert("a", "rules_refused", 0), alert("b", online.ErrorRate, 0.1)}})
	states, err := o.AlertStates(t.Context())
	if err != nil || states[[2]string{"rules_refused", ""}].Open() || !states[[2]string{online.ErrorRate, ""}].Open() {
		t.Errorf("states %v, %v", states, err)
	}
	if got := one(t, db, "SELECT string_agg(rule, ' ') FROM alerts_open"); got != online.ErrorRate {
		t.Errorf("open: %v", got)
	}
	if n := one(t, db, "SELECT count(*) FROM alerts"); n != int64(2) {
		t.Errorf("%v alerts", n)
	}
}

func TestForgettingErasesDecisionsAndFeedbackAndKeepsLateOnesOut(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	facts := decided.New(1, noon, time.Second).Facts(6) // 0 and 3 are acme's
	var feedback []sluice.Fact[sluice.Feedback]
	for _, f := range facts {
		feedback = append(feedback, sluice.Fact[sluice.Feedback]{At: noon, Value: sluice.Feedback{
			ID: "f" + f.Value.ID, DecisionID: f.Value.ID, Tenant: f.Value.Query.Tenant, Source: "client", Thumb: "up", GivenAt: noon,
		}})
	}
	all := &sluice.OnlineFacts{Decisions: facts, Feedback: feedback}
	record(t, o, all)
	keys, err := db.KeysOfTenant(t.Context(), "acme")
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v, %v", keys, err)
	}
	got, err := db.Forget(t.Context(), "acme", keys, nil)
	if err != nil || got.Decisions != 2 || got.Feedback != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	record(t, o, all)
	if n := one(t, db, "SELECT (SELECT count(*) FROM decisions WHERE tenant = 'acme') + (SELECT count(*) FROM feedback WHERE tenant = 'acme')"); n != int64(0) {
		t.Errorf("%v rows came back", n)
	}
	if n := one(t, db, "SELECT (SELECT count(*) FROM decisions) + (SELECT count(*) FROM feedback)"); n != int64(8) {
		t.Errorf("%v rows of others, want 8", n)
	}
	before := one(t, db, "SELECT sum(cost_microusd)::bigint FROM spend_hours")
	for _, want := range []bool{true, false} {
		if rows, err := db.ForgetTenant(t.Context(), "acme"); err != nil || rows > 0 != want {
			t.Fatalf("%d rows, %v; want some: %v", rows, err, want)
		}
	}
	if after := one(t, db, "SELECT sum(cost_microusd)::bigint FROM spend_hours"); after != before || one(t, db, "SELECT count(*) FROM spend_hours WHERE tenant = 'acme'") != int64(0) {
		t.Errorf("money %v, before %v, or the name is still there", after, before)
	}
}
