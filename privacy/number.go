package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// group is a run of digits within a cluster of them.
type group struct {
	// start and end bound the digits; open and close the sign and the brackets around them too.
	start, end, open, close int
	// sep is the separator before the group: ' ', '-', '.', '/', or 0 for none.
	sep         byte
	paren, plus bool
}

func (g group) len() int { return g.end - g.start }

// Bounds of what is looked at together.
const (
	maxGroups = 24 // of a cluster; a longer one is looked at in pieces
	maxWindow = 8  // of one telephone or card number
	minDigits = 7  // fewer are never personal
	maxArea   = 5  // of an area code; longer ones in brackets are a number in brackets
)

// numbers looks at the cluster of digit groups that begins at i, masks the card and telephone numbers
// in it, and returns where it ends.
func (s *scan) numbers(i int) int {
	var buf [maxGroups]group
	gs, digits := cluster(s.text, i, buf[:0])
	if len(gs) == 0 {
		return i + 1
	}
	if digits >= minDigits {
		for first := 0; first < len(gs); {
			n, placeholder := s.longest(gs, first)
			if n == 0 {
				first++
				continue
			}
			s.mask(span{gs[first].open, gs[first+n-1].close, placeholder})
			first += n
		}
	}
	return gs[len(gs)-1].close
}

// longest finds how many groups from first on make the longest card or telephone number; 0 for none.
func (s *scan) longest(gs []group, first int) (n int, placeholder string) {
	if !s.startsHere(gs, first) {
		return 0, ""
	}
	cued := first == 0 && cue(s.text, gs[0].open)
	for end := min(len(gs), first+maxWindow); end > first; end-- {
		if !endsHere(s.text, gs, end-1) {
			continue
		}
		window := gs[first:end]
		if isCard(s.text, window) {
			return end - first, Card
		}
		if isPhone(s.text, window, first == 0 && end == len(gs), cued) {
			return end - first, Phone
		}
	}
	return 0, ""
}

// cluster reads groups of digits that are held together by single separators. It is empty if none
// begins at i.
func cluster(text string, i int, gs []group) ([]group, int) {
	digits := 0
	for pos, sep := i, byte(0); len(gs) < maxGroups; {
		g, ok := readGroup(text, pos)
		if !ok || g.plus && len(gs) > 0 {
			break
		}
		g.sep = sep
		gs = append(gs, g)
		digits += g.len()
		var size int
		sep, size = separator(text, g.close)
		pos = g.close + size
		if size == 0 && !g.paren && !strings.HasPrefix(text[pos:], "(") {
			break
		}
	}
	return gs, digits
}

// readGroup reads digits, "+digits", "(digits)" or "(+digits)" at i.
func readGroup(text string, i int) (group, bool) {
	g := group{open: i}
	for i < len(text) && (text[i] == '+' && !g.plus || text[i] == '(' && !g.paren) {
		g.plus = g.plus || text[i] == '+'
		g.paren = g.paren || text[i] == '('
		i++
	}
	g.start = i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	g.end, g.close = i, i
	if g.paren {
		if i >= len(text) || text[i] != ')' || g.len() > maxArea {
			return group{}, false
		}
		g.close++
	}
	return g, g.end > g.start
}

// separator reads one separator at i: which one, and its size in bytes (0 for none). Every kind of
// blank is ' ', every kind of hyphen '-'.
func separator(text string, i int) (byte, int) {
	if i >= len(text) {
		return 0, 0
	}
	switch r, size := utf8.DecodeRuneInString(text[i:]); r {
	case ' ', '\u00a0', '\u2007', '\u2009', '\u202f':
		return ' ', size
	case '-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2212':
		return '-', size
	case '.', '/':
		return byte(r), size
	}
	return 0, 0
}

// startsHere says whether a number of its own may begin with group n.
func (s *scan) startsHere(gs []group, n int) bool {
	if n > 0 {
		return gs[n].sep == ' ' || gs[n].sep == '/'
	}
	i := gs[0].open
	r := s.before(i)
	switch {
	case r == 0:
		return true
	case wordRune(r), r == '@', r == '%', unicode.Is(unicode.Sc, r):
		return false
	case r == ')' && gs[0].plus: // a sum
		return false
	case r == ' ':
		return !unicode.Is(unicode.Sc, s.before(i-1))
	case strings.ContainsRune("-.,/:\u2013", r): // glued to something longer
		prev := s.before(i - utf8.RuneLen(r))
		return prev == 0 || !wordRune(prev) || r == ':' && !unicode.IsDigit(prev)
	}
	return true
}

// endsHere says whether a number of its own may end with group e.
func endsHere(text string, gs []group, e int) bool {
	if e+1 < len(gs) {
		return gs[e+1].sep == ' ' || gs[e+1].sep == '/'
	}
	i := gs[e].close
	r := after(text, i)
	switch {
	case r == 0:
		return true
	case wordRune(r), r == '@', r == '%', unicode.Is(unicode.Sc, r):
		return false
	case r == '-' || r == '/': // glued to something longer
		return !wordRune(after(text, i+1))
	case r == '.' || r == ',' || r == ':':
		return !unicode.IsDigit(after(text, i+1))
	}
	return true
}
