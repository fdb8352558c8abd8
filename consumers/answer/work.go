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
// accepted in no hurry, before, or by another entrance in the same moment. What is handed to the stage is stored under
// that one's number, in whatever lane it is answered. A query that is in no hurry costs no look.
func (s *Stage) Overtakes(ctx context.Context, in streams.Message) (streams.Message, streams.Stored, error) {
	key, hurried := streams.UrgentKey(in.Subject)
	if !hurried {
		return in, streams.Stored{}, nil
	}
	fail := func(err error) (streams.Message, streams.Stored, error) {
		return in, streams.Stored{}, fmt.Errorf("answer %s: %w", in.Subject, err)
	}
	var urgent, first sluice.Accepted
	if streams.DecodeInto(in.Data, &urgent) != nil {
		return in, streams.Stored{}, nil // Handle says so
	}
	normal := streams.AcceptedSubject(streams.LaneNormal, key)
	found, err := s.lane(ctx, in, normal)
	if err != nil {
		return fail(err)
	}
	other, ok := found[normal]
	if !ok { // accepted before there was a copy in the normal lane
		return in, streams.Stored{}, nil
	}
	if err := streams.DecodeInto(other.Data, &first); err != nil {
		return fail(fmt.Errorf("stored at %s: %w", normal, err))
	}
	if streams.IsClaim(normal, &first.Query) {
		other = streams.Stored{}
	}
	if first.Query.Number != urgent.Query.Number {
		first.Query.Priority, first.Query.Deadline = urgent.Query.Priority, urgent.Query.Deadline
		if in.Data, err = streams.Encode(first); err != nil {
			return fail(err)
		}
	}
	return in, other, nil
}

// lane reads a subject of ACCEPTED as of the message that is at hand. One that is handed over once more was there long
// ago, if its stream is still the same.
func (s *Stage) lane(ctx context.Context, in streams.Message, subject string) (map[string]streams.Stored, error) {
	if in.Retry != "" {
		return s.stored.Get(ctx, streams.StreamAccepted, subject)
	}
	return s.stored.GetAsOf(ctx, streams.StreamAccepted, []string{subject}, in.Subject, in.Sequence)
}

// expired says whether nobody waits for the answer any more.
func (s *Stage) expired(q *sluice.Query) bool {
	return !q.Deadline.IsZero() && !s.opts.Now().Before(q.Deadline)
}
