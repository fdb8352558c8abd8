package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGrowthIsWhatAnOldRingsQueriesCostOverThoseOfRingsThatBegin(t *testing.T) {
	t.Parallel()
	young := []Stretch{
		{From: 5, To: 15, Costs: Costs{CPUPerQuery: 300, PostgresCPUPerQuery: 80, GCCPUPerQuery: 20}},
		{From: 5, To: 15, Costs: Costs{CPUPerQuery: 500, PostgresCPUPerQuery: 120, GCCPUPerQuery: 40}},
	}
	got := growthOf(young, Stretch{From: 160, To: 200, Costs: Costs{CPUPerQuery: 420, PostgresCPUPerQuery: 150}})
	if want := (Stretch{From: 5, To: 15, Costs: Costs{CPUPerQuery: 400, PostgresCPUPerQuery: 100, GCCPUPerQuery: 30}}); got.Young != want {
		t.Errorf("rings that begin: %+v, want the mean of both, %+v", got.Young, want)
	}
	if got.CPU != 1.05 || got.Postgres != 1.5 || got.All != 1.14 {
		t.Errorf("growth %v, of Postgres %v, of both %v; want 1.05, 1.5, 1.14", got.CPU, got.Postgres, got.All)
	}
	got = growthOf([]Stretch{{Costs: Costs{CPUPerQuery: 300}}}, Stretch{Costs: Costs{CPUPerQuery: 330, PostgresCPUPerQuery: 30}})
	if got.CPU != 1.1 || got.Postgres != 0 || got.All != 1.2 {
		t.Errorf("growth %v, of Postgres %v, of both %v; want 1.1, 0 for a server that had no time yet, 1.2", got.CPU, got.Postgres, got.All)
	}
}

func TestARingThatBeginsIsMeasuredByWhatItPrints(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "printed")
	printing := func(text string) Beginning {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Beginning{Command: []string{"cat", file}, Skip: 1}
	}
	b := printing(`{"parts": [{"done": 5, "cpu_us_per_query": 900}, {"done": 10, "cpu_us_per_query": 400}, {"done": 15, "cpu_us_per_query": 500}]}`)
	got, err := b.run(t.Context())
	if want := (Stretch{From: 5, To: 15, Costs: Costs{CPUPerQuery: 450}}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v without its first part", got, err, want)
	}
	for text, want := range map[string]string{`{"parts": [{"done": 5}]}`: "want more than 1", "nothing": "invalid character"} {
		b := printing(text)
		if _, err := b.run(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want an error that names the command and says %q", text, err, want)
		}
	}
	b.Command[1] = filepath.Join(t.TempDir(), "missing")
	if _, err := b.run(t.Context()); err == nil || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("a ring that fails: %v, want what it said", err)
	}
}
