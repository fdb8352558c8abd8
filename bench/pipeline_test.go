package bench

import "testing"

func TestAStretchIsTheMeanOfItsPartsAndKnowsWhichQueriesItIsAbout(t *testing.T) {
	t.Parallel()
	parts := []Part{
		{Done: 10, Costs: Costs{QueriesPerSecond: 100, Ratio: 0.5, RawCPUPerMessage: 10, CPUPerQuery: 400, PostgresCPUPerQuery: 100}},
		{Done: 20, Costs: Costs{QueriesPerSecond: 200, Ratio: 0.7, RawCPUPerMessage: 20, CPUPerQuery: 500, PostgresCPUPerQuery: 200}},
		{Done: 30, Costs: Costs{QueriesPerSecond: 900, Ratio: 0.9, RawCPUPerMessage: 90, CPUPerQuery: 900, PostgresCPUPerQuery: 900}},
	}
	want := Stretch{From: 0, To: 20, Costs: Costs{QueriesPerSecond: 150, Ratio: 0.6, RawCPUPerMessage: 15, CPUPerQuery: 450, PostgresCPUPerQuery: 150}}
	if got := stretch(parts, 0, 2); got != want {
		t.Errorf("the first two: %+v, want %+v", got, want)
	}
	want = Stretch{From: 20, To: 30, Costs: Costs{QueriesPerSecond: 900, Ratio: 0.9, RawCPUPerMessage: 90, CPUPerQuery: 900, PostgresCPUPerQuery: 900}}
	if got := stretch(parts, 2, 3); got != want {
		t.Errorf("the last one: %+v, want %+v", got, want)
	}
}
