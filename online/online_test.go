package online

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestAPercentileIsWithinItsErrorWhateverTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(1, 1e10), 1, 200).Draw(t, "values")
		cut := rapid.IntRange(0, len(values)).Draw(t, "cut")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var parts [2]Histogram
		for i, v := range values {
			part := 0
			if i >= cut {
				part = 1
			}
			parts[part].Add(BucketOf(v), 1)
		}
		for b, n := range parts[1].counts { // histograms of the parts add up
			parts[0].Add(b, n)
		}
		slices.Sort(values)
		exact := values[max(1, int(math.Ceil(q*float64(len(values)))))-1]
		if got := parts[0].Quantile(q); math.Abs(got-exact) > exact*MaxError*(1+1e-9) {
			t.Fatalf("p%g is %g, exactly %g", 100*q, got, exact)
		}
	})
}

func TestAnEmptyHistogramHasNoPercentile(t *testing.T) {
	var h Histogram
	if h.Quantile(0.99) != 0 || h.Count() != 0 {
		t.Error("something of nothing")
	}
}

func TestAWindowIsTheSumOfItsSlotsAndForgetsOldOnes(t *testing.T) {
	w := NewWindows(10*time.Second, time.Hour)
	slot := func(ago time.Duration, n int64) Slots {
		at := noon.Add(-ago)
		return Slots{
			Counts:    []Count{{At: at, Policy: "p", Model: "m", Version: "v", Decisions: n, Routed: n, Errors: 1, Cost: 7}},
			Latencies: []Latency{{At: at, What: Total, Bucket: 3, N: n}},
		}
	}
	w.Put(noon.Add(-time.Hour), noon, slot(30*time.Minute, 5))
	w.Put(noon.Add(-time.Minute), noon, slot(10*time.Second, 2))
	w.Put(noon.Add(-time.Minute), noon, slot(10*time.Second, 3)) // read again: in place of what was read before
	if got := w.Over(time.Minute, noon); got.Decisions != 3 || got.Models["m"] != 3 || got.Latency[Total].Count() != 3 {
		t.Errorf("%+v", got)
	}
	if got := w.Over(time.Hour, noon); got.Decisions != 8 || got.Cost != 14 || got.ErrorShare() != 0.25 {
		t.Errorf("%+v", got)
	}
	later := noon.Add(45 * time.Minute)
	w.Put(later.Add(-time.Minute), later, Slots{})
	if got := w.Over(time.Hour, later); got.Decisions != 3 {
		t.Errorf("%+v", got)
	}
	if len(w.counts) != 1 || len(w.lats) != 1 {
		t.Errorf("%d slots are remembered, want 1", len(w.counts))
	}
}

func TestPopulationStabilityIndex(t *testing.T) {
	for name, c := range map[string]struct {
		expected, actual []float64
		want             float64
	}{
		"the same":        {[]float64{50, 50}, []float64{5, 5}, 0},
		"by the textbook": {[]float64{60, 40}, []float64{40, 60}, 0.2*math.Log(60.0/40) + 0.2*math.Log(60.0/40)},
		"an empty bin":    {[]float64{50, 50}, []float64{100, 0}, 0.5*math.Log(2) + (leastShare-0.5)*math.Log(leastShare/0.5)},
		"nothing":         {[]float64{50, 50}, []float64{0, 0}, math.NaN()},
		"other bins":      {[]float64{50, 50}, []float64{1}, math.NaN()},
	} {
		got := psi(c.expected, c.actual)
		if math.Abs(got-c.want) > 1e-12 || math.IsNaN(got) != math.IsNaN(c.want) {
			t.Errorf("%s: %g, want %g", name, got, c.want)
		}
	}
}

func TestEdgesCutAtDecilesAndEqualOnesAreOne(t *testing.T) {
	var values []float64
	for i := range 100 {
		values = append(values, float64(99-i))
	}
	if got := Edges(values); len(got) != 9 || got[0] != 10 || got[8] != 90 {
		t.Errorf("%v", got)
	}
	if got := Fill(Edges(values), values); slices.Min(got) != 10 || slices.Max(got) != 10 {
		t.Errorf("%v: ten each", got)
	}
	if got := Edges([]float64{1, 1, 1, 1}); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if Edges(nil) != nil {
		t.Error("edges of nothing")
	}
}

