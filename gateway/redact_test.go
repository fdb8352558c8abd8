package gateway

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func redactions(t *testing.T, longest int, patterns ...string) *Redactions {
	t.Helper()
	r, err := NewRedactions(longest, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// inPieces cleans a text that comes in pieces of these lengths.
func inPieces(r *Redactions, text string, lengths []int) string {
	c := cleaner{r: r}
	var b strings.Builder
	for _, n := range lengths {
		n = min(n, len(text))
		b.WriteString(c.next(text[:n]))
		text = text[n:]
	}
	return b.String() + c.next(text) + c.rest()
}

func TestAStreamIsMaskedAsTheWholeIs(t *testing.T) {
	t.Parallel()
	r := redactions(t, 16, `project [a-z]{3,6}`, `\b\d{4}-\d{4}\b`, `Müller`)
	words := rapid.SampledFrom([]string{"project ", "falcon", "abc", "1234-5678", "1234", "-", " ", "Müller", "Mü", "ü", "\x1b", "\x00", "x", "\n", "日本"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(words, 0, 30).Draw(t, "text"), "")
		lengths := rapid.SliceOfN(rapid.IntRange(0, 9), 0, 60).Draw(t, "lengths")
		whole, pieces := r.Whole(text), inPieces(r, text, lengths)
		if whole != pieces {
			t.Fatalf("whole %q, in pieces %q", whole, pieces)
		}
		if strings.ContainsAny(pieces, "\x00\x1b") || strings.Contains(pieces, "Müller") || strings.Contains(pieces, "project fal") {
			t.Fatalf("left in: %q", pieces)
		}
	})
}

func TestWithoutRedactionsNothingIsHeldBack(t *testing.T) {
	t.Parallel()
	var c cleaner
	if got := c.next("one \x07two") + "|" + c.next("\xc3") + "|" + c.next("\xbc") + "|" + c.next("\xff") + "|" + c.rest(); got != "one two||ü|\ufffd|" {
		t.Errorf("said %q", got)
	}
}

func TestARedactionThatMatchesNothingAtAllIsRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"", "a*", "("} {
		if _, err := NewRedactions(10, p); err == nil {
			t.Errorf("%q was taken", p)
		}
	}
}
