package emulator

import (
	"slices"
	"strings"
	"unicode"

	"sluice"
)

// grade compares an answer with the accepted ones, honestly and by text alone: an answer that holds an
// accepted answer as whole words is correct, one that commits itself to nothing is IDK, any other is
// incorrect.
func grade(accepted []string, answer string) Judgement {
	said := words(answer)
	declined := declines(said)
	for _, a := range accepted {
		want := words(a)
		// "It is unknown" is right where that is the accepted answer.
		if holds(said, want) && (!declined || declines(want)) {
			return Judgement{sluice.Correct, "The answer agrees with an accepted answer."}
		}
		if len(want) == 0 && strings.TrimSpace(a) != "" && strings.Contains(answer, strings.TrimSpace(a)) {
			return Judgement{sluice.Correct, "The answer agrees with an accepted answer."}
		}
	}
	if declined {
		return Judgement{sluice.IDK, "The answer does not commit itself."}
	}
	return Judgement{sluice.Incorrect, "The answer commits itself to something that is not accepted."}
}

// words normalises a text for comparison: lower case, no punctuation, no articles; digits keep their
// decimal point and lose their thousands separators.
func words(text string) []string {
	runes := []rune(strings.ToLower(text))
	var b strings.Builder
	digit := func(i int) bool { return i >= 0 && i < len(runes) && unicode.IsDigit(runes[i]) }
	for i, r := range runes {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			b.WriteRune(r)
		case r == '\'', r == '’':
		case r == '.' && digit(i-1) && digit(i+1):
			b.WriteRune(r)
		case r == ',' && digit(i-1) && digit(i+1) && digit(i+2) && digit(i+3) && !digit(i+4):
		default:
			b.WriteByte(' ')
		}
	}
	return slices.DeleteFunc(strings.Fields(b.String()), func(w string) bool {
		return w == "a" || w == "an" || w == "the"
	})
}

// holds says whether want is a run of words within said.
func holds(said, want []string) bool {
	if len(want) == 0 {
		return false
	}
	for i := 0; i+len(want) <= len(said); i++ {
		if slices.Equal(said[i:i+len(want)], want) {
			return true
		}
	}
	return false
}

// declining are the phrases, as words makes them, of an answer that commits itself to nothing.
var declining = splitAll(
	"dont know", "do not know", "not sure", "im unsure", "not certain", "cannot say", "cant say",
	"cannot answer", "cant answer", "unable to answer", "unable to say", "cannot be determined",
	"no way to know", "no way of knowing", "rather not guess", "no reliable information",
	"not have reliable information", "not have enough information", "not aware of", "no information about",
	"could not find", "nobody knows", "not known", "is unknown", "unknown", "no answer",
)

func splitAll(phrases ...string) [][]string {
	out := make([][]string, len(phrases))
	for i, p := range phrases {
		out[i] = strings.Fields(p)
	}
	return out
}

func declines(said []string) bool {
	return slices.ContainsFunc(declining, func(phrase []string) bool { return holds(said, phrase) })
}
