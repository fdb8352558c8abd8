package privacy

import (
	"unicode"
	"unicode/utf8"
)

// Bounds of RFC 5321.
const (
	maxLocalPart = 64
	maxDomain    = 253
)

// email finds the address around the @ at i; it begins at last at the earliest.
func email(text string, last, i int) span {
	start := localPart(text, max(last, i-maxLocalPart), i)
	end := domain(text, i+1)
	if start == i || end == 0 {
		return span{}
	}
	return span{start, end, Email}
}

// localPart is where the name before the @ at end begins; end if there is none. A name that ends in a
// Latin letter is Latin: in "请写信到bob@example.com" it is "bob".
func localPart(text string, floor, end int) int {
	start := end
	latin := latinRune(before(text, end))
	for start > floor {
		r, size := utf8.DecodeLastRuneInString(text[:start])
		if start-size < floor || !localRune(r, latin) {
			break
		}
		start -= size
	}
	for start < end && text[start] < utf8.RuneSelf && !isAlnum(text[start]) && text[start] != '_' {
		start++ // a quote or a bracket is not the name's
	}
	return start
}

// latinRune says whether r is ASCII or a letter of the Latin script.
func latinRune(r rune) bool { return r < utf8.RuneSelf || unicode.Is(unicode.Latin, r) }

// wordOf says whether a letter or mark belongs to a name of the Latin script, or of any other.
func wordOf(r rune, latin bool) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r)) && (!latin || latinRune(r) || unicode.IsMark(r))
}

func localRune(r rune, latin bool) bool {
	switch {
	case r >= utf8.RuneSelf:
		return wordOf(r, latin)
	case isAlnum(byte(r)):
		return true
	}
	switch r {
	case '.', '_', '-', '+', '%', '!', '#', '$', '&', '\'', '*', '/', '=', '?', '^', '`', '{', '|', '}', '~':
		return true
	}
	return false
}

// domain is the end of the domain name that begins at i: at least two labels, the last of letters
// only; 0 if there is none.
func domain(text string, i int) int {
	end := 0
	for label := 0; ; label++ {
		stop, letters, n := domainLabel(text, i)
		if n == 0 {
			return end
		}
		if label > 0 && letters && n >= 2 {
			end = stop
		}
		if stop >= len(text) || text[stop] != '.' || stop-i > maxDomain {
			return end
		}
		i = stop + 1
	}
}

// domainLabel reads one label: its end, whether it is of letters only, and its length in characters. A
// label that begins with a Latin letter is Latin.
func domainLabel(text string, i int) (stop int, letters bool, n int) {
	letters, stop = true, i
	latin := latinRune(after(text, i))
	for stop < len(text) {
		r, size := utf8.DecodeRuneInString(text[stop:])
		switch {
		case r < utf8.RuneSelf && isLetter(byte(r)):
		case r >= utf8.RuneSelf && wordOf(r, latin):
		case r < utf8.RuneSelf && isDigit(byte(r)), r == '-' && n > 0:
			letters = false
		default:
			return trimHyphens(text, i, stop, letters, n)
		}
		stop += size
		n++
	}
	return trimHyphens(text, i, stop, letters, n)
}

// trimHyphens gives hyphens at a label's end back to the text: "bob@example.com-" ends in "com".
func trimHyphens(text string, start, stop int, letters bool, n int) (int, bool, int) {
	trimmed := false
	for stop > start && text[stop-1] == '-' {
		stop, n, trimmed = stop-1, n-1, true
	}
	if trimmed {
		letters = true
		for _, c := range []byte(text[start:stop]) {
			letters = letters && (c >= utf8.RuneSelf || isLetter(c))
		}
	}
	return stop, letters, n
}
