package routing_test

import (
	"strings"
	"testing"

	"sluice"
	"sluice/routing"
)

func described() sluice.Analysis {
	return sluice.Analysis{
		Domain: "geography", Complexity: "low", ReasoningSteps: 1, Ambiguity: "none", KnowledgeRecency: "timeless",
		AnswerType: "place", Specificity: "broad", Language: "en", Summary: "The answer is Tigris.",
	}
}

func TestAReasoningFollowsFromTheAnalysis(t *testing.T) {
	got := routing.Reasoning(described(), sluice.Standard)
	want := "A question of geography that wants a place. Widespread knowledge, timeless; low complexity, one step; no ambiguity. So a small model will answer it."
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Free text can't get in, whatever a describing model let slip.
func TestAReasoningIsMadeOfClosedLists(t *testing.T) {
	a := described()
	a.Domain, a.AnswerType, a.Complexity, a.Ambiguity = "tigris", "Tigris", "Tigris", "Tigris"
	a.KnowledgeRecency, a.Specificity, a.Language, a.Summary = "Tigris", "Tigris", "Tigris", "Tigris"
	for _, p := range sluice.DefaultPolicies() {
		for _, text := range []string{routing.Reasoning(a, p.Name), routing.Rejected(a, p.Name)} {
			if strings.Contains(strings.ToLower(text), "tigris") {
				t.Errorf("%q", text)
			}
		}
	}
}

func TestARejectedReasoningArguesForItsPolicy(t *testing.T) {
	a := described()
	for policy, words := range map[sluice.Policy][]string{
		sluice.Standard:  {"Widespread", "low complexity", "one step", "no ambiguity", "small model"},
		sluice.Complex:   {"Obscure", "high complexity", "three steps", "only a large model"},
		sluice.Ambiguous: {"Obscure", "high ambiguity", "no model"},
		"Legal_Query":    {"belongs to Legal_Query"},
	} {
		text := routing.Rejected(a, policy)
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: %q lacks %q", policy, text, w)
			}
		}
		if !strings.Contains(text, "geography") {
			t.Errorf("%s: %q has left the query", policy, text)
		}
		if policy != sluice.Standard && text == routing.Reasoning(a, sluice.Standard) {
			t.Errorf("%s: rejected and chosen are one: %q", policy, text)
		}
	}
}
