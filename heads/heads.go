// Package heads reads lines of HTTP/1.1 heads that are as nearly every one is: a name of letters, digits, hyphens and
// underscores, a colon at once, a value of printable ASCII. What it refuses may be sound all the same, and is
// net/http's to read.
package heads

import (
	"net/http"
	"strings"
)

// Most is how many lines a plain head has at the most.
const Most = 32

// Field takes a line, without its end, apart; the name is canonical.
func Field(line string) (name, value string, ok bool) {
	colon := strings.IndexByte(line, ':')
	if colon <= 0 || !Printable(line) {
		return "", "", false
	}
	canonical, first := true, true // of a word
	for i := range colon {
		c := line[i]
		if !naming[c] {
			return "", "", false
		}
		canonical = canonical && (c < 'A' || first == (c <= 'Z'))
		first = c == '-'
	}
	name = line[:colon]
	if !canonical {
		name = http.CanonicalHeaderKey(name)
	}
	return name, strings.Trim(line[colon+1:], " "), true
}

// naming are the bytes of nearly every header's name.
var naming = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		is[c] = true
	}
	return is
}()

// Printable says whether a text is printable ASCII alone.
func Printable(s string) bool {
	for i := range len(s) {
		if s[i]-' ' > '~'-' ' {
			return false
		}
	}
	return true
}

// Add puts a value, which is values[i], into a header. The values of one head share one piece of memory.
func Add(h http.Header, name string, values []string, i int) {
	if others := h[name]; others != nil {
		h[name] = append(others, values[i])
	} else {
		h[name] = values[i : i+1 : i+1]
	}
}
