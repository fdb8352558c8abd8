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
	// begin in, and before the character before it, which word boundaries look at.
	torn, held, before string
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
	c.held += text
	return c.mask(len(c.held) - c.r.longest)
}

// rest ends the text and returns what was held back.
func (c *cleaner) rest() string {
	c.held += printable(c.torn)
	c.torn = ""
	if c.r == nil {
		return c.held
	}
	return c.mask(len(c.held) + 1)
}

// mask takes what is held, up to safe, and masks the matches that begin before it. A match that ends with
// the text may grow: it is left for later, unless it is as long as a match may be or safe is behind the end.
func (c *cleaner) mask(safe int) string {
	if safe <= 0 {
		return ""
	}
	var b strings.Builder
	used := 0
	for _, m := range c.matches() {
		if m[0] >= safe {
			break
		}
		b.WriteString(c.held[used:m[0]])
		used = m[0]
		if m[1] == len(c.held) && safe <= len(c.held) && m[1]-m[0] < c.r.longest {
			safe = used
			break
		}
		b.WriteString(Redacted)
		used = m[1]
	}
	if safe = min(safe, len(c.held)); used < safe {
		for safe < len(c.held) && !utf8.RuneStart(c.held[safe]) {
			safe--
		}
		b.WriteString(c.held[used:safe])
		used = safe
	}
	if used > 0 {
		_, n := utf8.DecodeLastRuneInString(c.held[:used])
		c.before, c.held = c.held[used-n:used], c.held[used:]
	}
	return b.String()
}

// matches finds the matches in what is held.
func (c *cleaner) matches() [][]int {
	found := c.r.pattern.FindAllStringIndex(c.before+c.held, -1)
	n := len(c.before)
	if len(found) > 0 && found[0][0] < n {
		return c.r.pattern.FindAllStringIndex(c.held, -1) // what was said already can't be masked
	}
	for _, m := range found {
		m[0], m[1] = m[0]-n, m[1]-n
	}
	return found
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
