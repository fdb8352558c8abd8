package producers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxPyDepth bounds the nesting of a Python literal.
const maxPyDepth = 32

// pyDict reads a Python dict literal as repr() writes it: strings in either quote with their escapes,
// numbers, True, False, None, lists, tuples and dicts of those. Numbers stay text; None is nil.
func pyDict(s string) (map[string]any, error) {
	p := &pyParser{s: s}
	v, err := p.value(0)
	if err != nil {
		return nil, fmt.Errorf("python dict: %w at byte %d", err, p.at)
	}
	p.blanks()
	d, ok := v.(map[string]any)
	switch {
	case !ok:
		return nil, errors.New("python dict: not a dict")
	case p.at < len(s):
		return nil, fmt.Errorf("python dict: something follows it at byte %d", p.at)
	}
	return d, nil
}

type pyParser struct {
	s  string
	at int
}

// peek is the next byte; 0 at the end.
func (p *pyParser) peek() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

func (p *pyParser) blanks() {
	for p.at < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.at]) >= 0 {
		p.at++
	}
}

func (p *pyParser) value(depth int) (any, error) {
	if depth > maxPyDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxPyDepth)
	}
	p.blanks()
	switch p.peek() {
	case '{':
		return p.dict(depth)
	case '[':
		return p.list(depth, ']')
	case '(':
		return p.list(depth, ')')
	case '\'', '"':
		return p.str()
	}
	return p.word()
}

func (p *pyParser) dict(depth int) (map[string]any, error) {
	d := map[string]any{}
	p.at++
	for {
		p.blanks()
		if p.peek() == '}' {
			p.at++
			return d, nil
		}
		if c := p.peek(); c != '\'' && c != '"' {
			return nil, errors.New("a key that is not a string")
		}
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if p.blanks(); p.peek() != ':' {
			return nil, fmt.Errorf("no ':' after key %q", key)
		}
		p.at++
		if d[key], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if err := p.comma('}'); err != nil {
			return nil, err
		}
	}
}

func (p *pyParser) list(depth int, closing byte) ([]any, error) {
	list := []any{}
	p.at++
	for {
		p.blanks()
		if p.peek() == closing {
			p.at++
			return list, nil
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if err := p.comma(closing); err != nil {
			return nil, err
		}
	}
}

// comma passes over a ',' or stops before the closing bracket.
func (p *pyParser) comma(closing byte) error {
	p.blanks()
	switch p.peek() {
	case ',':
		p.at++
		return nil
	case closing:
		return nil
	}
	return fmt.Errorf("neither ',' nor '%c'", closing)
}

// word reads a number or one of Python's three names.
func (p *pyParser) word() (any, error) {
	start := p.at
	for p.at < len(p.s) && strings.IndexByte(",:]})([{'\" \t\r\n", p.s[p.at]) < 0 {
		p.at++
	}
	switch w := p.s[start:p.at]; w {
	case "True":
		return true, nil
	case "False":
		return false, nil
	case "None":
		return nil, nil
	default:
		if _, err := strconv.ParseFloat(w, 64); err != nil {
			p.at = start
			return nil, fmt.Errorf("neither a value nor a number: %.20q", p.s[start:])
		}
		return w, nil
	}
}

// pyEscapes are the escapes of one character.
var pyEscapes = map[byte]string{
	'\\': "\\", '\'': "'", '"': "\"", 'n': "\n", 't': "\t", 'r': "\r",
	'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\n': "",
}

// pyHex are the escapes of a code point and how many hex digits each takes.
var pyHex = map[byte]int{'x': 2, 'u': 4, 'U': 8}

func (p *pyParser) str() (string, error) {
	quote := p.peek()
	p.at++
	var b strings.Builder
	for p.at < len(p.s) {
		switch c := p.s[p.at]; c {
		case quote:
			p.at++
			return b.String(), nil
		case '\\':
			p.at++
			if err := p.escape(&b); err != nil {
				return "", err
			}
		case '\n':
			return "", errors.New("a line break within a string")
		default:
			b.WriteByte(c)
			p.at++
		}
	}
	return "", errors.New("a string without its closing quote")
}

// escape reads what follows a backslash. As in Python, an unknown escape keeps its backslash.
func (p *pyParser) escape(b *strings.Builder) error {
	c := p.peek()
	if text, ok := pyEscapes[c]; ok {
		b.WriteString(text)
		p.at++
		return nil
	}
	if digits, ok := pyHex[c]; ok {
		p.at++
		return p.codePoint(b, digits, 16)
	}
	if c >= '0' && c <= '7' {
		digits := 1
		for digits < 3 && p.at+digits < len(p.s) && p.s[p.at+digits] >= '0' && p.s[p.at+digits] <= '7' {
			digits++
		}
		return p.codePoint(b, digits, 8)
	}
	b.WriteByte('\\')
	return nil
}

func (p *pyParser) codePoint(b *strings.Builder, digits, base int) error {
	if p.at+digits > len(p.s) {
		return errors.New("an escape cut short")
	}
	n, err := strconv.ParseUint(p.s[p.at:p.at+digits], base, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return fmt.Errorf("escape %q is no character", p.s[p.at:p.at+digits])
	}
	b.WriteRune(rune(n))
	p.at += digits
	return nil
}
