package online

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"sluice"
)

// The rules.
const (
	ErrorRate    = "error_rate"
	LatencyP99   = "latency_p99"
	RouterFaults = "router_faults"
	BudgetBurn   = "budget_burn"
	Drifted      = "drift"
	Calibration  = "calibration"
)

// Rule says when a value is out of its bounds.
type Rule struct {
	// Name is one of the rules above.
	Name string
	// Limit is the greatest value that is in order; what exceeds it raises an alert.
	Limit float64
	// Window is the stretch of time that the value is of, for the rules that have one.
	Window time.Duration
	// Least is how many decisions there must be before the value counts.
	Least int64
	// Severity is "warning" or "critical".
	Severity string
}

// calm is the part of the limit below which an alert is cleared: a value that trembles about the limit raises
// one alert and not many.
const calm = 0.9

// Reading is a measured value.
type Reading struct {
	// Subject says whose it is; empty for all.
	Subject string
	Value   float64
	// N is how many decisions it is made of.
	N int64
}

// State is how often alerts of one rule about one subject were raised and cleared, as the table of alerts has
// it. It may be behind the log: see [Rule.Judge].
type State struct{ Raised, Cleared int }

// Open says whether the last word is an alert.
func (s State) Open() bool { return s.Raised > s.Cleared }

// Judge holds a reading against the rule. It makes an alert where one is to be raised or cleared.
//
// The alert's id is a function of rule, subject and the number of the episode. Whoever judges by the same state
// makes the same alert, and whoever judges by an old state makes one that is in the log already: the log
// keeps one of each (Invariant 2), and nobody has to be elected to speak.
func (r Rule) Judge(m Reading, s State, at time.Time) (sluice.Alert, bool) {
	known := m.N >= max(r.Least, 1)
	switch {
	case !s.Open() && known && m.Value > r.Limit:
		return r.alert(m, s.Raised+1, false, at), true
	case s.Open() && known && m.Value <= r.Limit*calm:
		return r.alert(m, s.Raised, true, at), true
	case s.Open() && m.N == 0 && r.Window > 0: // there is nothing any more that could be at fault
		return r.alert(m, s.Raised, true, at), true
	}
	return sluice.Alert{}, false
}

func (r Rule) alert(m Reading, episode int, cleared bool, at time.Time) sluice.Alert {
	word := "raised"
	if cleared {
		word = "cleared"
	}
	return sluice.Alert{
		ID:   sluice.HashID("alert", r.Name, m.Subject, strconv.Itoa(episode), word),
		Rule: r.Name, Subject: m.Subject, Severity: r.Severity, Message: r.words(m, cleared),
		Value: m.Value, Limit: r.Limit, Cleared: cleared, RaisedAt: at.UTC(),
	}
}

// Retire ends an alert whose rule nobody watches any more; false where there is none, and for a rule that is none of
// ours, since whoever raised that one clears it.
func Retire(rule, subject string, s State, at time.Time) (sluice.Alert, bool) {
	if ours := []string{ErrorRate, LatencyP99, RouterFaults, BudgetBurn, Drifted, Calibration}; !s.Open() || !slices.Contains(ours, rule) {
		return sluice.Alert{}, false
	}
	a := Rule{Name: rule, Severity: "warning"}.alert(Reading{Subject: subject}, s.Raised, true, at)
	a.Message = "no rule of monitor.rules watches this any more"
	return a, true
}

// words says it for people.
func (r Rule) words(m Reading, cleared bool) string {
	var what string
	switch r.Name {
	case ErrorRate:
		what = fmt.Sprintf("%.1f%% of %d requests in %s failed", 100*m.Value, m.N, short(r.Window))
	case LatencyP99:
		what = fmt.Sprintf("one request of a hundred in %s took %.2f s or longer", short(r.Window), m.Value)
	case RouterFaults:
		what = fmt.Sprintf("the static map decided %.1f%% of %d requests in %s, since the router could not", 100*m.Value, m.N, short(r.Window))
	case BudgetBurn:
		what = fmt.Sprintf("budget %s is spent %.1f times as fast as it lasts", m.Subject, m.Value)
	case Drifted:
		what = fmt.Sprintf("%s drifted away from the training set: population stability index %.2f over %d queries", m.Subject, m.Value, m.N)
	case Calibration:
		what = fmt.Sprintf("the router's P(Complex) is off by %.2f on average, over %d judged decisions", m.Value, m.N)
	default:
		what = fmt.Sprintf("%s %s is %g", r.Name, m.Subject, m.Value)
	}
	if cleared {
		return fmt.Sprintf("back within its limit of %g: %s", r.Limit, what)
	}
	return fmt.Sprintf("above its limit of %g: %s", r.Limit, what)
}

// short writes a duration without the zeros of Go's own notation.
func short(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
