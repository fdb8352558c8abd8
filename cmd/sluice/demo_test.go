package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
	"sluice/config"
	"sluice/producers/bank"
)

// policyOf is the oracle matrix of the architecture, spelled out once more: medium's grade, then large's.
var policyOf = map[string]string{
	"correct/correct": "Standard_Query", "correct/incorrect": "Standard_Query", "correct/idk": "Standard_Query",
	"incorrect/correct": "Complex_Query", "incorrect/incorrect": "Ambiguous_Query", "incorrect/idk": "Complex_Query",
	"idk/correct": "Complex_Query", "idk/incorrect": "Ambiguous_Query", "idk/idk": "Ambiguous_Query",
}

// lastObject is the JSON object on the last line.
func lastObject(t *testing.T, stdout string) summary {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	dec := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	dec.DisallowUnknownFields()
	var s summary
	if err := dec.Decode(&s); err != nil {
		t.Fatalf("the last line is no summary: %v\n%s", err, stdout)
	}
	return s
}

// outcomes is what a run should come to, worked out without it.
type outcomes struct {
	n        int
	matrix   map[string]map[string]int
	policies map[string]int
	train    int
}

func newOutcomes() *outcomes {
	o := &outcomes{matrix: map[string]map[string]int{}, policies: map[string]int{"Standard_Query": 0, "Complex_Query": 0, "Ambiguous_Query": 0}}
	for _, m := range []string{"correct", "incorrect", "idk"} {
		o.matrix[m] = map[string]int{"correct": 0, "incorrect": 0, "idk": 0}
	}
	return o
}

func (o *outcomes) add(question, medium, large string) {
	o.n++
	o.matrix[medium][large]++
	o.policies[policyOf[medium+"/"+large]]++
	if sluice.SplitOf(question, 42, 0.8) == sluice.Train {
		o.train++
	}
}

func (o *outcomes) compare(t *testing.T, s summary) {
	t.Helper()
	for medium, row := range o.matrix {
		if !maps.Equal(row, s.Matrix[medium]) {
			t.Errorf("row %s is %v, want %v", medium, s.Matrix[medium], row)
		}
	}
	if !maps.Equal(o.policies, s.Policies) {
		t.Errorf("policies %v, want %v", s.Policies, o.policies)
	}
	if s.Queries != o.n || s.Examples != o.n || s.Train != o.train || s.Test != o.n-o.train || s.Dead != 0 {
		t.Errorf("%+v; want %d queries and examples, %d of them train", s, o.n, o.train)
	}
}

