package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/evaluation"
)

// A ring that has labelled questions measures routers on its own test split.
func TestEvalRunAndCompareOnTheRingsOwnExamples(t *testing.T) {
	p := newProgram(t).withTables()
	where, stop := p.serve("up", "--upstream", "emulator")
	db := p.db()
	const asked = 150
	for i := range asked {
		ask(t, where.NATS, "web", question(fmt.Sprint("q", i), fmt.Sprintf("Which of the %s wonders of region %d is %s?", []string{"seven", "hidden", "lost"}[i%3], i*7919, strings.Repeat("old ", i%5)), "acme"))
	}
	eventually(t, "the examples", func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) == asked })
	stop()
	tests := countOf(t, db, `SELECT count(*) FROM examples_test`)

	page := filepath.Join(t.TempDir(), "report.html")
	var r evaluation.Report
	if err := json.Unmarshal([]byte(p.must("eval", "run", "static", "--draws", "100", "--html", page, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Rows != tests || r.Leaks == nil || r.CostBasis == "" || !strings.Contains(r.CostBasis, "ledger") {
		t.Errorf("%d rows of %d in the test split; leaks %+v, costs %q", r.Rows, tests, r.Leaks, r.CostBasis)
	}
	for _, name := range []string{"static", "logistic", "oracle", "always-large"} {
		if line, ok := r.Line(name); !ok || line.Cost == nil || *line.Cost <= 0 {
			t.Errorf("line of %s: %+v", name, line)
		}
	}
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "always-large") {
		t.Errorf("page: %v", err)
	}

	var c comparison
	if err := json.Unmarshal([]byte(p.must("eval", "compare", "logistic", "logistic", "--draws", "100", "--json")), &c); err != nil {
		t.Fatal(err)
	}
	compared := false
	for _, d := range c.Differences {
		compared = compared || d.Metric == "accuracy"
		if d.Metric == "accuracy" && (d.Value != 0 || d.Interval == nil || d.Interval.Lo != 0 || d.Interval.Hi != 0) {
			t.Errorf("a router differs from itself: %+v", d)
		}
	}
	if !compared || c.Rows != tests {
		t.Errorf("comparison %+v", c)
	}
	if table := p.must("eval", "compare", "logistic", "static", "--metric", "accuracy", "--draws", "100"); !strings.Contains(table, "accuracy") || strings.Contains(table, "apgr") {
		t.Errorf("table:\n%s", table)
	}
	if _, errs, status := p.run("eval", "compare", "logistic", "static", "--metric", "beauty"); status != statusUsage || !strings.Contains(errs, "there are: apgr") {
		t.Errorf("an unknown metric: status %d, %s", status, errs)
	}
	if _, errs, status := p.run("eval", "run", "no-such-version"); status != statusFailed || !strings.Contains(errs, "no-such-version") {
		t.Errorf("an unknown version: status %d, %s", status, errs)
	}
}
