package routing

import (
	"fmt"
	"slices"
	"strings"

	"sluice"
)

// Reasoning is a chain that leads from a query's description to a policy: the completion that a router learns.
// It is made of closed lists of words alone. Free text of the description is left out, so that whatever a
// describing model let slip can't get into training data.
func Reasoning(a sluice.Analysis, policy sluice.Policy) string {
	return facts(a) + " " + conclusion(policy, "So")
}

// Rejected is a reasoning for a wrong policy: the same chain with those facts turned that speak against it,
// as a model that misjudges the query would put it.
func Rejected(a sluice.Analysis, wrong sluice.Policy) string {
	return facts(turned(a, wrong)) + " " + conclusion(wrong, "So")
}

// turned leans a description towards a policy.
func turned(a sluice.Analysis, policy sluice.Policy) sluice.Analysis {
	switch policy {
	case sluice.Standard:
		a.Complexity, a.ReasoningSteps, a.Ambiguity, a.Specificity = "low", 1, "none", "broad"
		a.RequiresMath, a.RequiresCode = false, false
	case sluice.Complex:
		a.Complexity, a.ReasoningSteps, a.Ambiguity, a.Specificity = "high", max(a.ReasoningSteps, 3), "none", "obscure"
	case sluice.Ambiguous:
		a.Ambiguity, a.Specificity = "high", "obscure"
	}
	return a
}

// facts says what the query is like.
func facts(a sluice.Analysis) string {
	var b strings.Builder
	fmt.Fprintf(&b, "A question of %s that wants %s.", known(domains, a.Domain, "general knowledge"), answerTypes[a.AnswerType].or("an answer"))
	fmt.Fprintf(&b, " %s knowledge, %s;", specificities[a.Specificity].or("Ordinary"), recencies[a.KnowledgeRecency].or("of no special age"))
	fmt.Fprintf(&b, " %s complexity, %s", complexities[a.Complexity].or("medium"), steps(a.ReasoningSteps))
	if a.RequiresMath {
		b.WriteString(", calculation")
	}
	if a.RequiresCode {
		b.WriteString(", programming")
	}
	b.WriteString("; " + ambiguities[a.Ambiguity].or("some ambiguity") + ".")
	return b.String()
}

func steps(n int) string {
	switch {
	case n <= 1:
		return "one step"
	case n == 2:
		return "two steps"
	case n == 3:
		return "three steps"
	}
	return "many steps"
}

// phrase is a closed list's wording; the zero value has none.
type phrase string

func (p phrase) or(other string) string {
	if p == "" {
		return other
	}
	return string(p)
}

var (
	answerTypes = map[string]phrase{
		"person": "a person", "place": "a place", "date": "a date", "number": "a number", "yes_no": "a yes or no",
		"list": "a list", "term": "a term", "explanation": "an explanation", "code": "code", "text": "a text",
	}
	specificities = map[string]phrase{"broad": "Widespread", "narrow": "Specialist", "obscure": "Obscure"}
	recencies     = map[string]phrase{
		"timeless": "timeless", "historical": "historical", "recent": "recent", "live": "changing from day to day",
	}
	complexities = map[string]phrase{"low": "low", "medium": "medium", "high": "high"}
	ambiguities  = map[string]phrase{"none": "no ambiguity", "some": "some ambiguity", "high": "high ambiguity"}
	domains      = []string{
		"art", "astronomy", "biology", "business", "chemistry", "computing", "economics", "education", "engineering",
		"entertainment", "everyday_life", "film", "food", "games", "geography", "history", "language", "law",
		"literature", "logic", "mathematics", "medicine", "music", "mythology", "philosophy", "physics", "politics",
		"psychology", "religion", "science", "sociology", "sports", "technology", "television", "transport",
	}
)

func known(list []string, word, other string) string {
	if slices.Contains(list, word) {
		return strings.ReplaceAll(word, "_", " ")
	}
	return other
}

// conclusion ends a chain. A policy that is not one of the three defaults is concluded by its name.
func conclusion(policy sluice.Policy, so string) string {
	switch policy {
	case sluice.Standard:
		return so + " a small model will answer it."
	case sluice.Complex:
		return so + " only a large model will answer it."
	case sluice.Ambiguous:
		return so + " no model will answer it surely."
	}
	return so + " it belongs to " + string(policy) + "."
}

// Template says in words what a choice rests on, where no model wrote a reasoning: the policy, how sure the
// router is of it, and what the policy stands for.
func Template(specs []sluice.PolicySpec, policy sluice.Policy, probability float64) string {
	text := fmt.Sprintf("The wording is most like that of %s (%.0f%%)", policy, 100*probability)
	for _, s := range specs {
		if s.Name == policy && s.Description != "" {
			return text + ": " + gist(s.Description) + "."
		}
	}
	return text + "."
}
