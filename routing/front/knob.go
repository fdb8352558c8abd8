package front

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"sluice"
	"sluice/routing"
)

// defaultThreshold is that of a router that brings none.
const defaultThreshold = 0.5

// knob holds P(Complex) against the threshold in force: at or above it the query is complex; below, it is
// what the router found likeliest beside that.
func (f *Front) knob(c routing.Choice, l *lane, r Request) (routing.Choice, float64) {
	if len(c.Probabilities) == 0 || c.Version == f.o.Static.Version() {
		return c, 0 // the static map's probabilities say that it knows nothing
	}
	t, said := f.threshold(c, l, r), c.Policy
	switch {
	case c.Score() >= t:
		c.Policy = sluice.Complex
	case c.Policy == sluice.Complex:
		c.Policy = likeliestBeside(c.Probabilities)
	}
	if c.Policy != said && c.Reasoning != "" {
		c.Reasoning += overruled(c, t)
	}
	return c, t
}

// overruled says why the policy is not the one that the router's words are about.
func overruled(c routing.Choice, threshold float64) string {
	is := "below"
	if c.Policy == sluice.Complex {
		is = "not below"
	}
	return fmt.Sprintf(" P(Complex) is %.3g, %s the threshold of %.3g: it counts as %s.", c.Score(), is, threshold, c.Policy)
}

// likeliestBeside is the likeliest policy but Complex; by name where two are as likely.
func likeliestBeside(probabilities map[sluice.Policy]float64) sluice.Policy {
	best, most := sluice.Standard, probabilities[sluice.Standard]
	for policy, p := range probabilities {
		if policy != sluice.Complex && (p > most || p == most && best != sluice.Standard && policy < best) {
			best, most = policy, p
		}
	}
	return best
}

// threshold is the request's, the tenant's, the configured one, or the router's own, in this order.
func (f *Front) threshold(choice routing.Choice, l *lane, r Request) float64 {
	if r.Threshold != nil {
		return min(max(*r.Threshold, 0), 1)
	}
	if t, ok := f.o.Tenants[r.Tenant]; ok {
		return t
	}
	if f.o.Threshold > 0 {
		return f.o.Threshold
	}
	if choice.Threshold > 0 {
		return choice.Threshold
	}
	if c, ok := l.router.(Calibrated); ok && c.Threshold() > 0 {
		return c.Threshold()
	}
	return defaultThreshold
}

// gap stands where a text's middle was.
const gap = "\n[...]\n"

// fit cuts the middle out of a text that is too long: questions stand at the beginning or at the end.
func (f *Front) fit(text string) (fitted string, cut bool) {
	if len(text) <= f.o.MaxBytes {
		return text, false
	}
	room := max(f.o.MaxBytes-len(gap), 0)
	head, tail := room-room/2, len(text)-room/2
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return strings.TrimSpace(text[:head]) + gap + strings.TrimSpace(text[tail:]), true
}

func tooLong(bytes, most int) string {
	return fmt.Sprintf("the query has %d bytes and may have at most %d", bytes, most)
}
