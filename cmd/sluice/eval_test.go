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

// graded writes a file on which questions about rivers need the large model.
func graded(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for i := range 400 {
		subject, medium := "capital", "CORRECT"
		if i%3 == 0 {
			subject, medium = "longest river", "INCORRECT"
		}
		fmt.Fprintf(&b, `{"id":%d,"question":"What is the %s of country %d?","gold":"x","runs":{"gpt-3.5-turbo":{"answer":"a","grade":%q},"gpt-4":{"answer":"b","grade":"CORRECT"}}}`+"\n", i, subject, i, medium)
	}
	path := filepath.Join(t.TempDir(), "graded.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEvalFileReportsEveryRouterAndControl(t *testing.T) {
	p := newProgram(t)
	out := filepath.Join(t.TempDir(), "report.json")
	printed := p.must("eval", "file", graded(t), "--medium", "gpt-3.5-turbo", "--large", "gpt-4", "--draws", "100", "--json", "--out", out)
	var r, written evaluation.Report
	if err := json.Unmarshal([]byte(printed), &r); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, &written); err != nil || written.Headline != r.Headline {
		t.Errorf("the file says %q (%v), the output %q", written.Headline, err, r.Headline)
	}
	if r.Rows != 400 || r.Escalating != 134 || r.LargeAccuracy != 1 {
		t.Errorf("%d rows, %d escalating, large right on %v", r.Rows, r.Escalating, r.LargeAccuracy)
	}
	by := map[string]evaluation.Result{}
	for _, x := range r.Routers {
		by[x.Name] = x
	}
	for _, name := range []string{"always-medium", "always-large", "hull-of-models", "oracle", "random", "length", "kmeans", "knn", "logistic"} {
		if _, ok := by[name]; !ok {
			t.Errorf("no line for %s", name)
		}
	}
	oracle, logistic := by["oracle"], by["logistic"]
	if logistic.APGR == nil || *logistic.APGRLo <= 0.5 || *logistic.APGR > *oracle.APGR+1e-9 || logistic.Cost == nil || *logistic.Cost <= 0 {
		t.Errorf("logistic %+v", logistic)
	}
	if !strings.Contains(r.Headline, "beats the random mix") {
		t.Errorf("headline %q", r.Headline)
	}
}

// Without a price there are no dollars, and nothing that is counted in them.
func TestEvalFileWithoutPricesCountsCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rl.jsonl")
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, `{"id":%d,"prompt":"question number %d of many","weak_correct":%v,"strong_correct":true,"contaminated":false}`+"\n", i, i, i%2 == 0)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t)
	var r evaluation.Report
	printed := p.must("eval", "file", path, "--medium", "weak", "--large", "strong", "--folds", "2", "--draws", "100", "--routers", "length", "--json")
	if err := json.Unmarshal([]byte(printed), &r); err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Routers {
		if x.Cost != nil || x.AIQ != nil || x.Arena != nil {
			t.Errorf("%s has dollars: %+v", x.Name, x)
		}
	}
	table := p.must("eval", "file", path, "--medium", "weak", "--large", "strong", "--folds", "2", "--draws", "100", "--routers", "length")
	for _, want := range []string{"length", "oracle", "no price", "100 graded queries"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if _, errs, status := p.run("eval", "file", path, "--medium", "weak", "--large", "strong", "--routers", "magic"); status != statusUsage || !strings.Contains(errs, `no router "magic"; there are: random`) {
		t.Errorf("status %d: %s", status, errs)
	}
}

// A rule that sends what the medium model knows to the large one costs and gains nothing; the report says so. A file
// of one's own is held as the presets are.
func TestEvalFileHoldsRulesOverTheRouters(t *testing.T) {
	p := newProgram(t)
	own := p.file("own.yaml", `
routing:
  preset: none
  rules:
    - {name: capitals, when: {keywords: [capital]}, then: {tier: large}}
    - {name: doubtful, when: {expr: 'policy == "Complex_Query" and score < threshold'}, then: {tier: medium}}
`)
	page := filepath.Join(t.TempDir(), "report.html")
	args := []string{"eval", "file", graded(t), "--medium", "gpt-3.5-turbo", "--large", "gpt-4", "--draws", "100", "--routers", "logistic", "--rules", "none,hybrid," + own, "--html", page}
	var r evaluation.Report
	if err := json.Unmarshal([]byte(p.must(append(args, "--json")...)), &r); err != nil {
		t.Fatal(err)
	}
	by := map[string]evaluation.Ruled{}
	for _, x := range r.Ruled {
		by[x.Router+" "+x.Rules] = x
	}
	if len(by) != 6 {
		t.Fatalf("want two routers under three chains: %+v", r.Ruled)
	}
	none, ruled := by["logistic none"], by["logistic "+own]
	if none.Gain != 0 || none.Accuracy < 0.95 {
		t.Errorf("logistic alone: %+v", none)
	}
	if ruled.Fired["capitals"] != 266 || ruled.Fired["doubtful"] != 0 || ruled.Interval == nil || ruled.Accuracy != 1 || ruled.Gain > 0.02 {
		t.Errorf("with capitals: %+v", ruled)
	}
	if s := by["static map "+own]; s.Gain >= 0 || s.Interval.Hi >= 0 {
		t.Errorf("capitals alone buy nothing: %+v", s)
	}
	html, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(html), "Rules over the routers") || !strings.Contains(string(html), "capitals 266") {
		t.Errorf("the page lacks the rules: %v", err)
	}
	if table := p.must(args...); !strings.Contains(table, "router alone") || !strings.Contains(table, "capitals 266") {
		t.Errorf("the table lacks the rules:\n%s", table)
	}
	for words, more := range map[string][]string{
		"neither a preset":         {"--rules", "nope"},
		"rules that it concerns":   {"--budget", "0.5"},
		"of which the file has no": {"--rules", p.file("other.yaml", "routing: {preset: none, rules: [{name: x, then: {model: gemini-2.5-pro}}]}\n")},
		`"Nope" is no policy`:      {"--rules", p.file("bad.yaml", `routing: {preset: none, rules: [{name: x, when: {policies: [Nope]}, then: {tier: large}}]}`)},
	} {
		_, errs, status := p.run(append([]string{"eval", "file", graded(t), "--medium", "gpt-3.5-turbo", "--large", "gpt-4", "--routers", "logistic"}, more...)...)
		if status == statusDone || !strings.Contains(errs, words) {
			t.Errorf("%v: status %d, %s", more, status, errs)
		}
	}
}
