package bank_test

import (
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/llm/emulator"
	"sluice/producers"
	"sluice/producers/bank"
)

// allDomains is every domain of the bank.
var allDomains = []string{
	"ambiguous", "arts", "astronomy", "calendar", "chemistry", "computing", "everyday", "geography", "history",
	"language", "logic", "mathematics", "science", "sport", "units", "unknowable",
}

func TestTheBankIsWhatItPromises(t *testing.T) {
	questions := bank.Questions()
	if len(questions) < 360 {
		t.Errorf("%d questions, want 360 at least", len(questions))
	}
	ids, texts, domains := map[string]bool{}, map[string]bool{}, map[string]int{}
	unanswerable := 0
	for _, q := range questions {
		text := sluice.NormalizeText(q.Text)
		if ids[q.ID] || texts[text] || q.ID == "" || text == "" {
			t.Errorf("%q: %q is empty or there twice", q.ID, q.Text)
		}
		ids[q.ID], texts[text] = true, true
		domains[q.Domain]++
		if q.Unanswerable {
			unanswerable++
		}
		if q.Unanswerable != (len(q.Gold) == 0) {
			t.Errorf("%s: unanswerable %v with answers %q", q.ID, q.Unanswerable, q.Gold)
		}
		if q.Difficulty <= 0 || q.Difficulty > 1 {
			t.Errorf("%s: difficulty %v", q.ID, q.Difficulty)
		}
		for _, gold := range q.Gold {
			if gold == "" || gold != strings.TrimSpace(gold) {
				t.Errorf("%s: accepted answer %q", q.ID, gold)
			}
		}
	}
	for _, domain := range allDomains {
		if domains[domain] < 20 {
			t.Errorf("%d questions of %s, want 20 at least", domains[domain], domain)
		}
		delete(domains, domain)
	}
	if len(domains) > 0 {
		t.Errorf("domains that are not listed: %v", domains)
	}
	if unanswerable < 40 || unanswerable > len(questions)/5 {
		t.Errorf("%d of %d questions are unanswerable", unanswerable, len(questions))
	}
}

func TestTheFirst300AreSpreadOverDomainsAndDifficulties(t *testing.T) {
	domains := map[string]int{}
	var tenths [10]int
	unanswerable := 0
	for _, q := range bank.Questions()[:300] {
		domains[q.Domain]++
		tenths[min(9, int(q.Difficulty*10))]++
		if q.Unanswerable {
			unanswerable++
		}
	}
	if len(domains) != len(allDomains) {
		t.Errorf("only %d domains: %v", len(domains), domains)
	}
	for i, n := range tenths {
		if n < 20 {
			t.Errorf("%d questions of difficulty %.1f to %.1f", n, float64(i)/10, float64(i+1)/10)
		}
	}
	if unanswerable < 15 {
		t.Errorf("%d unanswerable questions", unanswerable)
	}
}

func TestRowsAreTheQuestions(t *testing.T) {
	questions := bank.Questions()
	i := 0
	for row, err := range producers.Select(producers.Selection{}, bank.Rows()) {
		if err != nil {
			t.Fatal(err)
		}
		q := questions[i]
		if row.ID != q.ID || row.Text != q.Text || !slices.Equal(row.GroundTruth, q.Gold) || row.Tags[0] != "domain:"+q.Domain {
			t.Errorf("row %+v is not question %+v", row, q)
		}
		i++
	}
	if i != len(questions) {
		t.Errorf("%d rows of %d questions", i, len(questions))
	}
}

func TestQuestionsAreTheCallersOwn(t *testing.T) {
	bank.Questions()[0].Text = "spoilt"
	if bank.Questions()[0].Text == "spoilt" {
		t.Error("a caller changed the bank")
	}
}

// TestEveryCellOfTheMatrixHasRows asks the emulated models and judges by the accepted answers.
func TestEveryCellOfTheMatrixHasRows(t *testing.T) {
	questions := bank.Questions()
	items := make([]emulator.Item, len(questions))
	for i, q := range questions {
		items[i] = emulator.Item{Question: q.Text, Gold: q.Gold, Difficulty: q.Difficulty, Unanswerable: q.Unanswerable}
	}
	s, err := emulator.NewSynthetic(items, emulator.SyntheticConfig{})
	if err != nil {
		t.Fatal(err)
	}
	grade := func(model string, q bank.Question) sluice.Grade {
		answer, err := s.Answer(model, q.Text)
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := s.Verdict(q.Text, q.Gold, answer)
		if err != nil {
			t.Fatal(err)
		}
		return verdict.Grade
	}
	cells := map[[2]sluice.Grade]int{}
	for _, q := range questions[:300] {
		cells[[2]sluice.Grade{grade("gemini-2.5-flash", q), grade("gemini-2.5-pro", q)}]++
	}
	for _, medium := range sluice.Grades() {
		for _, large := range sluice.Grades() {
			if cells[[2]sluice.Grade{medium, large}] < 5 {
				t.Errorf("medium %s, large %s: %d rows", medium, large, cells[[2]sluice.Grade{medium, large}])
			}
		}
	}
	t.Log(cells)
}