func TestDriftComparesWhatBothHaveAndThePolicies(t *testing.T) {
	ref := Profile{
		Features: map[string]Bins{"words": {Edges: []float64{5}, Counts: []float64{1, 1}}, "gone": {Edges: []float64{5}, Counts: []float64{1, 1}}},
		Policies: map[string]float64{"a": 1, "b": 1},
	}
	actual := Profile{
		Features: map[string]Bins{"words": {Edges: []float64{5}, Counts: []float64{2, 2}}},
		Policies: map[string]float64{"a": 1, "new": 1},
	}
	got := Drift(ref, actual)
	if _, there := got["gone"]; there || got["words"] != 0 || got[PolicyFeature] < 1 {
		t.Errorf("%v", got)
	}
}

func TestCalibrationError(t *testing.T) {
	if got := ECE([]CalibrationBin{{N: 30, MeanP: 0.1, Share: 0.1}, {N: 10, MeanP: 0.9, Share: 0.5}}); math.Abs(got-0.1) > 1e-12 {
		t.Errorf("%g, want 0.1", got)
	}
	if !math.IsNaN(ECE(nil)) {
		t.Error("an error of nothing")
	}
}

func TestBudgetsBurnByTheirPeriod(t *testing.T) {
	s := Spend{Budget: Budget{Period: Day, Cap: 24_000}, Spent: 6_000, Recently: 2_000}
	if s.BurnRate() != 2 || s.Share() != 0.25 {
		t.Errorf("burns at %g, %g spent", s.BurnRate(), s.Share())
	}
	if (Spend{}).BurnRate() != 0 || (Spend{}).Share() != 0 {
		t.Error("no budget burns")
	}
	at := time.Date(2026, 3, 15, 13, 45, 0, 0, time.FixedZone("", 3600))
	for period, want := range map[string]string{Hour: "2026-03-15T12:00:00Z", Day: "2026-03-15T00:00:00Z", Month: "2026-03-01T00:00:00Z"} {
		if got := (Budget{Period: period}).Began(at).Format(time.RFC3339); got != want {
			t.Errorf("%s began %s, want %s", period, got, want)
		}
	}
}

// history plays readings to a rule, with the log's memory: each id once.
func history(r Rule, readings []Reading, behind int) (log []sluice.Alert) {
	stored := map[string]bool{}
	for i, m := range readings {
		var s State
		for _, a := range log[:max(0, len(log)-behind)] { // the table may be behind the log
			if a.Cleared {
				s.Cleared++
			} else {
				s.Raised++
			}
		}
		if a, changed := r.Judge(m, s, noon.Add(time.Duration(i)*time.Second)); changed && !stored[a.ID] {
			stored[a.ID] = true
			log = append(log, a)
		}
	}
	return log
}

func TestAnAlertIsRaisedOnceAndClearedOnceAnEpisode(t *testing.T) {
	r := Rule{Name: ErrorRate, Limit: 0.1, Window: time.Minute, Least: 10, Severity: "critical"}
	value := func(v float64) Reading { return Reading{Value: v, N: 100} }
	readings := []Reading{
		value(0.05), value(0.2), value(0.3), value(0.095), value(0.11), // trembles: one alert
		value(0.05), value(0.05), {Value: 1, N: 9}, // too few to count
		value(0.5), {}, // cleared since nothing happens any more
	}
	got := history(r, readings, 0)
	var words []bool
	for _, a := range got {
		words = append(words, a.Cleared)
	}
	if !slices.Equal(words, []bool{false, true, false, true}) {
		t.Fatalf("cleared: %v\n%+v", words, got)
	}
	if got[0].Message != "above its limit of 0.1: 20.0% of 100 requests in 1m failed" {
		t.Error(got[0].Message)
	}
}

// Whoever judges by a table that is behind says again what is in the log already.
func TestAnOldStateNeverMakesANewAlert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rule{Name: Drifted, Limit: 1, Severity: "warning"}
		readings := make([]Reading, 0, 50)
		for range 50 {
			readings = append(readings, Reading{Subject: "words", N: 10, Value: rapid.Float64Range(0, 2).Draw(t, "v")})
		}
		log := history(r, readings, rapid.IntRange(0, 1).Draw(t, "behind"))
		for i, a := range log {
			if a.Cleared != (i%2 == 1) {
				t.Fatalf("alert %d is cleared: %v", i, a.Cleared)
			}
		}
	})
}
