package gateway

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice"
	"sluice/privacy"
)

// Redacted stands in an answer for what was masked.
const Redacted = "[REDACTED]"

// Redactions are what is masked in answers, whether they come whole or in pieces. A nil one masks nothing.
type Redactions struct {
	pattern *regexp.Regexp
	longest int
}

// NewRedactions makes redactions of regular expressions (RE2). longest bounds, in bytes, what one of them
// matches: a stream is held back by that much, and a longer match may be missed in a stream.
func NewRedactions(longest int, patterns ...string) (*Redactions, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	for i, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, fmt.Errorf("redaction %d: %w", i+1, err)
		}
		if re.MatchString("") {
			return nil, fmt.Errorf("redaction %d: %q matches nothing at all, and so everything", i+1, p)
		}
	}
	return &Redactions{pattern: regexp.MustCompile("(?:" + strings.Join(patterns, ")|(?:") + ")"), longest: longest}, nil
}

// Whole cleans a whole text: control characters other than tab, line feed and carriage return are
// dropped, invalid UTF-8 is replaced, redactions are masked.
func (r *Redactions) Whole(text string) string {
	c := cleaner{r: r}
	return c.next(text) + c.rest()
}

// cleaner cleans a text that comes in pieces. The zero value masks nothing.
type cleaner struct {
	r *Redactions
	// torn is the beginning of a character whose rest is still to come; held is clean text that a match may
	// begin in.
	torn, held string
}

// next takes a piece and returns what may be said.
func (c *cleaner) next(piece string) string {
	text := c.torn + piece
	c.torn = ""
	if cut := tornAt(text); cut < len(text) {
		text, c.torn = text[:cut], text[cut:]
	}
	text = printable(text)
	if c.r == nil {
		return text
	}
	text = c.held + text
	said, upTo := c.mask(text, len(text)-c.r.longest)
	c.held = text[upTo:]
	return said
}

// rest ends the text and returns what was held back.
func (c *cleaner) rest() string {
	text := c.held + printable(c.torn)
	c.held, c.torn = "", ""
	if c.r == nil {
		return text
	}
	return c.r.pattern.ReplaceAllString(text, Redacted)
}

// mask masks the matches that begin before safe, and tells how far the text was used up. A match that ends
// with the text may grow: it is left for later, unless it is as long as a match may be.
func (c *cleaner) mask(text string, safe int) (said string, upTo int) {
	if safe <= 0 {
		return "", 0
	}
	var b strings.Builder
	for upTo < safe {
		m := c.r.pattern.FindStringIndex(text[upTo:])
		if m == nil || upTo+m[0] >= safe {
			break
		}
		start, end := upTo+m[0], upTo+m[1]
		b.WriteString(text[upTo:start])
		if end == len(text) && end-start < c.r.longest {
			return b.String(), start
		}
		b.WriteString(Redacted)
		upTo = end
	}
	if upTo < safe {
		for !utf8.RuneStart(text[safe]) {
			safe--
		}
		b.WriteString(text[upTo:safe])
		upTo = safe
	}
	return b.String(), upTo
}

// tornAt is where the last character begins if its rest is missing; the length otherwise.
func tornAt(s string) int {
	for i := len(s) - 1; i >= 0 && i >= len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if !utf8.FullRuneInString(s[i:]) {
				return i
			}
			break
		}
	}
	return len(s)
}

// printable drops control characters and replaces invalid UTF-8; text without either is returned as it is.
func printable(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] < utf8.RuneSelf && !control(rune(s[i]))
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

func control(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }

// Scrubbed is a client's text as it may be stored: personal data masked, control characters dropped.
func Scrubbed(text string) string {
	clean, _ := privacy.Scrub(sluice.CleanText(text, 0))
	return clean
}
