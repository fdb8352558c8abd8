package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"sluice"
)

// entry is one line of the bank. Its first four keys are the published contract's; upstream ignores
// the rest.
type entry struct {
	ID           string   `json:"id"`
	Query        string   `json:"query"`
	GroundTruth  []string `json:"ground_truth,omitempty"`
	Tags         []string `json:"tags"`
	Domain       string   `json:"domain"`
	Difficulty   float64  `json:"difficulty"`
	Unanswerable bool     `json:"unanswerable,omitempty"`
}

// ask makes a question. Gold lists the accepted spellings, divided by " / ".
func ask(domain string, difficulty float64, query, gold string) entry {
	return entry{
		ID:          domain + "-" + slug(query),
		Query:       query,
		GroundTruth: strings.Split(gold, " / "),
		Tags:        []string{"domain:" + domain},
		Domain:      domain,
		Difficulty:  difficulty,
	}
}

// nobodyKnows makes a question without an answer: underspecified, a matter of taste, or unknowable.
func nobodyKnows(domain string, difficulty float64, query string) entry {
	e := ask(domain, difficulty, query, "")
	e.GroundTruth, e.Unanswerable = nil, true
	e.Tags = append(e.Tags, "unanswerable")
	return e
}

// item is a row of a table of facts: the word that fills the question, the answer, the difficulty.
type item struct {
	key, gold  string
	difficulty float64
}

// fill asks one question of every row of a table.
func fill(domain, template string, table []item) []entry {
	entries := make([]entry, 0, len(table))
	for _, it := range table {
		entries = append(entries, ask(domain, it.difficulty, fmt.Sprintf(template, it.key), it.gold))
	}
	return entries
}

// questions asks the rows whose keys are whole questions.
func questions(domain string, table []item) []entry { return fill(domain, "%s", table) }

// emptyWords say nothing in an id.
var emptyWords = strings.Fields("what which who whom is are was were the a an of in on at to did do does how many " +
	"much by that for with and as its it there from has have had be")

// slug makes an id of the words of a question that say something.
func slug(query string) string {
	words := strings.FieldsFunc(strings.ReplaceAll(strings.ToLower(query), " -", " minus "), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	kept := slices.DeleteFunc(words, func(w string) bool { return slices.Contains(emptyWords, w) })
	return strings.Join(kept[:min(12, len(kept))], "-")
}

// all gathers every domain. The order takes one question of each tenth of difficulty in turn, so that
// the first few hundred are spread evenly from easy to hopeless; within a tenth it mixes the domains.
func all() []entry {
	entries := slices.Concat(
		geography(), history(), science(), chemistry(), astronomy(), mathematics(), computing(), language(),
		units(), logic(), calendar(), sport(), arts(), everyday(), ambiguous(), unknowable(),
	)
	slices.SortFunc(entries, func(a, b entry) int {
		return strings.Compare(sluice.HashID("bank", a.ID), sluice.HashID("bank", b.ID))
	})
	var taken [10]int
	turns := make(map[string]int, len(entries))
	for _, e := range entries {
		tenth := min(9, int(10*e.Difficulty))
		turns[e.ID] = taken[tenth]
		taken[tenth]++
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(turns[a.ID], turns[b.ID]) })
	return entries
}

// render writes one line an entry, and names every entry that may not stand in the bank.
func render(entries []entry) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	var faults []error
	ids, texts := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		text := sluice.NormalizeText(e.Query)
		switch {
		case ids[e.ID]:
			faults = append(faults, fmt.Errorf("id %s is used twice", e.ID))
		case texts[text]:
			faults = append(faults, fmt.Errorf("%s: the question is there already", e.ID))
		case e.Difficulty <= 0 || e.Difficulty > 1:
			faults = append(faults, fmt.Errorf("%s: difficulty %v", e.ID, e.Difficulty))
		case e.Unanswerable != (len(e.GroundTruth) == 0) || slices.Contains(e.GroundTruth, ""):
			faults = append(faults, fmt.Errorf("%s: answers %q", e.ID, e.GroundTruth))
		}
		ids[e.ID], texts[text] = true, true
		faults = append(faults, enc.Encode(e))
	}
	return out.Bytes(), errors.Join(faults...)
}