// A run from nothing: a private cluster, a log of its own; then another one, which begins afresh.
func TestDemoOnTheBankAgreesWithTheModelsThemselves(t *testing.T) {
	p := newProgram(t)
	const n = 40
	source, err := syntheticSource(bankDataset(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := newOutcomes()
	for _, q := range bank.Questions()[:n] {
		var grades []string
		for _, model := range []string{"gemini-2.5-flash", "gemini-2.5-pro"} {
			answer, err := source.Answer(model, q.Text)
			if err != nil {
				t.Fatal(err)
			}
			j, err := source.Verdict(q.Text, q.Gold, answer)
			if err != nil {
				t.Fatal(err)
			}
			grades = append(grades, string(j.Grade))
		}
		want.add(q.Text, grades[0], grades[1])
	}
	for range 2 {
		out, errs, status := p.run("demo", "--json", "--limit", "40")
		if status != statusDone {
			t.Fatalf("status %d\n%s", status, errs)
		}
		s := lastObject(t, out)
		want.compare(t, s)
		if s.Upstream != "emulator:synthetic" || s.Calls["gemini-2.5-flash"] != 2*n || s.Calls["gemini-2.5-pro"] != 3*n {
			t.Errorf("upstream %s, calls %v", s.Upstream, s.Calls)
		}
		for _, part := range []string{"SIMULATED", "medium ╲ large", "Standard_Query", "dead letters: 0", "sluice sql --demo --data-dir " + p.dir + " \"SELECT"} {
			if !strings.Contains(errs, part) {
				t.Errorf("%q is not in the summary:\n%s", part, errs)
			}
		}
	}
	if out := p.must("sql", "--demo", "--json", "SELECT count(*) AS n FROM labelled_examples"); strings.TrimSpace(out) != `{"n":40}` {
		t.Errorf("the tables of the last run hold %s", out)
	}
	if out := p.must("dataset", "export", "--demo", "--format", "answers"); strings.Count(out, "\n") != 2*n {
		t.Errorf("%d exported answers, want %d", strings.Count(out, "\n"), 2*n)
	}
	exportedGrades(t, p, n)
	exportedRows(t, p)
}

// exportedGrades checks that each row of the oracle data set has the two grades that make its policy.
func exportedGrades(t *testing.T, p *program, n int) {
	t.Helper()
	rows := 0
	for line := range strings.Lines(p.must("dataset", "export", "--demo", "--format", "oracle")) {
		var row struct {
			Policy sluice.Policy
			Medium sluice.Grade `json:"medium_grade"`
			Large  sluice.Grade `json:"large_grade"`
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if cell, err := sluice.DefaultMatrix().Cell(row.Medium, row.Large); err != nil || cell.Policy != row.Policy {
			t.Errorf("%s: the matrix says %s (%v)", line, cell.Policy, err)
		}
		rows++
	}
	if rows != n {
		t.Errorf("%d exported rows, want %d", rows, n)
	}
}

// exportedRows checks the rows to train on against what training sees.
func exportedRows(t *testing.T, p *program) {
	t.Helper()
	train := strings.Count(p.must("dataset", "export", "--demo", "--format", "train"), "\n")
	for format, want := range map[string]int{"sft": train, "dpo": train, "train": train, "oracle": 40} {
		file := filepath.Join(t.TempDir(), format+".jsonl")
		p.must("dataset", "export", "--demo", "--format", format, "--out", file)
		rows, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		card, err := os.ReadFile(file + ".card.md")
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(rows)
		if bytes.Count(rows, []byte("\n")) != want || !strings.Contains(string(card), hex.EncodeToString(sum[:])) || bytes.Count(card, []byte("\n    ")) != want {
			t.Errorf("%s: %d rows, want %d, and as many ids; card\n%s", format, bytes.Count(rows, []byte("\n")), want, card)
		}
		if prompted := format == "sft" || format == "dpo"; !prompted {
			continue
		}
		if !bytes.Contains(rows, []byte("[REASONING]")) || !bytes.Contains(rows, []byte("[DECISION] Standard_Query")) {
			t.Errorf("%s: no reasoning in\n%.2000s", format, rows)
		}
	}
}

// Whatever the intake let through, an export holds no personal data; ids stay as they are.
func TestExportsMaskPersonalData(t *testing.T) {
	columns := []string{"query_key", "text", "summary", "ground_truth", "word_count"}
	row := []any{"mail@example.com", "Write to mail@example.com, please", "asks to write to mail@example.com", []any{"x", "mail@example.com"}, 4}
	if !maskRow(columns, row) {
		t.Error("nothing was masked")
	}
	if text := fmt.Sprint(row[1:]...); strings.Contains(text, "mail@example.com") || row[0] != "mail@example.com" || row[4] != 4 {
		t.Errorf("row %v", row)
	}
	if maskRow(columns, row) {
		t.Error("masked twice")
	}
}

// sharedFile finds a data set beside the project.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data")
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is not in %s", name, dir)
	}
	t.Skipf("no folder %s on this machine", dir)
	return ""
}

// recordedOutcomes is worked out from the file's bytes alone.
func recordedOutcomes(t *testing.T, path, medium, large string, limit int) (want *outcomes, skipped int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	grade := map[string]string{"CORRECT": "correct", "INCORRECT": "incorrect", "NOT_ATTEMPTED": "idk"}
	want = newOutcomes()
	seen := map[string]bool{}
	lines := bufio.NewScanner(zipped)
	lines.Buffer(nil, 1<<20)
	for rows := 0; (limit == 0 || rows < limit) && lines.Scan(); rows++ {
		var row struct {
			Question string
			Runs     map[string]struct{ Answer, Grade string }
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		m, l := row.Runs[medium], row.Runs[large]
		question := strings.ToLower(strings.Join(strings.Fields(row.Question), " "))
		if seen[question] || strings.TrimSpace(m.Answer) == strings.TrimSpace(l.Answer) && m.Grade != l.Grade {
			skipped++
			continue
		}
		seen[question] = true
		want.add(row.Question, grade[m.Grade], grade[l.Grade])
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return want, skipped
}

// In somebody else's database: a tenant of the run's own, and nothing else is touched or counted.
func TestDemoOnRecordedRowsAgreesWithTheFileToTheUnit(t *testing.T) {
	p := newProgram(t).withTables()
	path := sharedFile(t, "evouna_nq.dev.jsonl.gz")
	for _, limit := range []string{"50", "600"} {
		n := map[string]int{"50": 50, "600": 600}[limit]
		want, skipped := recordedOutcomes(t, path, "gpt-3.5-turbo", "gpt-4", n)
		out, errs, status := p.run("demo", "--json", "--dataset", path, "--medium", "gpt-3.5-turbo", "--large", "gpt-4", "--limit", limit)
		if status != statusDone {
			t.Fatalf("status %d\n%s", status, errs)
		}
		s := lastObject(t, out)
		want.compare(t, s)
		if s.Upstream != "emulator:recorded" || s.Skipped != skipped || s.Calls["gpt-4"] != want.n || s.Cost["gpt-4"] == 0 {
			t.Errorf("upstream %s, skipped %d (want %d), calls %v, cost %v", s.Upstream, s.Skipped, skipped, s.Calls, s.Cost)
		}
	}
	if n := countOf(t, p.db(), `SELECT count(DISTINCT tenant) FROM queries`); n != 2 {
		t.Errorf("%d tenants, want one a run", n)
	}
}

func TestDemoSaysWhichModelsAreRecorded(t *testing.T) {
	p := newProgram(t)
	_, errs, status := p.run("demo", "--dataset", sharedFile(t, "evouna_nq.dev.jsonl.gz"))
	if status != statusUsage || !strings.Contains(errs, "gpt-3.5-turbo, gpt-4") {
		t.Errorf("status %d\n%s", status, errs)
	}
}

// Plain questions are answered by made-up models that know the accepted answers.
func TestDemoOnPlainQuestionsIsSynthetic(t *testing.T) {
	p := newProgram(t).withTables()
	file := filepath.Join(t.TempDir(), "nq.jsonl")
	rows := `{"question":"who wrote faust","answer":["Goethe"]}
{"question":"what is 2+2","answer":["4","four"]}
not json
{"question":"Who  wrote FAUST","answer":["Goethe"]}
`
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, status := p.run("demo", "--dataset", file)
	if status != statusDone || !strings.Contains(out, "2 queries of nq.jsonl") || !strings.Contains(out, "The oracle matrix") {
		t.Fatalf("status %d; on standard output for people:\n%s\n%s", status, out, errs)
	}
	out, errs, status = p.run("demo", "--json", "--dataset", file)
	if status != statusDone {
		t.Fatalf("status %d\n%s", status, errs)
	}
	if s := lastObject(t, out); s.Upstream != "emulator:synthetic" || s.Queries != 2 || s.Examples != 2 || s.Skipped != 2 {
		t.Errorf("%+v", s)
	}
}

// A question that dies at the entrance, and one that dies later, are accounted for as well.
func TestDemoCountsTheDead(t *testing.T) {
	p := newProgram(t).withTables()
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	rows := `{"query":"who wrote faust","ground_truth":["Goethe"]}
{"query":"","id":"empty"}
{"query":"bell \u0007","id":"bell"}
`
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, status := p.run("demo", "--json", "--dataset", file)
	if status != statusDone {
		t.Fatalf("status %d\n%s", status, errs)
	}
	if s := lastObject(t, out); s.Queries != 3 || s.Examples != 1 || s.Dead != 2 {
		t.Errorf("%+v\n%s", s, errs)
	}
	if !strings.Contains(errs, "dead letters: 2 (intake: empty query 1, intake: invalid text 1)") {
		t.Error(errs)
	}
	letters := p.must("dead", "list", "--json", "--data-dir", filepath.Join(p.dir, "demo"))
	if strings.Count(letters, "\n") != 2 || !strings.Contains(letters, `"reason":"empty_query"`) {
		t.Errorf("the demo's dead letters are %s", letters)
	}
}

func TestDemoEndsAtItsSpendingCap(t *testing.T) {
	p := newProgram(t).withTables()
	_, errs, status := p.run("demo", "--limit", "60", "--max-spend", "0.02")
	if status != statusBudget {
		t.Errorf("status %d, want %d\n%s", status, statusBudget, errs)
	}
}

func TestAnInterruptedDemoSaysSo(t *testing.T) {
	p := newProgram(t).withTables()
	m, _, errs := p.command("demo", "--latency", "1m")
	ctx, interrupt := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- m.report(m.Run(ctx)) }() // ends with done
	eventually(t, "questions on their way", func() bool { return strings.Contains(errs.String(), "published to") })
	interrupt()
	if status := <-done; status != statusInterrupted {
		t.Errorf("status %d, want %d\n%s", status, statusInterrupted, errs)
	}
}

func TestHintsOfADemoNameItsDataDirectoryWhereItIsNotTheUsualOne(t *testing.T) {
	elsewhere := summary{fresh: true, dataDir: filepath.Join("elsewhere", "demo")}
	usual := summary{fresh: true, dataDir: filepath.Join(config.Default().DataDir, "demo")}
	for s, want := range map[*summary]string{&elsewhere: "sluice sql --demo --data-dir elsewhere", &usual: "sluice sql --demo", {}: "sluice sql"} {
		if got := s.asking(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		var out strings.Builder
		(&demoTraining{Routed: []demoDecision{{}}}).draw(&out, s.asking())
		if !strings.Contains(out.String(), "\n  "+want+" \"SELECT p->>'stage'") {
			t.Errorf("%s: the training's hint is\n%s", want, out.String())
		}
	}
}
