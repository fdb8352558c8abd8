package scored

import (
	"slices"
	"testing"

	"sluice"
	"sluice/gemma/tokenizer"
	"sluice/routing"
)

// Base weights of Gemma name <eos> alone as their end, and an adapted model ends its turn.
func TestAnExplanationEndsWhereACompletionDoes(t *testing.T) {
	specs := sluice.DefaultPolicies()
	for _, prompt := range []routing.Prompt{routing.FullPrompt(specs), routing.CompactPrompt(specs)} {
		prompt = prompt.Limited(2048) // the vocabulary is of bytes
		tok, err := tokenizer.Train(slices.Values([]string{prompt.Prefix}), 400, append(routing.Controls(specs), "<start_of_turn>", "<end_of_turn>")...)
		if err != nil {
			t.Fatal(err)
		}
		l, err := NewLayout(tok, prompt, specs)
		if err != nil {
			t.Fatal(err)
		}
		if want, ok := tok.ID(prompt.End); !ok || !slices.Equal(l.end, []int{want}) {
			t.Errorf("%s ends with %v, not with %d", prompt.End, l.end, want)
		}
	}
}
