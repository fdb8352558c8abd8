package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The placeholders. They are words of the log: rows of different days compare equal only if they stay
// the same.
const (
	Email  = "[EMAIL]"
	Phone  = "[PHONE]"
	Card   = "[CARD]"
	APIKey = "[API_KEY]"
)

// span is a piece of text to be masked.
type span struct {
	start, end  int
	placeholder string
}

// Scrub returns the text with personal data masked and how many pieces were. Text without any is
// returned as it is. Scrubbing a scrubbed text changes nothing. Valid UTF-8 stays valid.
func Scrub(text string) (clean string, found int) {
	for {
		folded, at := fold(text)
		next, n := pass(text, folded, at)
		if n == 0 && at != nil { // what the fold leaves out may part a number from a word
			next, n = pass(text, text, nil)
		}
		if n == 0 {
			return text, found
		}
		// A placeholder is a new edge, at which a neighbour may begin to look like a number of its own:
		// go round again until nothing is found. Each round removes digits, @ signs or keys, so it ends.
		text, found = next, found+n
	}
}

// pass masks in what is written whatever is found, from left to right, in what is read of it: see [scan].
func pass(written, text string, at []int) (string, int) {
	s := scan{text: text, written: written, at: at}
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf || kinds[c] == plain {
			i++
			continue
		}
		i = max(s.match(i), i+1)
	}
	if s.found == 0 {
		return written, 0
	}
	s.out.WriteString(written[s.done:])
	return s.out.String(), s.found
}

// scan is the state of one pass.
type scan struct {
	// text is what is read, written what stands there: text[i] at written[at[i]], or, where at is nil, at written[i].
	text, written string
	at            []int
	// last is the end of what was masked last, done the same in written.
	last, done int
	found      int
	out        strings.Builder
}

// mask writes what was written up to the span, and the placeholder; an empty span changes nothing.
func (s *scan) mask(m span) {
	if m.end == 0 {
		return
	}
	start, end := s.place(m)
	s.out.WriteString(s.written[s.done:start])
	s.out.WriteString(m.placeholder)
	s.last, s.done = m.end, end
	s.found++
}

// match masks what begins (or, for an @, a colon or an equals sign, lies) at i, and says where to go on:
// at i or before it for the next character.
func (s *scan) match(i int) int {
	switch kinds[s.text[i]] {
	case at:
		s.mask(email(s.text, s.last, i))
	case numeric:
		return s.numbers(i)
	case assign:
		s.mask(assignedSecret(s.text, i))
	case dash:
		s.mask(privateKey(s.text, i))
	default: // letter
		if r := s.before(i); r == 0 || !wordRune(r) {
			s.mask(token(s.text, i))
		}
		return max(s.last, wordEnd(s.text, i))
	}
	return s.last
}

// before is the character that ends at i: the placeholder's bracket where i is the end of what was
// masked, 0 at the start of the text.
func (s *scan) before(i int) rune {
	if i == s.last && i > 0 {
		return ']'
	}
	return before(s.text, i)
}

// kind is what a byte may begin.
type kind byte

const (
	plain kind = iota
	at
	numeric
	assign
	dash
	letter
)

// kinds classifies ASCII.
var kinds = func() (t [utf8.RuneSelf]kind) {
	for c := range t {
		switch c := byte(c); {
		case c == '@':
			t[c] = at
		case isDigit(c), c == '+', c == '(':
			t[c] = numeric
		case c == '=', c == ':':
			t[c] = assign
		case c == '-':
			t[c] = dash
		case isLetter(c):
			t[c] = letter
		}
	}
	return t
}()

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }

// wordRune says whether r continues a word.
func wordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// before is the character that ends at i in the text; 0 at the start of the text.
func before(text string, i int) rune {
	if i == 0 {
		return 0
	}
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return r
}

// after is the character that begins at i; 0 at the end of the text.
func after(text string, i int) rune {
	if i >= len(text) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return r
}

// wordEnd is the end of the run of ASCII letters and digits that begins at i.
func wordEnd(text string, i int) int {
	for i < len(text) && isAlnum(text[i]) {
		i++
	}
	return i
}
