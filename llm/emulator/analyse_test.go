package emulator_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/llm/emulator"
)

func TestAnalyse(t *testing.T) {
	for _, c := range []struct{ question, domain, answer, recency, language string }{
		{"What is the capital of Peru?", "geography", "term", "timeless", "en"},
		{"Who was president of Chile in 1970?", "history", "person", "historical", "en"},
		{"How many goals did the team score in the 2022 football season?", "sports", "number", "recent", "en"},
		{"Who is the current prime minister of Japan?", "politics", "person", "live", "en"},
		{"Calculate 12 * 34", "mathematics", "term", "timeless", "en"},
		{"Is gold a metal?", "science", "yes_no", "timeless", "en"},
		{"Kdo obdržel v roce 2010 cenu?", "general knowledge", "term", "historical", "cs"},
		{"日本の首都はどこですか", "general knowledge", "term", "timeless", "ja"},
		{"Какой город столица России?", "general knowledge", "term", "timeless", "ru"},
	} {
		a := emulator.Analyse(c.question)
		if a.Domain != c.domain || a.AnswerType != c.answer || a.KnowledgeRecency != c.recency || a.Language != c.language {
			t.Errorf("%s: %+v", c.question, a)
		}
	}
	if a := emulator.Analyse("Write a Python function that sorts an array"); !a.RequiresCode || a.ReasoningSteps < 2 {
		t.Errorf("%+v", a)
	}
	easy := emulator.Analyse("What is gold?")
	hard := emulator.Analyse("Which Norwegian painter, whose sister married Edvard Holm before 1893 and after the fire in Bergen, was born between the two wars that Denmark fought, if both count?")
	if easy.Complexity != "low" || hard.Complexity != "high" || hard.Specificity != "obscure" {
		t.Errorf("easy %+v\nhard %+v", easy, hard)
	}
}

func TestAnalyseNeverLeavesAFieldEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := emulator.Analyse(rapid.String().Draw(t, "question"))
		if slices.Contains([]string{a.Domain, a.Complexity, a.Ambiguity, a.KnowledgeRecency, a.AnswerType, a.Specificity, a.Language, a.Summary}, "") || a.ReasoningSteps < 1 {
			t.Fatalf("%+v", a)
		}
	})
}
