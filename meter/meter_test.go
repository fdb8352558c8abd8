package meter

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/internal/decided"
	"sluice/online"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// scrape is what Prometheus reads.
func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %v\n%s", w.Code, err, body)
	}
	return string(body)
}

func expect(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

// everything fills a meter so that each of its metrics has a value.
func everything(m *Meter) {
	d := decided.New(1, noon, time.Second).Next()
	d.Fallbacks, d.RouterFault, d.FirstTokenMS = []string{"gemini-2.5-pro"}, "deadline", 120
	d.Shadow = &sluice.Shadow{RouterVersion: "r2", Policy: "Other"}
	m.Decided(noon, &d)
	score := 0.2
	m.Noted(&sluice.Feedback{Source: "client", Score: &score, Thumb: "up"}, nil, nil)
	m.Noted(nil, &sluice.Alert{Rule: "drift", Cleared: true}, nil)
	m.Noted(nil, nil, &sluice.TrainingEvent{Kind: "started"})
	m.Sampled([]online.Sample{{ChosenBy: online.Evenly}}, online.Labelling{Chosen: 4, Spent: 4000})
	m.CountProcess(aProcess())
	m.Show(view())
	m.ShowRing([]Stage{{Name: "judge", Lag: 3, InHand: 2, Redelivered: 1, Waiting: 4, PerSecond: 5.5, DeadByReason: map[string]uint64{"refused": 2}}},
		[]Stream{{Name: "ANSWERS", Messages: 10, Bytes: 1000}})
}

func view() online.View {
	w := online.NewWindows(10*time.Second, time.Hour)
	w.Put(noon.Add(-time.Hour), noon, online.Slots{
		Counts: []online.Count{
			{At: noon, Policy: "Standard_Query", Model: "m", Version: "r1", Decisions: 3, Routed: 3, Errors: 1, Fallbacks: 1, Unrouted: 1, Cost: 90},
			{At: noon, Policy: "Complex_Query", Model: "l", Version: "r1", Decisions: 1, Routed: 1, Cost: 10},
		},
		Latencies: []online.Latency{{At: noon, What: online.Total, Bucket: online.BucketOf(1e6), N: 4}},
	})
	return online.View{
		At: noon, Windows: map[string]online.Window{"1m": w.Over(time.Minute, noon)},
		Accuracy:         []online.Accuracy{{Source: "judge", Policy: "all", N: 12, Mean: 0.75}},
		CalibrationError: 0.04, Judged: 12, Drift: map[string]float64{"words": 0.3},
		Spends: []online.Spend{{Budget: online.Budget{Name: "all", Period: online.Day, Cap: 240}, Spent: 24, Recently: 20}},
		Open:   [][2]string{{"drift", "words"}},
	}
}

func TestFactsAndViewsBecomeMetrics(t *testing.T) {
	m := New()
	everything(m)
	expect(t, scrape(t, m.Handler()),
		`sluice_decisions_total{model="gemini-2.5-flash",outcome="ok",policy="Standard_Query"} 1`,
		`sluice_cost_microusd_total{model="gemini-2.5-flash"} 81`,
		`sluice_router_faults_total{fault="deadline"} 1`,
		`sluice_calls_adopted_total 3`,
		`sluice_fallbacks_total{model="gemini-2.5-pro"} 1`,
		`sluice_shadow_decisions_total{verdict="differs"} 1`,
		`sluice_feedback_total{source="client",verdict="bad"} 1`,
		`sluice_window_decisions{window="1m"} 4`,
		`sluice_window_policy_share{policy="Standard_Query",window="1m"} 0.75`,
		`sluice_window_error_share{window="1m"} 0.25`,
		`sluice_accuracy_ratio{policy="all",source="judge"} 0.75`,
		`sluice_calibration_error 0.04`,
		`sluice_drift_psi{feature="words"} 0.3`,
		`sluice_budget_burn_rate{budget="all",period="day"} 2`,
		`sluice_alert_open{rule="drift",subject="words"} 1`,
		`sluice_stage_lag_messages{stage="judge"} 3`,
		`sluice_dead_letters{reason="refused",stage="judge"} 2`)
}

func TestARequestThatAskedNobodyTookNoTime(t *testing.T) {
	m := New()
	m.Decided(noon, &sluice.Decision{Requested: "auto", Rule: "conversation", Model: "m", Outcome: sluice.OutcomeRefused, Status: 429})
	text := scrape(t, m.Handler())
	for _, name := range []string{"sluice_router_latency_seconds_count 1", `sluice_model_latency_seconds_count{model="m"}`} {
		if strings.Contains(text, "\n"+name) {
			t.Errorf("%s though neither router nor model was asked", name)
		}
	}
	expect(t, text, `sluice_request_latency_seconds_count{model="m"} 1`)
}

func TestEveryMetricThatIsNamedIsExported(t *testing.T) {
	m := New()
	everything(m)
	text := scrape(t, m.Handler())
	for _, name := range m.Names() {
		if !strings.Contains(text, "\n"+name+"{") && !strings.Contains(text, "\n"+name+" ") && !strings.Contains(text, "# TYPE "+name+" histogram") {
			t.Errorf("%s has no value after everything happened", name)
		}
		if !strings.HasPrefix(name, "sluice_") {
			t.Errorf("%s is no name of ours", name)
		}
	}
}

func TestWhatIsGoneIsNotShownAnyMore(t *testing.T) {
	m := New()
	m.Show(view())
	m.Show(online.View{At: noon, CalibrationError: math.NaN()})
	text := scrape(t, m.Handler())
	for _, name := range []string{"sluice_alert_open{", "sluice_drift_psi{", "sluice_budget_cap_microusd{", "sluice_calibration_error ", "sluice_window_policy_share{"} {
		if strings.Contains(text, "\n"+name) {
			t.Errorf("%s is still shown", name)
		}
	}
}

func TestTextThatIsNoUTF8HarmsNothing(t *testing.T) {
	m := New()
	m.Decided(noon, &sluice.Decision{Model: "\xff", Policy: "\xfe", Rule: "\xff", RouterFault: "\xff", Fallbacks: []string{"\xff"}, Outcome: "\xff", Cost: -5, FirstTokenMS: 1, Requested: "auto"})
	m.Noted(&sluice.Feedback{Source: "\xff"}, nil, nil)
	m.Show(online.View{Drift: map[string]float64{"\xff": 1}, Open: [][2]string{{"a", "\xff"}}, Accuracy: []online.Accuracy{{Policy: "\xff"}}})
	if !strings.Contains(scrape(t, m.Handler()), "sluice_decisions_total") {
		t.Error("nothing is exported any more")
	}
}
