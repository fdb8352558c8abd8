package judge

import (
	"strings"
	"unicode/utf8"
)

// plainReply reads the reply that nearly every model gives, an object of texts without escapes that holds
// one verdict; false for any other, which [ParseReply] then reads by the book. It is never of another opinion
// than that.
func plainReply(text string) (verdict, reason string, ok bool) {
	p := plain(text)
	if !p.take('{') {
		return "", "", false
	}
	for {
		key, ok := p.text()
		if !ok || !p.take(':') {
			return "", "", false
		}
		value, ok := p.text()
		if !ok {
			return "", "", false
		}
		switch key {
		case "verdict":
			if verdict != "" || value == "" {
				return "", "", false
			}
			verdict = value
		case "reason":
			reason = value
		}
		if !p.take(',') {
			break
		}
	}
	end := p.take('}')
	p.blank()
	return verdict, reason, end && p == "" && verdict != ""
}

// plain is what is left to read.
type plain string

// blank steps over white space.
func (p *plain) blank() { *p = plain(strings.TrimLeft(string(*p), " \t\r\n")) }

// take steps over one byte, if that is what comes next.
func (p *plain) take(c byte) bool {
	p.blank()
	if len(*p) == 0 || (*p)[0] != c {
		return false
	}
	*p = (*p)[1:]
	return true
}

// text reads a text that means what it says.
func (p *plain) text() (string, bool) {
	if !p.take('"') {
		return "", false
	}
	s, rest, ok := strings.Cut(string(*p), `"`)
	if !ok || !utf8.ValidString(s) {
		return "", false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '\\' {
			return "", false
		}
	}
	*p = plain(rest)
	return s, true
}
