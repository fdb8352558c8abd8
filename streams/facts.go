package streams

import (
	"errors"
	"fmt"
	"strings"

	"sluice"
)

// Each function here turns one fact into the one message that stores it. The id is the subject, since
// the subject is the fact's primary key: publishing a fact again changes nothing (Invariant 2).

func fact[T any](subject string, v T) (Message, error) {
	data, err := Encode(v)
	if err != nil {
		return Message{}, err
	}
	return Message{Subject: subject, ID: subject, ContentType: MsgPack, Data: data}, nil
}

// appendFact is fact with its data at the end of b.
func appendFact[T any](b []byte, subject string, v *T) ([]byte, Message, error) {
	start := len(b)
	b, err := Append(b, v)
	return b, Message{Subject: subject, ID: subject, ContentType: MsgPack, Data: b[start:len(b):len(b)]}, err
}

// AcceptedFact stores a query that passed the entrance, in the lane of its priority.
func AcceptedFact(a sluice.Accepted) (Message, error) { return acceptedIn(Lane(a.Query.Priority), a) }

// ClaimFact stores it in the normal lane, whatever its priority: see [IsClaim].
func ClaimFact(a sluice.Accepted) (Message, error) { return acceptedIn(LaneNormal, a) }

func acceptedIn(lane string, a sluice.Accepted) (Message, error) {
	return fact(AcceptedSubject(lane, a.Query.Key), a)
}

// SaidFact stores an answer.
func SaidFact(a sluice.Answer) (Message, error) {
	return fact(SaidSubject(a.Pair, &a.Query, a.Arm), a)
}

// GivenFact stores a verdict.
func GivenFact(v sluice.Verdict) (Message, error) {
	return fact(GivenSubject(v.JudgeVersion, v.Pair, &v.Query, v.Arm), v)
}

// DrawnFact stores a label.
func DrawnFact(l sluice.Label) (Message, error) { return fact(DrawnSubject(&l.Query, l.ID), l) }

// AnalyzedFact stores a query's description.
func AnalyzedFact(a sluice.Analyzed) (Message, error) {
	q := sluice.Query{Key: a.QueryKey, Number: a.QueryNumber}
	return fact(AnalyzedSubject(a.AnalysisVersion, &q), a)
}

// ExampleFact stores an example.
func ExampleFact(e sluice.Example) (Message, error) {
	return fact(ExampleSubject(&e.Label.Query, e.ID), e)
}

// BilledFact stores a provider call.
func BilledFact(c sluice.Call) (Message, error) { return fact(BilledSubject(c.Stage, c.ID), c) }

// AppendBilled stores provider calls, behind what is in out.
func AppendBilled(out []Message, calls []sluice.Call) ([]Message, error) {
	for i := range calls {
		c := &calls[i]
		data, err := encodeAt(c)
		if err != nil {
			return out, err
		}
		subject := BilledSubject(c.Stage, c.ID)
		out = append(out, Message{Subject: subject, ID: subject, ContentType: MsgPack, Data: data})
	}
	return out, nil
}

// BroughtFacts stores the provider calls that a decision brings. An error means that one of them is no gateway's, and
// that none is stored.
func BroughtFacts(d *sluice.Decision) ([]Message, error) {
	for i := range d.Calls {
		c := &d.Calls[i]
		err := ValidToken("call id", c.ID)
		if c.Stage != sluice.StageGateway {
			err = errors.Join(err, fmt.Errorf("stage %q, want %q", c.Stage, sluice.StageGateway))
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of the ledger: %w", i+1, err)
		}
	}
	return AppendBilled(make([]Message, 0, len(d.Calls)), d.Calls)
}

// TakenFact stores a decision.
func TakenFact(d sluice.Decision) (Message, error) { return fact(TakenSubject(d.ID), d) }

// AppendTaken is [TakenFact] with its data at the end of b.
func AppendTaken(b []byte, d *sluice.Decision) ([]byte, Message, error) {
	return appendFact(b, TakenSubject(d.ID), d)
}

// FeedbackFact stores feedback.
func FeedbackFact(f sluice.Feedback) (Message, error) {
	return fact(FeedbackSubject(f.DecisionID, f.ID), f)
}

// RaisedFact stores an alert.
func RaisedFact(a sluice.Alert) (Message, error) { return fact(RaisedSubject(a.Rule, a.ID), a) }

// JobFact stores a training job.
func JobFact(j sluice.TrainingJob) (Message, error) { return fact(JobSubject(j.ID), j) }

// ToldFact stores an event of a training job.
func ToldFact(e sluice.TrainingEvent) (Message, error) {
	return fact(ToldSubject(e.JobID, e.Attempt, e.Sequence), e)
}

// IsLedger says whether a message is a line of the ledger; the runner confirms those before any other
// output, so that no answer is stored whose price is not.
func IsLedger(m Message) bool { return len(m.Subject) > 13 && m.Subject[:13] == "calls.billed." }

// BilledID is the id of the call whose line a subject is the place of.
func BilledID(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }
