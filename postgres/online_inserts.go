package postgres

import (
	"encoding/json"
	"math"
	"time"

	"sluice"
)

// reals makes an array in which what is not a number is NULL.
func reals[T any](facts []sluice.Fact[T], of func(*T) float64) []*float64 {
	array := make([]*float64, len(facts))
	for i := range facts {
		if v := of(&facts[i].Value); !math.IsNaN(v) && !math.IsInf(v, 0) {
			array[i] = &v
		}
	}
	return array
}

// document is a value as jsonb wants it, without what JSON has no word for.
func document[K ~string](m map[K]float64) string {
	fit := make(map[string]float64, len(m))
	for k, v := range m {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			fit[clean(string(k))] = v
		}
	}
	data, err := json.Marshal(fit)
	if err != nil {
		return "{}" // a map of texts and finite numbers has a JSON
	}
	return string(data)
}

// returning adds what was really written.
func returning(table, order, where string, columns []column) string {
	return insert(table, order, where, columns).inserts[0] + " RETURNING id"
}

// counting adds what decisions cost to the hours' sums: of those that were really written, in the same statement.
func counting(decisions string) string {
	return "WITH fresh AS (" + decisions + `, decided_at, tenant, key_id, model, cost_microusd),
		counted AS (
		    INSERT INTO spend_hours AS h (hour_at, tenant, key_id, model, decisions, cost_microusd)
		    SELECT date_trunc('hour', decided_at, 'UTC'), tenant, coalesce(key_id, ''), model, count(*), sum(cost_microusd)
		    FROM fresh GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
		    ON CONFLICT (hour_at, tenant, key_id, model) DO UPDATE
		    SET decisions = h.decisions + excluded.decisions, cost_microusd = h.cost_microusd + excluded.cost_microusd)
		SELECT id FROM fresh`
}

// The statements; the order of columns is that of the arrays below.
var (
	insertDecisions = counting(returning("decisions", "u.decided_at, u.id", "WHERE NOT EXISTS (SELECT FROM forgotten f WHERE f.query_key = u.query_key)", join(
		plain("text", "id", "query_key"), orNull("query_id"), plain("text", "query", "tenant"), orNull("key_id", "conversation"),
		plain("text", "api", "requested", "policy", "reasoning", "reasoning_source", "router_version"),
		orNull("router_fault", "shadow_version", "shadow_policy", "shadow_fault"), plain("text", "model"), orNull("tier"),
		plain("text", "rule", "rule_reason", "rules_version", "outcome"), orNull("error", "answer"),
		[]column{
			{name: "tags", element: "text", expr: "u.tags::text[]"},
			{name: "fallbacks", element: "text", expr: "u.fallbacks::text[]"},
			{name: "call_ids", element: "text", expr: "u.call_ids::text[]"},
			{name: "probabilities", element: "text", expr: "u.probabilities::jsonb"},
			{name: "features", element: "text", expr: "u.features::jsonb"},
		},
		plain("double precision", "p_complex", "entropy_bits", "threshold"),
		plain("boolean", "canary", "streamed", "cost_estimated"),
		plain("bigint", "router_us", "model_ms", "first_token_ms", "latency_ms", "prompt_tokens", "cached_tokens", "output_tokens",
			"thought_tokens", "cost_microusd", "status"),
		plain("timestamptz", "decided_at", "taken_at"))))

	insertFeedback = returning("feedback", "u.decision_id, u.id", "WHERE NOT EXISTS (SELECT FROM forgotten_decisions f WHERE f.decision_id = u.decision_id)", join(
		plain("text", "id", "decision_id", "tenant", "source"), orNull("thumb", "correction", "comment"),
		plain("double precision", "score"), plain("timestamptz", "given_at", "stored_at")))

	insertAlerts = returning("alerts", "u.id", "", join(
		plain("text", "id", "rule", "subject", "severity", "message"), plain("double precision", "value", "bound"),
		plain("boolean", "cleared"), plain("timestamptz", "raised_at", "stored_at")))
)

