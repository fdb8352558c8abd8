package sluice

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText makes foreign text (a model's reply) fit for the log and for Postgres: invalid UTF-8, NUL
// and every control character but line feed and tab are dropped, white space around it is trimmed, and
// what exceeds maxBytes is cut at a character's edge. maxBytes of 0 means no bound.
func CleanText(s string, maxBytes int) string {
	if (maxBytes <= 0 || len(s) <= maxBytes) && isClean(s) {
		return s
	}
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "")))
	if maxBytes <= 0 || len(s) <= maxBytes {
		return s
	}
	for maxBytes > 0 && !utf8.RuneStart(s[maxBytes]) {
		maxBytes--
	}
	return strings.TrimSpace(s[:maxBytes])
}

// isClean says of nearly every text at a glance that nothing is to be done: printable ASCII without blanks
// around it.
func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c > '~') && c != '\n' && c != '\t' {
			return false
		}
	}
	return s == "" || s[0] > ' ' && s[len(s)-1] > ' '
}
