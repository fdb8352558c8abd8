package analysis

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice"
)

// Longest values that are kept, in bytes.
const (
	maxWord    = 64
	maxSummary = 1000
	maxSteps   = 100
)

// Parse reads a model's description. Code fences round it are tolerated, and a word outside of a list is
// "other", so that a good description is not thrown away for one odd word; a reply that is no JSON
// object, or that holds no domain and no summary, is an error.
func Parse(reply string) (sluice.Analysis, error) {
	text := strings.TrimSpace(reply)
	if inner, ok := strings.CutPrefix(text, "```"); ok {
		inner = strings.TrimPrefix(inner, "json")
		text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(inner), "```"))
	}
	var a sluice.Analysis
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return sluice.Analysis{}, fmt.Errorf("the description is not the JSON that was asked for: %w", err)
	}
	a.Domain, a.Summary = word(a.Domain), sluice.CleanText(a.Summary, maxSummary)
	if a.Domain == "" && a.Summary == "" {
		return sluice.Analysis{}, errors.New("the description is empty")
	}
	if a.Domain == "" {
		a.Domain = other
	}
	a.Complexity = oneOf(a.Complexity, "low", "medium", "high")
	a.Ambiguity = oneOf(a.Ambiguity, "none", "some", "high")
	a.KnowledgeRecency = oneOf(a.KnowledgeRecency, "timeless", "historical", "recent", "live")
	a.AnswerType = oneOf(a.AnswerType, "person", "place", "date", "number", "yes_no", "list", "term", "explanation", "code", "text")
	a.Specificity = oneOf(a.Specificity, "broad", "narrow", "obscure")
	a.ReasoningSteps = min(max(a.ReasoningSteps, 1), maxSteps)
	a.Language = sluice.CleanText(a.Language, maxWord)
	return a, nil
}

const other = "other"

// word folds a free word to lower case, its blanks to "_".
func word(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(sluice.CleanText(s, maxWord))), "_")
}

func oneOf(s string, known ...string) string {
	if slices.Contains(known, s) {
		return s
	}
	if w := word(s); slices.Contains(known, w) {
		return w
	}
	return other
}
