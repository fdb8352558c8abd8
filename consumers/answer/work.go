package answer

import (
	"context"
	"fmt"

	"sluice"
	"sluice/streams"
)

// Work names what an accepted query has the stage buy: one name for both arms, under the number by which the answers
// are stored.
func (s *Stage) Work(in streams.Message) string {
	var a sluice.Accepted
	if streams.DecodeInto(in.Data, &a) != nil || streams.IsClaim(in.Subject, &a.Query) || s.expired(&a.Query) {
		return ""
	}
	return streams.SaidSubject(s.pair, &a.Query, sluice.Arms()[0])
}

// Bought says whether the log holds both answers.
func (s *Stage) Bought(ctx context.Context, in streams.Message) (bool, error) {
	var a sluice.Accepted
	if err := streams.DecodeInto(in.Data, &a); err != nil {
		return false, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("answer %s: %w", in.Subject, err))
	}
	missing, err := s.missing(ctx, &a.Query)
	if err != nil {
		return false, fmt.Errorf("answer %s: %w", a.Query.Key, err)
	}
	return len(missing) == 0, nil
}

// Overtakes finds the copy in the normal lane of a query that is in a hurry, where that copy is worked on too: it was
// accepted in no hurry, before, or by another entrance in the same moment. Its number is the one that the answers are
// stored by. A query that is in no hurry costs no look.
func (s *Stage) Overtakes(ctx context.Context, in *streams.Message) (instead *streams.Message, other streams.Stored, err error) {
	key, hurried := streams.UrgentKey(in.Subject)
	if !hurried {
		return nil, other, nil
	}
	var urgent, first sluice.Accepted
	if unread := streams.DecodeInto(in.Data, &urgent); unread != nil {
		return nil, other, nil //nolint:nilerr // Handle says so
	}
	other, err = s.inLane(ctx, in, streams.AcceptedSubject(streams.LaneNormal, key))
	if err != nil || other.Sequence == 0 { // it may be older than the rule that every query is in the normal lane
		return nil, other, err
	}
	if err := streams.DecodeInto(other.Data, &first); err != nil {
		return nil, other, fmt.Errorf("answer %s: stored at %s: %w", in.Subject, other.Subject, err)
	}
	if first.Query.Number != urgent.Query.Number {
		q := first
		q.Query.Priority, q.Query.Deadline = urgent.Query.Priority, urgent.Query.Deadline
		m := *in
		if m.Data, err = streams.Encode(q); err != nil {
			return nil, other, fmt.Errorf("answer %s: %w", in.Subject, err)
		}
		instead = &m
	}
	if streams.IsClaim(other.Subject, &first.Query) {
		other = streams.Stored{}
	}
	return instead, other, nil
}

// inLane reads a subject of ACCEPTED as of the message that is at hand. One that is handed over once more was there long
// ago, if its stream is still the same.
func (s *Stage) inLane(ctx context.Context, in *streams.Message, subject string) (streams.Stored, error) {
	var found map[string]streams.Stored
	var err error
	if in.Retry != "" {
		found, err = s.stored.Get(ctx, streams.StreamAccepted, subject)
	} else {
		found, err = s.stored.GetAsOf(ctx, streams.StreamAccepted, []string{subject}, in.Subject, in.Sequence)
	}
	if err != nil {
		return streams.Stored{}, fmt.Errorf("answer %s: %w", in.Subject, err)
	}
	return found[subject], nil
}

// expired says whether nobody waits for the answer any more.
func (s *Stage) expired(q *sluice.Query) bool {
	return !q.Deadline.IsZero() && !s.opts.Now().Before(q.Deadline)
}
