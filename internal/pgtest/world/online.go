package world

import (
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/online"
	"sluice/postgres"
)

// Noon is when the first online request came in; it is the day after [Start].
var Noon = Start.Truncate(24 * time.Hour).Add(36 * time.Hour)

// Online adds a hundred requests, one a minute from [Noon] on, with clients' and judges' words on some of them, to the
// tables that the world was recorded in. Every second one is a query of the world, in its order; every
// fifth is Complex, every tenth failed, every twentieth fell back, and of every four two are acme's.
func (w *World) Online(tb testing.TB, databaseURL string) {
	tb.Helper()
	now := func() time.Time { return Noon.Add(2 * time.Hour) }
	o, err := postgres.OpenOnline(tb.Context(), databaseURL, postgres.OnlineOptions{Connections: 1, Now: now})
	if err != nil {
		tb.Fatal(err)
	}
	defer o.Close()
	var f sluice.OnlineFacts
	for i := range 100 {
		d := w.decision(i)
		at := d.DecidedAt.Add(time.Duration(d.LatencyMS) * time.Millisecond)
		f.Decisions = append(f.Decisions, sluice.Fact[sluice.Decision]{At: at, Value: d})
		if i%4 == 0 {
			thumb := "up"
			if i%16 == 0 {
				thumb = "down"
			}
			f.Feedback = append(f.Feedback, sluice.Fact[sluice.Feedback]{At: at.Add(time.Minute), Value: sluice.Feedback{
				ID: fmt.Sprintf("f-%d", i), DecisionID: d.ID, Tenant: d.Query.Tenant, Source: "client", Thumb: thumb, GivenAt: at.Add(time.Minute),
			}})
		}
	}
	f.Alerts = []sluice.Fact[sluice.Alert]{
		{At: Noon, Value: sluice.Alert{ID: "a1", Rule: "error_rate", Severity: "critical", Message: "10% failed", Value: 0.1, Limit: 0.05, RaisedAt: Noon}},
		{At: Noon.Add(time.Minute), Value: sluice.Alert{ID: "a2", Rule: "error_rate", Severity: "critical", Message: "fine again", Limit: 0.05, Cleared: true, RaisedAt: Noon.Add(time.Minute)}},
		{At: Noon.Add(time.Hour), Value: sluice.Alert{ID: "a3", Rule: "drift", Subject: "words", Severity: "warning", Message: "words drifted", Value: 0.4, Limit: 0.25, RaisedAt: Noon.Add(time.Hour)}},
	}
	if _, err := o.Record(tb.Context(), &f); err != nil {
		tb.Fatal(err)
	}
	if err := o.RegisterBudgets(tb.Context(), []online.Budget{{Name: "acme", Scope: "tenant", Subject: "acme", Period: online.Month, Cap: 1_000_000}}); err != nil {
		tb.Fatal(err)
	}
	w.sampled(tb, o, databaseURL)
}

// decision is request i.
func (w *World) decision(i int) sluice.Decision {
	d := sluice.Decision{
		ID: fmt.Sprintf("d-%d", i), API: "openai.chat", Requested: "auto", KeyID: "k1", Policy: sluice.Standard, ReasoningSource: "template",
		Query:         sluice.Query{Text: fmt.Sprintf("What is the %dth online question about?", i), Tenant: []string{"", "", Tenant, Tenant}[i%4]},
		Probabilities: map[sluice.Policy]float64{sluice.Complex: 0.25, sluice.Standard: 0.75}, Threshold: 0.5, RouterVersion: "r1",
		Model: MediumModel, Tier: sluice.Medium, Rule: "policy", RulesVersion: "v1", DecidedAt: Noon.Add(time.Duration(i) * time.Minute),
		RouterUS: int64(1000 + 10*i), ModelMS: int64(400 + i), LatencyMS: int64(402 + i), Usage: sluice.Usage{Prompt: 20, Output: 10},
		Cost: 30, Outcome: sluice.OutcomeOK, Status: 200, Answer: "an answer", CallIDs: []string{fmt.Sprintf("c-%d", i)},
	}
	if i%2 == 0 && i/2 < len(w.Queries) {
		q := w.Queries[i/2]
		d.Query.Text, d.Query.Tenant, d.Query.ID = q.Text, q.Tenant, q.ID
	}
	d.Query.Key = sluice.QueryKey(d.Query.Tenant, d.Query.ID, d.Query.Text)
	if i%5 == 0 {
		d.Policy, d.Model, d.Tier, d.Cost = sluice.Complex, LargeModel, sluice.Large, 400
		d.Probabilities = map[sluice.Policy]float64{sluice.Complex: 0.75, sluice.Standard: 0.25}
	}
	if i%10 == 9 {
		d.Outcome, d.Status, d.Error, d.Answer = sluice.OutcomeServerError, 502, "503", ""
	}
	if i%20 == 7 {
		d.Fallbacks, d.RouterFault, d.RouterVersion, d.Probabilities = []string{LargeModel}, "deadline", "static", nil
	}
	return d
}

// sampled notes the queries that the world knows as samples, every third by uncertainty, and takes the judges' words.
func (w *World) sampled(tb testing.TB, o *postgres.Online, databaseURL string) {
	tb.Helper()
	db, err := postgres.Connect(tb.Context(), databaseURL, "test", 1)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Table(tb.Context(), `INSERT INTO samples (query_key, decision_id, decided_at, tenant, chosen_by, estimated_microusd, chosen_at, asked_at)
		SELECT d.query_key, d.id, d.decided_at, d.tenant, CASE row_number() OVER (ORDER BY d.decided_at) % 3 WHEN 0 THEN 'uncertainty' ELSE 'evenly' END,
		       600, d.taken_at, d.taken_at
		FROM decisions d JOIN queries q ON q.key = d.query_key WHERE d.outcome = 'ok'`); err != nil {
		tb.Fatal(err)
	}
	judged, err := o.Judged(tb.Context(), time.Time{}, 1000)
	if err != nil {
		tb.Fatal(err)
	}
	var f sluice.OnlineFacts
	for _, one := range judged {
		f.Feedback = append(f.Feedback, sluice.Fact[sluice.Feedback]{At: one.GivenAt, Value: one})
	}
	if _, err := o.Record(tb.Context(), &f); err != nil {
		tb.Fatal(err)
	}
}
