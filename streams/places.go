package streams

import (
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
	// Key is the query's.
	Key string
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
	var tokens [7]string // longer than any of ours
	n := 0
	for token := range strings.SplitSeq(subject, ".") {
		if n == len(tokens) || token == "" {
			return Place{}, false
		}
		tokens[n] = token
		n++
	}
	t := tokens[2:]
	switch kind := Kind(subject[:min(len(subject), len(tokens[0])+1+len(tokens[1]))]); {
	case n == 4 && kind == KindAccepted: // lane, key
		return Place{Kind: kind, Key: t[1]}, true
	case n == 5 && kind == KindSaid:
		return Place{Kind: kind, Pair: t[0], Key: t[1], Arm: sluice.Arm(t[2])}, true
	case n == 6 && kind == KindGiven:
		return Place{Kind: kind, Version: t[0], Pair: t[1], Key: t[2], Arm: sluice.Arm(t[3])}, true
	case n == 4 && (kind == KindDrawn || kind == KindExample):
		return Place{Kind: kind, Key: t[0], ID: t[1]}, true
	case n == 4 && kind == KindAnalyzed:
		return Place{Kind: kind, Version: t[0], Key: t[1]}, true
	case n == 4 && kind == KindBilled: // stage, call
		return Place{Kind: kind, ID: t[1]}, true
	case n == 3 && (kind == KindTaken || kind == KindJob):
		return Place{Kind: kind, ID: t[0]}, true
	case n == 4 && kind == KindFeedback: // decision, feedback
		return Place{Kind: kind, Decision: t[0], ID: t[1]}, true
	case n == 4 && kind == KindRaised: // rule, alert
		return Place{Kind: kind, ID: t[1]}, true
	case n == 5 && kind == KindTold: // job, attempt, sequence
		return Place{Kind: kind, ID: t[0]}, true
	case n == 4 && Kind(tokens[0]) == KindDead: // stage, reason, letter
		return Place{Kind: KindDead, ID: tokens[3]}, true
	}
	return Place{}, false
}
