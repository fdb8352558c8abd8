package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBenchRouterPrintsWhatADecisionTakes(t *testing.T) {
	p := newProgram(t)
	var r struct {
		Router    string  `json:"router"`
		P50       float64 `json:"p50_ms"`
		P95       float64 `json:"p95_ms"`
		ColdP50   float64 `json:"cold_p50_ms"`
		PerSecond float64 `json:"decisions_per_s"`
		Memory    float64 `json:"memory_mb"`
	}
	if err := json.Unmarshal([]byte(p.must("bench", "router", "--decisions", "10", "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Router == "" || r.P50 <= 0 || r.P95 < r.P50 || r.ColdP50 <= 0 || r.PerSecond <= 0 || r.Memory < 5 {
		t.Errorf("%+v", r)
	}
	out := p.must("bench", "router", "--decisions", "2")
	for _, want := range []string{"100-300 ms", "10-20 queries/s", "6 GB", "prefix cached"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestBenchTrainPrintsWhatTrainingTakes(t *testing.T) {
	p := newProgram(t)
	var r struct {
		Examples  int     `json:"examples"`
		Seconds   float64 `json:"seconds"`
		PerSecond float64 `json:"examples_per_s"`
		PeakShare float64 `json:"peak_share"`
	}
	if err := json.Unmarshal([]byte(p.must("bench", "train", "--examples", "40", "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Examples != 40 || r.Seconds <= 0 || r.PerSecond <= 0 || r.PeakShare <= 0 || r.PeakShare > 1 {
		t.Errorf("%+v", r)
	}
	_, errs, status := p.run("bench", "train", "--examples", "40", "--backend", "xla:cuda")
	if status == statusDone || !strings.Contains(errs, "-tags xla") {
		t.Errorf("a backend that is not there: status %d\n%s", status, errs)
	}
}
