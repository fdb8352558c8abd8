package streams

import (
	"strconv"
	"strings"

	"sluice"
)

// Kind is the kind of fact that a subject holds.
type Kind string

// The kinds of facts that are one a subject, and dead letters.
const (
	KindAccepted Kind = "queries.accepted"
	KindSaid     Kind = "answers.said"
	KindGiven    Kind = "verdicts.given"
	KindDrawn    Kind = "labels.drawn"
	KindAnalyzed Kind = "analyses.made"
	KindExample  Kind = "examples.made"
	KindBilled   Kind = "calls.billed"
	KindDead     Kind = "dead"
	KindTaken    Kind = "decisions.taken"
	KindFeedback Kind = "feedback.given"
	KindRaised   Kind = "alerts.raised"
	KindJob      Kind = "jobs.asked"
	KindTold     Kind = "training.told"
)

// Place is a subject of a fact, taken apart: the fact's primary key. Only the fields that the kind has are
// set.
type Place struct {
	Kind Kind
	// Key and Number are the query's; Number is 0 in a subject without one.
	Key    string
	Number int64
	// Version is the judge's or the analysis's.
	Version, Pair string
	Arm           sluice.Arm
	// ID is a label's, an example's, a call's, a dead letter's, a decision's, a feedback's, an alert's or a
	// training job's.
	ID string
	// Decision is the one that a feedback is about.
	Decision string
}

// PlaceOf takes a subject apart that one of the functions of this package built; false for any other one.
func PlaceOf(subject string) (Place, bool) {
	tokens, n := tokensOf(subject)
	if n == 0 {
		return Place{}, false
	}
	kind, t := Kind(subject[:min(len(subject), len(tokens[0])+1+len(tokens[1]))]), tokens[2:]
	p := Place{Kind: kind}
	if at, ofQuery := keyAt[kind]; ofQuery && n == at.tokens+1 {
		var ok bool
		if p.Number, ok = numberOf(t[at.key]); !ok {
			return Place{}, false
		}
		copy(t[at.key:], t[at.key+1:])
		n--
	}
	switch {
	case n == 4 && kind == KindAccepted: // lane, key
		p.Key = t[1]
	case n == 5 && kind == KindSaid:
		p.Pair, p.Key, p.Arm = t[0], t[1], sluice.Arm(t[2])
	case n == 6 && kind == KindGiven:
		p.Version, p.Pair, p.Key, p.Arm = t[0], t[1], t[2], sluice.Arm(t[3])
	case n == 4 && (kind == KindDrawn || kind == KindExample):
		p.Key, p.ID = t[0], t[1]
	case n == 4 && kind == KindAnalyzed:
		p.Version, p.Key = t[0], t[1]
	case n == 4 && kind == KindBilled: // stage, call
		p.ID = t[1]
	case n == 3 && (kind == KindTaken || kind == KindJob):
		p.ID = t[0]
	case n == 4 && kind == KindFeedback: // decision, feedback
		p.Decision, p.ID = t[0], t[1]
	case n == 4 && kind == KindRaised: // rule, alert
		p.ID = t[1]
	case n == 5 && kind == KindTold: // job, attempt, sequence
		p.ID = t[0]
	case n == 4 && Kind(tokens[0]) == KindDead: // stage, reason, letter
		p.Kind, p.ID = KindDead, tokens[3]
	default:
		return Place{}, false
	}
	return p, true
}

// tokensOf are the tokens of a subject, and how many; none where it is longer than any of ours, or no subject.
func tokensOf(subject string) (tokens [7]string, n int) {
	for token := range strings.SplitSeq(subject, ".") {
		if n == len(tokens) || token == "" {
			return tokens, 0
		}
		tokens[n] = token
		n++
	}
	return tokens, n
}

// keyAt says how many tokens the subject of a fact about a query has, and which of those behind the kind is the key,
// where it has no number; the number goes before the key.
var keyAt = map[Kind]struct{ tokens, key int }{
	KindSaid: {5, 1}, KindGiven: {6, 2}, KindDrawn: {4, 0}, KindExample: {4, 0}, KindAnalyzed: {4, 1},
}

// numberOf reads a number as [ofQuery] writes it.
func numberOf(token string) (int64, bool) {
	n, err := strconv.ParseInt(token, 10, 64)
	return n, err == nil && n > 0 && token[0] >= '1' && token[0] <= '9'
}
