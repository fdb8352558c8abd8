package privacy

import (
	"unicode"
	"unicode/utf8"
)

// fold is a text as it is read: letters, digits and a few signs of full width and digits of Arabic scripts are ASCII's,
// and what nobody sees (a soft hyphen, a joiner, a mark of direction, a variation selector) is left out, as is the key
// that an emoji draws round a digit. at is where each of its bytes stands in the text; nil where the text is its own fold.
func fold(text string) (folded string, at []int) {
	i := firstFolded(text)
	if i == len(text) {
		return text, nil
	}
	b := append(make([]byte, 0, len(text)), text[:i]...)
	at = make([]int, i, len(text))
	for n := range i {
		at[n] = n
	}
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch f := foldedRune(r); {
		case f < 0:
		case f != r:
			b, at = append(b, byte(f)), append(at, i)
		default:
			for n := i; n < i+size; n++ {
				b, at = append(b, text[n]), append(at, n)
			}
		}
		i += size
	}
	return string(b), at
}

// firstFolded is where the first character stands that is folded; the length of the text where none is.
func firstFolded(text string) int {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if foldedRune(r) != r {
			return i
		}
		i += size
	}
	return len(text)
}

// wide is how far a character of full width is from its own in ASCII.
const wide = '！' - '!'

// keycap draws a key round the digit before it, as emoji do; a variation selector stands between them.
const keycap = '\u20e3'

// foldedRune is what a character is read as, itself or one of ASCII; below 0: nothing. Commas, colons and brackets of
// full width stay: they end numbers, where those of ASCII may be part of one.
func foldedRune(r rune) rune {
	switch {
	case r < '\u00ad':
		return r
	case '０' <= r && r <= '９', 'Ａ' <= r && r <= 'Ｚ', 'ａ' <= r && r <= 'ｚ', r == '＠', r == '＋', r == '－', r == '．', r == '＿':
		return r - wide
	case r == '\u3000':
		return ' '
	case '٠' <= r && r <= '٩':
		return r - '٠' + '0'
	case '۰' <= r && r <= '۹':
		return r - '۰' + '0'
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r), r == keycap:
		return -1
	}
	return r
}

// place is where a span stands in the text as it was written.
func (s *scan) place(m span) (start, end int) {
	if s.at == nil {
		return m.start, m.end
	}
	last := s.at[m.end-1]
	if s.text[m.end-1] >= utf8.RuneSelf { // the last byte of a character that stands for itself
		return s.at[m.start], last + 1
	}
	_, size := utf8.DecodeRuneInString(s.written[last:])
	return s.at[m.start], last + size
}