func decisionArrays(f []sluice.Fact[sluice.Decision]) []any {
	type d = sluice.Decision
	shadow := func(v *d) sluice.Shadow {
		if v.Shadow == nil {
			return sluice.Shadow{}
		}
		return *v.Shadow
	}
	return []any{
		texts(f, decisionKey), texts(f, func(v *d) string { return v.Query.Key }), texts(f, func(v *d) string { return v.Query.ID }),
		texts(f, func(v *d) string { return v.Query.Text }), texts(f, func(v *d) string { return v.Query.Tenant }),
		texts(f, func(v *d) string { return v.KeyID }), texts(f, func(v *d) string { return v.Conversation }),
		texts(f, func(v *d) string { return v.API }), texts(f, func(v *d) string { return v.Requested }),
		texts(f, func(v *d) string { return string(v.Policy) }), texts(f, func(v *d) string { return v.Reasoning }),
		texts(f, func(v *d) string { return v.ReasoningSource }), texts(f, func(v *d) string { return v.RouterVersion }),
		texts(f, func(v *d) string { return v.RouterFault }), texts(f, func(v *d) string { return shadow(v).RouterVersion }),
		texts(f, func(v *d) string { return string(shadow(v).Policy) }), texts(f, func(v *d) string { return shadow(v).Fault }),
		texts(f, func(v *d) string { return v.Model }), texts(f, func(v *d) string { return string(v.Tier) }),
		texts(f, func(v *d) string { return v.Rule }), texts(f, func(v *d) string { return v.RuleReason }),
		texts(f, func(v *d) string { return v.RulesVersion }), texts(f, func(v *d) string { return string(v.Outcome) }),
		texts(f, func(v *d) string { return v.Error }), texts(f, func(v *d) string { return v.Answer }),
		texts(f, func(v *d) string { return literal(v.Query.Tags) }), texts(f, func(v *d) string { return literal(v.Fallbacks) }),
		texts(f, func(v *d) string { return literal(v.CallIDs) }), texts(f, func(v *d) string { return document(v.Probabilities) }),
		texts(f, func(v *d) string { return document(v.Features) }),
		reals(f, pComplex), reals(f, entropy), reals(f, func(v *d) float64 { return v.Threshold }),
		flags(f, func(v *d) bool { return v.Canary }), flags(f, func(v *d) bool { return v.Streamed }),
		flags(f, func(v *d) bool { return v.CostEstimated }),
		numbers(f, func(v *d) int64 { return v.RouterUS }), numbers(f, func(v *d) int64 { return v.ModelMS }),
		numbers(f, func(v *d) int64 { return v.FirstTokenMS }), numbers(f, func(v *d) int64 { return v.LatencyMS }),
		numbers(f, func(v *d) int64 { return v.Usage.Prompt }), numbers(f, func(v *d) int64 { return v.Usage.Cached }),
		numbers(f, func(v *d) int64 { return v.Usage.Output }), numbers(f, func(v *d) int64 { return v.Usage.Thoughts }),
		numbers(f, func(v *d) int64 { return int64(v.Cost) }), numbers(f, func(v *d) int64 { return int64(v.Status) }),
		instants(f, func(v *d) time.Time { return v.DecidedAt }, logged), stored(f),
	}
}

func feedbackArrays(f []sluice.Fact[sluice.Feedback]) []any {
	type b = sluice.Feedback
	return []any{
		texts(f, func(v *b) string { return v.ID }), texts(f, func(v *b) string { return v.DecisionID }),
		texts(f, func(v *b) string { return v.Tenant }), texts(f, func(v *b) string { return v.Source }),
		texts(f, func(v *b) string { return v.Thumb }), texts(f, func(v *b) string { return v.Correction }),
		texts(f, func(v *b) string { return v.Comment }),
		reals(f, func(v *b) float64 {
			if v.Score == nil {
				return math.NaN()
			}
			return *v.Score
		}),
		instants(f, func(v *b) time.Time { return v.GivenAt }, logged), stored(f),
	}
}

func alertArrays(f []sluice.Fact[sluice.Alert]) []any {
	type a = sluice.Alert
	return []any{
		texts(f, func(v *a) string { return v.ID }), texts(f, func(v *a) string { return v.Rule }),
		texts(f, func(v *a) string { return v.Subject }), texts(f, func(v *a) string { return v.Severity }),
		texts(f, func(v *a) string { return v.Message }), reals(f, func(v *a) float64 { return v.Value }),
		reals(f, func(v *a) float64 { return v.Limit }), flags(f, func(v *a) bool { return v.Cleared }),
		instants(f, func(v *a) time.Time { return v.RaisedAt }, logged), stored(f),
	}
}

// pComplex is the router's score; not a number where no router decided.
func pComplex(d *sluice.Decision) float64 {
	if len(d.Probabilities) == 0 {
		return math.NaN()
	}
	return d.Probabilities[sluice.Complex]
}

// entropy is how undecided the router was, in bits.
func entropy(d *sluice.Decision) float64 {
	if len(d.Probabilities) == 0 {
		return math.NaN()
	}
	bits := 0.0
	for _, p := range d.Probabilities {
		if p > 0 {
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
