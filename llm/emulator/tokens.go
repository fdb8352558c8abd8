package emulator

import (
	"math"
	"strings"
	"unicode/utf8"

	"sluice"
)

// Tokens counts a text's tokens by the emulator's rule: one for every four bytes or part of them.
func Tokens(text string) int64 { return int64(len(text)+3) / 4 }

// usage counts the tokens of one exchange, before any output limit.
func (s *Server) usage(a ask, text string) sluice.Usage {
	u := sluice.Usage{Prompt: a.input, Output: Tokens(text)}
	if u.Prompt >= 32 && hash(s.cfg.Seed, "cached", a.model, a.prompt)%8 == 0 {
		u.Cached = u.Prompt / 2
	}
	if mean := s.thinking(a.model); mean > 0 {
		u.Thoughts = int64(math.Round(float64(mean) * (0.5 + draw(s.cfg.Seed, "thoughts", a.model, a.prompt))))
	}
	if a.thinking != nil && *a.thinking >= 0 {
		u.Thoughts = min(u.Thoughts, *a.thinking)
	}
	return u
}

// thinking is the mean number of thinking tokens of a model.
func (s *Server) thinking(model string) int {
	if mean, ok := s.cfg.Thinking[model]; ok {
		return mean
	}
	if s.cfg.Thinking == nil && strings.Contains(model, "-pro") {
		return 300
	}
	return 0
}

// limit cuts a reply to the request's output limit, thinking first, as a provider does.
func limit(r reply, maxOutput int64) reply {
	if maxOutput <= 0 || r.usage.Output+r.usage.Thoughts <= maxOutput {
		return r
	}
	r.cutShort, r.call = true, call{} // half a call is none
	r.usage.Thoughts = min(r.usage.Thoughts, maxOutput)
	r.usage.Output = maxOutput - r.usage.Thoughts
	keep := min(int(r.usage.Output*4), len(r.text))
	for keep > 0 && keep < len(r.text) && !utf8.RuneStart(r.text[keep]) {
		keep--
	}
	r.text = r.text[:keep]
	return r
}
