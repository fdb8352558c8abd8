package llm

import (
	"strings"

	"google.golang.org/genai"
)

// Budgets and levels of thinking, as Google's own surface of OpenAI's dialect has them
// (ai.google.dev/gemini-api/docs/openai): Gemini 2.5 takes a number of tokens, Gemini 3 a word.
var (
	effortBudgets = map[string]int32{"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
	effortLevels  = map[string]genai.ThinkingLevel{
		"minimal": genai.ThinkingLevelMinimal, "low": genai.ThinkingLevelLow, "medium": genai.ThinkingLevelMedium, "high": genai.ThinkingLevelHigh,
	}
)

// thinkingOf is a reasoning effort in Gemini's terms; nil where none is given. A level that a model of Gemini 3 lacks is
// the provider's to refuse.
func thinkingOf(model, effort string) (*genai.ThinkingConfig, error) {
	name := strings.TrimPrefix(model, "models/")
	second, third := strings.HasPrefix(name, "gemini-2.5-"), strings.HasPrefix(name, "gemini-3")
	budget, known := effortBudgets[effort]
	const param = "reasoning_effort"
	switch {
	case effort == "":
		return nil, nil //nolint:nilnil // the model's own default
	case !second && !third:
		return nil, unsupported(param, "%s: known of models named gemini-2.5-... and gemini-3...; leave it out, or set thinkingConfig in Gemini's own dialect", name)
	case !known:
		return nil, unsupported(param, "%q; want minimal, low, medium or high, or none where the model can do without", effort)
	case effort == "none" && (third || strings.HasPrefix(name, "gemini-2.5-pro")):
		return nil, unsupported(param, "%s always thinks; want minimal, low, medium or high", name)
	case third:
		return &genai.ThinkingConfig{ThinkingLevel: effortLevels[effort]}, nil
	}
	return &genai.ThinkingConfig{ThinkingBudget: &budget}, nil
}
