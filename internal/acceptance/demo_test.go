package acceptance

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"sluice/internal/process"
)

// summary is the one JSON object that `sluice demo --json` ends with; nothing else may be in it.
type summary struct {
	Queries  int                       `json:"queries"`
	Examples int                       `json:"examples"`
	Train    int                       `json:"train"`
	Test     int                       `json:"test"`
	Matrix   map[string]map[string]int `json:"matrix"`
	Policies map[string]int            `json:"policies"`
	Cost     map[string]int64          `json:"cost_microusd"`
	Calls    map[string]int            `json:"model_calls"`
	Dead     int                       `json:"dead"`
	Upstream string                    `json:"upstream"`
	Seconds  float64                   `json:"seconds"`
}

// demo runs the demo in a data directory and reads its summary.
func demo(t *testing.T, dir string, args ...string) summary {
	t.Helper()
	c := process.Start(t, process.Spec{
		Name: "demo", Path: binaries.Sluice(t), Args: append([]string{"demo", "--json"}, args...),
		Env: []string{"SLUICE_DATA_DIR=" + dir},
	})
	if err := c.Wait(t.Context()); err != nil {
		t.Fatalf("sluice demo: %v\n%s", err, c.Output())
	}
	dec := json.NewDecoder(strings.NewReader(c.Stdout()))
	dec.DisallowUnknownFields()
	var s summary
	if err := dec.Decode(&s); err != nil {
		t.Fatalf("standard output is not the one object: %v\n%s", err, c.Stdout())
	}
	if dec.More() {
		t.Errorf("there is more than one object on standard output:\n%s", c.Stdout())
	}
	return s
}

// consistent checks that the summary of n queries adds up.
func (s summary) consistent(t *testing.T, n int) {
	t.Helper()
	cells, policies, calls := 0, 0, 0
	for medium, row := range s.Matrix {
		for large, count := range row {
			cells += count
			if !slices.Contains(grades, medium) || !slices.Contains(grades, large) {
				t.Errorf("the matrix has a cell %s/%s", medium, large)
			}
		}
		if len(row) != 3 {
			t.Errorf("row %s of the matrix has %d cells", medium, len(row))
		}
	}
	for _, count := range s.Policies {
		policies += count
	}
	for _, count := range s.Calls {
		calls += count
	}
	for what, got := range map[string]int{
		"queries": s.Queries, "examples": s.Examples, "cells of the matrix": cells, "policies": policies,
		"train and test": s.Train + s.Test, "calls, by five": calls / 5,
	} {
		if got != n {
			t.Errorf("%s: %d, want %d", what, got, n)
		}
	}
	if calls != 5*n {
		t.Errorf("%d model calls for %d queries: two answers, two verdicts, one description each", calls, n)
	}
	if len(s.Matrix) != 3 || s.Dead != 0 || s.Train == 0 || s.Test == 0 || s.Seconds <= 0 {
		t.Errorf("summary %+v", s)
	}
	for model, micro := range s.Cost {
		if micro <= 0 {
			t.Errorf("model %s cost %d micro-dollars", model, micro)
		}
	}
	if !strings.HasPrefix(s.Upstream, "emulator:") {
		t.Errorf("upstream %q: without a key the models are emulated, and the summary says so", s.Upstream)
	}
}

var grades = []string{"correct", "incorrect", "idk"}

// The README's first command, as a newcomer runs it: an empty directory, no database, no key.
func TestDemoEndsWithASummaryThatAddsUp(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := demo(t, dir, "--limit", "60")
	s.consistent(t, 60)
	t.Logf("first start: %.1f s", s.Seconds)
	again := demo(t, dir, "--limit", "60")
	again.consistent(t, 60)
	t.Logf("second start: %.1f s", again.Seconds)
}
