package dataset_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"sluice"
	"sluice/routing"
	"sluice/trainer/dataset"
)

// graded is a question with all that must not get out.
type graded struct {
	ID       string   `json:"id"`
	Question string   `json:"question"`
	Gold     []string `json:"gold"`
	Runs     map[string]struct {
		Answer string `json:"answer"`
		Grade  string `json:"grade"`
	} `json:"runs"`
}

func realRows(t *testing.T) []graded {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data")
	f, err := os.Open(filepath.Join(dir, "evouna_nq.dev.jsonl.gz"))
	if err != nil {
		if _, gone := os.Stat(dir); errors.Is(gone, fs.ErrNotExist) {
			t.Skipf("no folder %s on this machine", dir)
		}
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []graded
	for dec := json.NewDecoder(z); dec.More(); {
		var g graded
		if err := dec.Decode(&g); err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	if len(out) < 3000 {
		t.Fatalf("only %d rows", len(out))
	}
	return out
}

// treacherous is what the worst describing model would say: the answer in every field that is free text, and
// an honest word in each of the others.
func treacherous(g graded) sluice.Analysis {
	h := fnv.New32a()
	_, _ = h.Write([]byte(g.ID))
	n := int(h.Sum32())
	at := func(words ...string) string { n = n*31 + 7; return words[(n&0xffff)%len(words)] }
	answer := strings.Join(g.Gold, " ") + " " + g.Runs["gpt-4"].Answer
	return sluice.Analysis{
		Domain: at(answer, "history", "sports"), Complexity: at("low", "medium", "high"), ReasoningSteps: 1 + n&3,
		Ambiguity: at("none", "some", "high"), KnowledgeRecency: at("timeless", "historical", "recent", "live", answer),
		AnswerType: at("person", "place", "date", answer), Specificity: at("broad", "narrow", "obscure"),
		RequiresMath: n&8 == 0, RequiresCode: n&16 == 0, Language: answer, Summary: answer,
	}
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// constant is every word that rows of any query may hold: those of the prompt and of the closed lists, found
// by describing nothing and one blank query in every way.
func constant(t *testing.T, p routing.Prompt, specs []sluice.PolicySpec, analyses []sluice.Analysis) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, a := range analyses {
		a.Language, a.Summary = "", ""
		for _, s := range specs {
			r := dataset.Row{ID: "x", Text: "", Policy: s.Name, Analysis: a}
			d := dataset.DPO(p, r, specs)
			for _, w := range words(d.Prompt + " " + d.Chosen + " " + d.Rejected + " " + routing.Rejected(a, s.Name)) {
				known[w] = true
			}
		}
	}
	return known
}

// everyAnalysis goes through the closed lists.
func everyAnalysis() (all []sluice.Analysis) {
	words := map[string][]string{
		"domain": {"", "art", "history", "sports", "everyday_life"}, "level": {"", "low", "medium", "high"},
		"ambiguity": {"", "none", "some", "high"}, "recency": {"", "timeless", "historical", "recent", "live"},
		"type": {"", "person", "place", "date", "number", "yes_no", "list", "term", "explanation", "code", "text"},
		"spec": {"", "broad", "narrow", "obscure"},
	}
	for i := range 11 {
		pick := func(list string) string { return words[list][i%len(words[list])] }
		all = append(all, sluice.Analysis{
			Domain: pick("domain"), Complexity: pick("level"), Ambiguity: pick("ambiguity"), KnowledgeRecency: pick("recency"),
			AnswerType: pick("type"), Specificity: pick("spec"), ReasoningSteps: i % 5, RequiresMath: true, RequiresCode: true,
		})
	}
	return all
}

// No word of an answer, a grade or a ground truth is in any row of real questions, unless the query itself says
// it or it is one of the few words that every row of every query is made of.
func TestNothingOfAnAnswerLeaksFromRealData(t *testing.T) {
	specs := sluice.DefaultPolicies()
	rows := realRows(t)
	var examples []sluice.Example
	for _, g := range rows {
		e := sluice.Example{ID: g.ID, Analysis: treacherous(g)}
		e.Label = sluice.Label{ID: g.ID, Policy: specs[len(examples)%3].Name, Query: sluice.Query{Text: g.Question, Split: sluice.Train}}
		examples = append(examples, e)
	}
	set, err := dataset.New(examples)
	if err != nil {
		t.Fatal(err)
	}
	prompt := routing.FullPrompt(specs)
	known := constant(t, prompt, specs, everyAnalysis())
	if len(known) > 200 {
		t.Fatalf("%d words are said to be constant", len(known))
	}
	secrets := 0
	for _, f := range []dataset.Format{dataset.FormatSFT, dataset.FormatDPO} {
		var b bytes.Buffer
		if _, err := dataset.Write(&b, set, f, prompt, specs); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		if len(lines) != len(rows) {
			t.Fatalf("%d lines of %d rows", len(lines), len(rows))
		}
		for i, line := range lines {
			secrets += checkRow(t, line, rows[i], set.Rows()[i].Text, known)
		}
	}
	if secrets < 10*len(rows) {
		t.Errorf("only %d secret words were looked for", secrets)
	}
}

// checkRow fails on a word of a row that is neither the query's nor constant, and counts the secrets that were
// looked for.
func checkRow(t *testing.T, line string, g graded, query string, known map[string]bool) (secrets int) {
	t.Helper()
	var row map[string]string
	if err := json.Unmarshal([]byte(line), &row); err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{}
	for _, w := range words(query) {
		own[w] = true
	}
	held := map[string]bool{}
	for _, text := range row {
		for _, w := range words(text) {
			held[w] = true
			if !own[w] && !known[w] {
				t.Errorf("%s: %q is of neither the query nor the prompt", g.ID, w)
			}
		}
	}
	said := strings.Join(g.Gold, " ")
	for _, run := range g.Runs {
		said += " " + run.Answer + " " + run.Grade
	}
	for _, w := range words(said) {
		if own[w] || known[w] {
			continue
		}
		secrets++
		if held[w] {
			t.Errorf("%s: %q of an answer is in the row", g.ID, w)
		}
	}
	return secrets
}
