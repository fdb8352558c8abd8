package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// template is a text with placeholders in braces. The zero value is no text.
type template []piece

// piece is literal text, or a placeholder.
type piece struct {
	text string
	fill func([]byte, *eval) []byte
}

func (t template) set() bool { return len(t) > 0 }

func (t template) render(e *eval) string {
	if len(t) == 1 && t[0].fill == nil {
		return t[0].text
	}
	e.reason = e.reason[:0]
	for _, p := range t {
		if p.fill != nil {
			e.reason = p.fill(e.reason, e)
		} else {
			e.reason = append(e.reason, p.text...)
		}
	}
	return string(e.reason)
}

var placeholders = map[string]func([]byte, *eval) []byte{
	"policy":    func(b []byte, e *eval) []byte { return append(b, e.Policy...) },
	"score":     func(b []byte, e *eval) []byte { return strconv.AppendFloat(b, e.Score, 'f', 3, 64) },
	"threshold": func(b []byte, e *eval) []byte { return strconv.AppendFloat(b, e.Threshold, 'f', 3, 64) },
	"router":    func(b []byte, e *eval) []byte { return append(b, e.Router...) },
	"tenant":    func(b []byte, e *eval) []byte { return append(b, e.Tenant...) },
	"key":       func(b []byte, e *eval) []byte { return append(b, e.KeyID...) },
	"words":     func(b []byte, e *eval) []byte { return strconv.AppendInt(b, int64(e.Features.Words), 10) },
	"chars":     func(b []byte, e *eval) []byte { return strconv.AppendInt(b, int64(e.Features.Chars), 10) },
	"math":      func(b []byte, e *eval) []byte { return strconv.AppendInt(b, int64(e.Features.Math), 10) },
	"keyword":   func(b []byte, e *eval) []byte { return append(b, e.keyword...) },
	"budget":    func(b []byte, e *eval) []byte { return append(b, e.Budget.Name...) },
	"spent":     func(b []byte, e *eval) []byte { return appendPercent(b, e.Budget.Spent) },
	"left":      func(b []byte, e *eval) []byte { return append(b, e.Budget.Left.String()...) },
	"model":     func(b []byte, e *eval) []byte { return append(b, e.model...) },
	"slow":      func(b []byte, e *eval) []byte { return append(b, e.slow...) },
	"p95": func(b []byte, e *eval) []byte {
		return append(b, e.Facts.Latency[e.slow].Round(time.Millisecond).String()...)
	},
	"time": func(b []byte, e *eval) []byte { return e.At.UTC().AppendFormat(b, "Mon 15:04 UTC") },
}

// template reads a text with placeholders; {{ stands for a brace.
func (k checker) template(key, text string) template {
	var t template
	literal := func(s string) {
		if s != "" {
			t = append(t, piece{text: s})
		}
	}
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "{")
		literal(before)
		if !found {
			return join(t)
		}
		if tail, escaped := strings.CutPrefix(after, "{"); escaped {
			literal("{")
			rest = tail
			continue
		}
		name, tail, closed := strings.Cut(after, "}")
		fill := placeholders[name]
		k.want(closed && fill != nil, key, fmt.Sprintf("{%s is no placeholder", strings.TrimSuffix(after[:min(len(after), 20)], "}")),
			"write {{ for a brace, or one of "+strings.Join(placeholderNames(), ", "))
		if !closed || fill == nil {
			return nil
		}
		t, rest = append(t, piece{fill: fill}), tail
	}
}

// join makes neighbouring literals one.
func join(t template) template {
	var out template
	for _, p := range t {
		if n := len(out); n > 0 && p.fill == nil && out[n-1].fill == nil {
			out[n-1].text += p.text
			continue
		}
		out = append(out, p)
	}
	return out
}

func placeholderNames() []string {
	names := make([]string, 0, len(placeholders))
	for name := range placeholders {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// escape makes a text literal in a template.
func escape(s string) string { return strings.ReplaceAll(s, "{", "{{") }
