package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/gateway/budget"
	"sluice/gateway/spool"
)

func TestRequestsAttemptsAndClaimsAreCounted(t *testing.T) {
	m := New(func() spool.Stats { return spool.Stats{Unpublished: 3} }, func() int { return 2 })
	m.CountClaims(func() budget.Stats {
		return budget.Stats{OK: 5, Warned: 1, Refused: 4, Overruns: 1, Unreachable: 3, Failed: 2}
	})
	m.CountShadows(func() int64 { return 8 })
	m.ShowStuck(func() time.Duration { return 90 * time.Second })
	m.Observe(&sluice.Decision{
		API: "openai.chat", Model: "large", Rule: "board", Policy: sluice.Complex, RouterVersion: "r1", RouterUS: 90, Outcome: sluice.OutcomeOK, Status: 200,
		Fallbacks: []string{"medium"}, LatencyMS: 40,
		Calls: []sluice.Call{
			{Model: "medium", Outcome: sluice.OutcomeTimeout, CostEstimated: true, Cost: 7},
			{Model: "large", Outcome: sluice.OutcomeOK, Cost: 30, Usage: sluice.Usage{Prompt: 9, Cached: 4, Output: 6, Thoughts: 2}},
		},
	})
	m.Observe(&sluice.Decision{API: "nats", Rule: "batch", Policy: sluice.Standard, RouterVersion: "static", RouterFault: "deadline", Outcome: sluice.OutcomeRefused, Status: 403})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for _, line := range []string{
		`sluice_gateway_requests_total{api="openai.chat",model="large",outcome="ok",status="200"} 1`,
		`sluice_gateway_requests_total{api="nats",model="",outcome="refused",status="403"} 1`,
		`sluice_gateway_router_faults_total{fault="deadline"} 1`,
		`sluice_gateway_fallbacks_total 1`,
		`sluice_gateway_calls_total{model="medium",outcome="timeout"} 1`,
		`sluice_gateway_cost_microusd_total{estimated="true",model="medium"} 7`,
		`sluice_gateway_tokens_total{kind="prompt",model="large"} 5`,
		`sluice_gateway_tokens_total{kind="cached",model="large"} 4`,
		`sluice_gateway_tokens_total{kind="thoughts",model="large"} 2`,
		`sluice_gateway_model_seconds_count{model="large"} 1`,
		`sluice_gateway_budget_claims_total{verdict="refuse"} 4`,
		`sluice_gateway_budget_claims_total{verdict="warn"} 1`,
		`sluice_gateway_budget_overruns_total 1`,
		`sluice_gateway_budget_unreachable_total 3`,
		`sluice_gateway_budget_failed_exchanges_total 2`,
		`sluice_gateway_spool_unpublished 3`,
		`sluice_gateway_in_flight 2`,
		`sluice_gateway_spool_stuck_seconds 90`,
		`sluice_gateway_shadows_left_out_total 8`,
	} {
		if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}
