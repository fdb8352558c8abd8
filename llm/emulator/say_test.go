package emulator

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice"
)

// Whatever the accepted answers look like, what is meant to be right is judged right, what is meant to be
// wrong is judged wrong, and a declining answer declines.
func TestWhatIsMeantIsWhatIsJudged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gold := rapid.SliceOfN(rapid.OneOf(
			rapid.StringMatching(`[A-Za-z0-9.,'% -]{1,24}`),
			rapid.SampledFrom([]string{
				"yes", "No", "unknown", "I", "it", "the", "1847", "Ruritania", "U.S.", "42%", "-3", "O'Neill",
				"not known", "something", "answer", "1,000,000", "3.14", "Ω", "...", "the end.",
			}),
		).Filter(func(s string) bool { return strings.Trim(s, " .") != "" }), 1, 3).Draw(t, "gold")
		it := Item{Question: "Which?", Gold: gold}
		s, err := NewSynthetic([]Item{it, {Question: "Other?", Gold: []string{"Rome"}}}, SyntheticConfig{Seed: rapid.Uint64().Draw(t, "seed")})
		if err != nil {
			t.Fatal(err)
		}
		for want, text := range map[sluice.Grade]string{
			sluice.Correct:   s.right("m", "which?", it),
			sluice.Incorrect: s.wrong("m", "which?", it),
		} {
			if got := grade(gold, text).Grade; got != want {
				t.Fatalf("gold %q: %q is meant to be %s, judged %s", gold, text, want, got)
			}
		}
	})
}

func TestEveryDecliningPhraseDeclines(t *testing.T) {
	for _, text := range declinings {
		if g := grade([]string{"Paris"}, text).Grade; g != sluice.IDK {
			t.Errorf("%q is judged %s", text, g)
		}
	}
	for _, form := range phrasings {
		if declines(words(phrased(form, "Paris"))) {
			t.Errorf("%q seems to decline", form)
		}
	}
}

func TestMisnumberStaysNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.Uint64().Draw(t, "h")
		if got := misnumber("in 1066 AD", h); got == "in 1066 AD" || !strings.HasPrefix(got, "in 10") {
			t.Fatalf("%q", got)
		}
	})
	if got := misnumber("none", 1); got != "" {
		t.Errorf("%q", got)
	}
}
