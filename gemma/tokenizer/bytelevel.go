package tokenizer

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// alphabet spells every byte as a printable character, as GPT-2 does: printable Latin-1 is itself, the others
// are moved to 256 and beyond, in order.
var alphabet, alphabetBack = func() (to [256]string, back map[rune]byte) {
	back = map[rune]byte{}
	moved := rune(256)
	for b := range 256 {
		r := rune(b)
		if (r < '!' || r > '~') && (r < '¡' || r > '¬') && (r < '®' || r > 'ÿ') {
			r = moved
			moved++
		}
		to[b], back[r] = string(r), byte(b)
	}
	return to, back
}()

func spell(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteString(alphabet[text[i]])
	}
	return b.String()
}

func unspell(to []byte, piece string) []byte {
	for _, r := range piece {
		if b, ok := alphabetBack[r]; ok {
			to = append(to, b)
		} else {
			to = utf8.AppendRune(to, r)
		}
	}
	return to
}

// words cuts text as the expression of GPT-2 does:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// A space belongs to the word behind it; of several blanks before a word, all but the last stand alone.
func words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			n := wordLength(text)
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

func wordLength(text string) int {
	for _, s := range []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"} {
		if strings.HasPrefix(text, s) {
			return len(s)
		}
	}
	begin := 0
	if text[0] == ' ' {
		begin = 1
	}
	if first, size := utf8.DecodeRuneInString(text[begin:]); size > 0 && !unicode.IsSpace(first) {
		return begin + run(text[begin:], classOf(first))
	}
	blanks := run(text, blank)
	if blanks == len(text) {
		return blanks
	}
	if _, last := utf8.DecodeLastRuneInString(text[:blanks]); blanks > last {
		return blanks - last
	}
	return blanks
}

type class int

const (
	blank class = iota
	letter
	digit
	other
)

func classOf(r rune) class {
	switch {
	case unicode.IsSpace(r):
		return blank
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return digit
	}
	return other
}

// run is the length of the leading characters of a class.
func run(text string, c class) int {
	for i, r := range text {
		if classOf(r) != c {
			return i
		}
	}
	return len(text)
}
