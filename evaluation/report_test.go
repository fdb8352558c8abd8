package evaluation_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/evaluation"
)

// task is 600 queries of which a third escalate, and scores of a given quality: 0 is noise, 1 the oracle.
func task() ([]evaluation.Sample, func(name string, q float64) evaluation.Scored) {
	var samples []evaluation.Sample
	for i := range 600 {
		s := evaluation.Sample{Medium: 1, Large: 1, MediumCost: 10, LargeCost: 100}
		switch i % 3 {
		case 0:
			s.Medium = 0
		case 1:
			if i%6 == 1 {
				s.Medium, s.Large = 0, 0
			}
		}
		samples = append(samples, s)
	}
	return samples, func(name string, q float64) evaluation.Scored {
		ranks := make([]float64, len(samples))
		for i, s := range samples {
			ranks[i] = (1 - q) * float64(i*7919%600) / 600
			if s.Escalate() {
				ranks[i] += q
			}
		}
		return evaluation.Scored{Name: name, Ranks: ranks, Scores: ranks, LatencyUS: 1000}
	}
}

func report(samples []evaluation.Sample, all ...evaluation.Scored) evaluation.Report {
	var r evaluation.Report
	r.Measure(samples, all, evaluation.Options{Draws: 200, OperatingShare: evaluation.OperatingShare(samples), SecondCost: 10})
	return r
}

func TestTheFirstLineSaysWhetherTheLearntRouterBeatsTheControls(t *testing.T) {
	samples, scored := task()
	for _, c := range []struct {
		learnt, control float64
		want            string
	}{
		{0.3, 0.05, "gemma beats every control"},
		{0.05, 0.3, "gemma does NOT beat the controls"},
		{0.2, 0.2, "gemma does NOT beat the controls"},
	} {
		r := report(samples, scored("random", 0), scored("logistic", c.control), scored("gemma", c.learnt))
		if !strings.HasPrefix(r.Headline, c.want) {
			t.Errorf("learnt %.2f against %.2f: %q, want %q", c.learnt, c.control, r.Headline, c.want)
		}
		if len(r.Differences) != 2 || r.Differences[0].A != "gemma" || r.Differences[0].B != "logistic" {
			t.Errorf("differences %+v", r.Differences)
		}
	}
	if r := report(samples, scored("logistic", 0.3)); !strings.HasPrefix(r.Headline, "logistic beats the random mix") {
		t.Errorf("headline without a learnt router: %q", r.Headline)
	}
}

func TestTheOperatingPointIsTheSameForAll(t *testing.T) {
	samples, scored := task()
	r := report(samples, scored("logistic", 0.9))
	oracle, _ := r.Line("oracle")
	logistic, _ := r.Line("logistic")
	large, _ := r.Line("always-large")
	near(t, "oracle's share of large calls", oracle.LargeShare, 1.0/3)
	near(t, "logistic's", logistic.LargeShare, 1.0/3)
	near(t, "oracle's accuracy of the large model's", *oracle.OfLarge, oracle.Accuracy/large.Accuracy)
	near(t, "what the oracle saves", *oracle.Saving, 1-40.0/100)
	near(t, "a decision's cost", logistic.RouterCost, 0.01)
	near(t, "logistic's cost has the router's", *logistic.Cost, 40.01)
	if _, ok := logistic.Intervals["accuracy"]; !ok {
		t.Errorf("accuracy has no interval: %v", logistic.Intervals)
	}
	for _, p := range oracle.Policies {
		want := map[sluice.Policy]evaluation.PolicyResult{
			sluice.Standard:  {Policy: sluice.Standard, Queries: 300, Accuracy: 1},
			sluice.Complex:   {Policy: sluice.Complex, Queries: 200, LargeShare: 1, Accuracy: 1},
			sluice.Ambiguous: {Policy: sluice.Ambiguous, Queries: 100},
		}[p.Policy]
		if p != want {
			t.Errorf("%s: %+v, want %+v", p.Policy, p, want)
		}
	}
}

