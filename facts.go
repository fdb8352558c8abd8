package sluice

import "time"

// Fact is a value of the log on its way into the tables.
type Fact[T any] struct {
	// Ref is the sender's own number for the fact; a store that can't take the fact yet names it by that.
	Ref int
	// At is when the log stored the fact (UTC).
	At    time.Time
	Value T
}

// Facts is a batch of facts of every kind, in no order that matters. A store needs no more of the
// queries inside answers, verdicts, labels and examples than Key, Number and Split: the rest may be zero.
type Facts struct {
	Accepted []Fact[Accepted]
	Answers  []Fact[Answer]
	Verdicts []Fact[Verdict]
	Labels   []Fact[Label]
	Analyses []Fact[Analyzed]
	Examples []Fact[Example]
	Calls    []Fact[Call]
	Deaths   []Fact[Death]
}

// Len counts the facts.
func (f *Facts) Len() int {
	return len(f.Accepted) + len(f.Answers) + len(f.Verdicts) + len(f.Labels) + len(f.Analyses) +
		len(f.Examples) + len(f.Calls) + len(f.Deaths)
}

// Death is the fact that a stage gave a message up, laid out flat for a table.
type Death struct {
	// ID is a function of the message, the stage and the hand-over.
	ID string
	// Stage and Durable say where, Reason and Class why, Error in words.
	Stage, Durable string
	Reason         Reason
	Class          Class
	Error          string
	// Attempts counts the failures that were spent, Deliveries how often it was handed out.
	Attempts, Deliveries int
	// Stream, Subject and Sequence are its place in the log, MessageID and ContentType what it said of itself.
	Stream, Subject        string
	Sequence               uint64
	MessageID, ContentType string
	// QueryKey is the query that the subject names; empty where it names none.
	QueryKey string
	// Raw is the message byte for byte; empty with RawElsewhere, where the log alone has it.
	Raw          []byte
	RawElsewhere bool
	// RetryID is the hand-over that died; empty for a first death.
	RetryID string
	// StoredAt is when the log stored the message, DiedAt when the stage gave it up (UTC).
	StoredAt, DiedAt time.Time
}
