package rules

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// keywords compiles words and phrases. They match whole words, in any letter case and whatever stands
// between the words of a phrase.
func (k checker) keywords(phrases []string) condition {
	type phrase struct{ text, folded string }
	byFirst := map[string][]phrase{}
	for i, p := range phrases {
		folded := fold(nil, p)
		first, _, _ := bytes.Cut(folded, []byte(" "))
		k.want(len(first) > 0, fmt.Sprintf("when.keywords[%d]", i), fmt.Sprintf("%q holds no word", p), "want letters or digits")
		byFirst[string(first)] = append(byFirst[string(first)], phrase{p, string(folded)})
	}
	return func(e *eval) (bool, error) {
		for rest := e.words(); len(rest) > 0; {
			end := bytes.IndexByte(rest, ' ')
			for _, p := range byFirst[string(rest[:end])] {
				if len(rest) >= len(p.folded) && string(rest[:len(p.folded)]) == p.folded {
					e.keyword = p.text
					return true, nil
				}
			}
			rest = rest[end+1:]
		}
		return false, nil
	}
}

// fold appends the words of a text, in one letter case, each followed by one blank. What is no letter,
// digit or mark separates words, except + and # at a word's end (C++, C#). Scripts that write no spaces
// have a word a character, so that a phrase of theirs is found wherever it stands.
func fold(dst []byte, text string) []byte {
	inWord := false
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		i += size
		switch {
		case isWord(r):
			dst, inWord = utf8.AppendRune(dst, foldRune(r)), true
			if standsAlone(r) {
				dst, inWord = append(dst, ' '), false
			}
		case inWord && (r == '+' || r == '#') && endsWord(text[i:]):
			dst = append(dst, byte(r))
		case inWord:
			dst, inWord = append(dst, ' '), false
		}
	}
	if inWord {
		dst = append(dst, ' ')
	}
	return dst
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// endsWord says whether no letter or digit follows.
func endsWord(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || !isWord(r)
}

// foldRune brings the letter cases together, the Greek final sigma included.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

func standsAlone(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}
