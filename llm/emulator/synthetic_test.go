package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice"
	"sluice/llm/emulator"
)

// makeBank has questions of every shape of answer, at every difficulty.
func makeBank(n int) []emulator.Item {
	capitals := []string{"Paris", "Port Louis", "Ulan Bator", "Rome", "Lima", "Oslo", "Quito", "Addis Ababa"}
	items := make([]emulator.Item, n)
	for i := range items {
		it := emulator.Item{Question: fmt.Sprintf("Question number %d?", i), Difficulty: float64(i%20) / 20}
		switch i % 5 {
		case 0:
			it.Gold = []string{capitals[i%len(capitals)]}
		case 1:
			it.Gold = []string{fmt.Sprint(1500 + i%500)}
		case 2:
			it.Gold = []string{fmt.Sprintf("%d,%03d km", 1+i%90, i%1000)}
		case 3:
			it.Gold = []string{[]string{"Yes", "No"}[i/5%2]}
		case 4:
			it.Unanswerable = i%3 == 0
			it.Gold = []string{"the theory of relativity", "relativity"}
		}
		items[i] = it
	}
	return items
}

func grades(t *testing.T, s *emulator.Synthetic, items []emulator.Item, model string) map[sluice.Grade]int {
	t.Helper()
	counts := map[sluice.Grade]int{}
	for _, it := range items {
		text, err := s.Answer(model, it.Question)
		if err != nil {
			t.Fatal(err)
		}
		j, err := s.Verdict(it.Question, it.Gold, text)
		if err != nil || j.Reason == "" {
			t.Fatalf("%+v, %v", j, err)
		}
		counts[j.Grade]++
	}
	return counts
}

func TestStrongerModelsAreRightMoreOften(t *testing.T) {
	items := makeBank(3000)
	s, err := emulator.NewSynthetic(items, emulator.SyntheticConfig{Seed: 3, Strengths: map[string]float64{"oaf": 0.1}})
	if err != nil {
		t.Fatal(err)
	}
	oaf, f, p := grades(t, s, items, "oaf"), grades(t, s, items, flash), grades(t, s, items, pro)
	t.Logf("oaf %v, flash %v, pro %v", oaf, f, p)
	if oaf[sluice.Correct]+300 > f[sluice.Correct] || f[sluice.Correct]+300 > p[sluice.Correct] {
		t.Errorf("right: oaf %d, flash %d, pro %d", oaf[sluice.Correct], f[sluice.Correct], p[sluice.Correct])
	}
	for name, g := range map[string]map[sluice.Grade]int{"flash": f, "pro": p} {
		if g[sluice.Incorrect] < 100 || g[sluice.IDK] < 100 {
			t.Errorf("%s: %v, want some of each", name, g)
		}
	}
	if text, _ := s.Answer("a model of the future", items[0].Question); text == "" {
		t.Error("no answer of a model without a strength")
	}
}

func TestSyntheticIsAFunctionOfSeedModelAndQuestion(t *testing.T) {
	items := makeBank(200)
	one, err := emulator.NewSynthetic(items, emulator.SyntheticConfig{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	same, _ := emulator.NewSynthetic(items, emulator.SyntheticConfig{Seed: 1})
	other, _ := emulator.NewSynthetic(items, emulator.SyntheticConfig{Seed: 2})
	differ := 0
	for _, it := range items {
		a, _ := one.Answer(flash, it.Question)
		b, _ := same.Answer(flash, "  "+strings.ToUpper(it.Question))
		c, _ := other.Answer(flash, it.Question)
		if a != b {
			t.Errorf("%q, then %q", a, b)
		}
		if a != c {
			differ++
		}
	}
	if differ < 50 {
		t.Errorf("another seed changes %d of 200 answers", differ)
	}
}

func TestSyntheticJudgeIsHonest(t *testing.T) {
	s := synthetic(t)
	for _, c := range []struct {
		question string
		accepted []string
		answer   string
		want     sluice.Grade
	}{
		{"q?", []string{"Paris"}, "The answer is PARIS, of course!", sluice.Correct},
		{"q?", []string{"Paris"}, "Parisians say so.", sluice.Incorrect},
		{"q?", []string{"5"}, "15", sluice.Incorrect},
		{"q?", []string{"1,000"}, "It is 1000.", sluice.Correct},
		{"q?", []string{"3.5"}, "about 3.5 kg", sluice.Correct},
		{"q?", []string{"3.5"}, "about 35 kg", sluice.Incorrect},
		{"q?", []string{"the Beatles", "Beatles"}, "Beatles", sluice.Correct},
		{"q?", []string{"Rome"}, "I don't know whether it was Rome or Milan.", sluice.IDK},
		{"q?", []string{"unknown"}, "The answer is unknown.", sluice.Correct},
		{"q?", []string{"→"}, "the sign →", sluice.Correct},
		{"q?", []string{"x"}, "", sluice.Incorrect},
		{"What is the capital of France?", nil, "Paris.", sluice.Correct},
		{"What is the capital of France?", nil, "Rome.", sluice.Incorrect},
		{bank[5].Question, nil, "It was a dream of fire.", sluice.Incorrect},
		{bank[5].Question, nil, "Nobody knows.", sluice.IDK},
		{"Nobody ever asked this?", nil, "I'm not sure.", sluice.IDK},
	} {
		if j, err := s.Verdict(c.question, c.accepted, c.answer); err != nil || j.Grade != c.want {
			t.Errorf("%q against %q: %+v, %v; want %s", c.answer, c.accepted, j, err, c.want)
		}
	}
}

func TestUnknownQuestionsGetOneAnswer(t *testing.T) {
	s := synthetic(t)
	texts := map[string]bool{}
	for i := range 100 {
		q := fmt.Sprintf("What is thing %d?", i)
		a, err := s.Answer(flash, q)
		b, _ := s.Answer(flash, q)
		if err != nil || a == "" || a != b {
			t.Fatalf("%q, %q, %v", a, b, err)
		}
		texts[a] = true
		j, err := s.Verdict(q, nil, a)
		again, _ := s.Verdict(q, nil, a)
		if err != nil || j != again {
			t.Errorf("%+v, %+v, %v", j, again, err)
		}
	}
	if len(texts) < 20 {
		t.Errorf("%d different answers to 100 questions", len(texts))
	}
}

func TestNewSyntheticNamesWhatIsWrong(t *testing.T) {
	for want, items := range map[string][]emulator.Item{
		"is empty":      {{Gold: []string{"x"}}},
		"in it already": {{Question: "Why?", Gold: []string{"x"}}, {Question: "why?", Gold: []string{"x"}}},
		"no accepted":   {{Question: "Why?"}},
		"difficulty 2":  {{Question: "Why?", Gold: []string{"x"}, Difficulty: 2}},
	} {
		if _, err := emulator.NewSynthetic(items, emulator.SyntheticConfig{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
	if _, err := emulator.NewSynthetic(nil, emulator.SyntheticConfig{Strengths: map[string]float64{"m": 7}}); err == nil {
		t.Error("no error for a strength of 7")
	}
}

func TestDifficultyIsSpread(t *testing.T) {
	low, high := 0, 0
	for i := range 1000 {
		switch d := emulator.Difficulty(fmt.Sprintf("Question %d about something?", i)); {
		case d < 0 || d > 1:
			t.Fatal(d)
		case d < 0.3:
			low++
		case d > 0.6:
			high++
		}
	}
	if low < 200 || high < 200 {
		t.Errorf("%d easy, %d hard of 1000", low, high)
	}
}