func TestThePageHoldsEveryRouterAndLoadsNothing(t *testing.T) {
	samples, scored := task()
	calibrated := scored("gemma <b>", 0.5)
	calibrated.Calibrated = true
	r := report(samples, scored("random", 0), scored("logistic", 0.3), calibrated)
	var page strings.Builder
	if err := r.Page(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<polyline", "always-large", "logistic", "gemma &lt;b&gt;", "observed share", string(sluice.Ambiguous), "beats every control"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"<script", "http://", "https://", "NaN", "Inf", "url(", "<b>"} {
		if strings.Contains(page.String(), never) {
			t.Errorf("the page holds %q", never)
		}
	}
}

// A gate that took a lower calibration error for a worse one would promote the wrong router.
func TestNoGateJudgesByANumberThatIsBetterLower(t *testing.T) {
	samples := []evaluation.Sample{{Text: "a", Large: 1}, {Text: "b", Medium: 1, Large: 1}}
	scored := evaluation.Scored{Name: "x", Scores: []float64{1, 0}, Ranks: []float64{1, 0}, Calibrated: true}
	for _, metric := range []string{"ece", "cpt50", "cost_microusd", "magic"} {
		if r := (evaluation.Gate{Metric: metric}).Judge(samples, scored, scored); r.Promote || !strings.Contains(r.Reason, "no gate judges by \""+metric) {
			t.Errorf("%s: %+v", metric, r)
		}
	}
	for _, metric := range evaluation.GateMetrics() {
		if r := (evaluation.Gate{Metric: metric, Share: 0.5}).Judge(samples, scored, scored); strings.Contains(r.Reason, "no gate") {
			t.Errorf("%s: %+v", metric, r)
		}
	}
}

// A little better is not surely better: the interval of the difference holds zero.
func TestTheGateRefusesWhatIsBetterByChance(t *testing.T) {
	samples, scored := task()
	older := scored("old", 0.03)
	for i, s := range samples { // noise of its own
		older.Ranks[i] = 0.97 * float64(i*4001%600) / 600
		if s.Escalate() {
			older.Ranks[i] += 0.03
		}
	}
	r := (evaluation.Gate{Draws: 500}).Judge(samples, scored("new", 0.06), older)
	if !(r.Difference.Lo <= 0 && r.Difference.Hi > 0) {
		t.Fatalf("the difference is in [%g, %g]: this test needs a doubtful one", r.Difference.Lo, r.Difference.Hi)
	}
	if r.Promote || !strings.Contains(r.Reason, "not surely better") {
		t.Errorf("%+v", r)
	}
}

// A score that is not a number is nobody's equal; the walk over equal ones must pass it all the same.
func TestAScoreThatIsNoNumberComesLast(t *testing.T) {
	samples, scored := task()
	broken := scored("gemma", 0.5)
	broken.Ranks[0] = math.NaN()
	if r := report(samples, broken); r.Routers[len(r.Routers)-1].APGR == nil {
		t.Error("one score takes the whole line")
	}
	all, err := evaluation.ScoreAll(t.Context(), lengthOrNaN{}, []evaluation.Sample{{Text: "ab"}, {Text: ""}, {Text: "a"}})
	if err != nil || !slices.Equal(all.Ranks, []float64{2.5 / 3, 0.5 / 3, 1.5 / 3}) {
		t.Errorf("ranks %v, %v", all.Ranks, err)
	}
}

// lengthOrNaN scores a text by its length, and an empty one not at all.
type lengthOrNaN struct{}

func (lengthOrNaN) Name() string                  { return "length" }
func (lengthOrNaN) Fit([]evaluation.Sample) error { return nil }
func (lengthOrNaN) Score(text string) float64 {
	if text == "" {
		return math.NaN()
	}
	return float64(len(text))
}

// Accuracies that rounding alone tells apart have no steps between them: the axis widens instead of counting for ever.
func TestThePageIsDrawnWhereRoundingAloneTellsCurvesApart(t *testing.T) {
	r := evaluation.Report{Routers: []evaluation.Result{{Name: "x", Curve: evaluation.Curve{{0, 0.7, 1}, {1, math.Nextafter(0.7, 1), 1}}}}}
	var page strings.Builder
	if err := r.Page(&page); err != nil || page.Len() > 1<<16 {
		t.Errorf("%d bytes, %v", page.Len(), err)
	}
}
