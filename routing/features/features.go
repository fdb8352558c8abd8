// Package features measures a query's text: the numbers that rules look at and that drift is watched on.
//
// A text enters, [Features] leave. Measuring is one pass, takes about a microsecond for a question of
// usual length, allocates nothing, and gives the same numbers for the same text for ever: a change here
// changes what past decisions are compared with.
package features

// Features are the numbers of one text. The zero value is that of an empty text.
type Features struct {
	// Chars counts characters, Words runs of letters and digits (each character of a script without
	// spaces is a word), Sentences and Lines what they say: 0 for a blank text.
	Chars, Words, Sentences, Lines int
	// Questions counts question marks of any script.
	Questions int
	// Digits and Upper are shares of Chars: 0 to 1.
	Digits, Upper float64
	// Longest is the longest word's length in characters.
	Longest int
	// Math counts pieces of evidence for mathematics; 0 means that there is none. See [Features.HasMath].
	Math int
	// Code counts pieces of evidence for source code; see [Features.HasCode].
	Code int
	// Language is a guess: an ISO 639-1 code by the commonest words or the script, empty where nothing
	// tells.
	Language string
}

// HasMath says whether the text holds mathematics.
func (f Features) HasMath() bool { return f.Math > 0 }

// HasCode says whether the text holds source code.
func (f Features) HasCode() bool { return f.Code > 0 }

// FromMap is the reverse of [Features.Map]: the numbers that a decision recorded. The language is not among
// them.
func FromMap(m map[string]float64) Features {
	return Features{
		Chars: int(m["chars"]), Words: int(m["words"]), Sentences: int(m["sentences"]), Lines: int(m["lines"]),
		Questions: int(m["questions"]), Digits: m["digits"], Upper: m["upper"], Longest: int(m["longest"]),
		Math: int(m["math"]), Code: int(m["code"]),
	}
}

// Map is the numbers by name: what a decision's Features hold.
func (f Features) Map() map[string]float64 {
	return map[string]float64{
		"chars": float64(f.Chars), "words": float64(f.Words), "sentences": float64(f.Sentences), "lines": float64(f.Lines),
		"questions": float64(f.Questions), "digits": f.Digits, "upper": f.Upper, "longest": float64(f.Longest),
		"math": float64(f.Math), "code": float64(f.Code),
	}
}
