package intake

import (
	"context"

	"sluice"
	"sluice/streams"
)

// facts stores a query once in the normal lane, which refuses the same query ever after, and once more in the urgent
// lane where it is in a hurry. What has a priority or a deadline may have been accepted before.
func (s *Stage) facts(ctx context.Context, a sluice.Accepted) ([]streams.Message, error) {
	hurried := streams.Lane(a.Query.Priority) != streams.LaneNormal
	if hurried || !a.Query.Deadline.IsZero() {
		before, known, err := streams.AcceptedBefore(ctx, s.stored, a.Query.Key)
		if err != nil {
			return nil, err
		}
		if known {
			return s.again(ctx, before, a, hurried)
		}
	}
	claim, err := streams.ClaimFact(a)
	if err != nil || !hurried {
		return []streams.Message{claim}, err
	}
	urgent, err := streams.AcceptedFact(a)
	return []streams.Message{claim, urgent}, err
}

// again is for a query that was accepted before. It is that one, with the number that its facts may be stored by, so
// that no answer is bought twice (Invariant 5), and with its own words, whatever came by its key since; but with the
// priority and the deadline of who asks now. In a hurry for the first time it is brought forward. Otherwise it is asked
// anew if its time had run out, and nothing changes if it had not.
func (s *Stage) again(ctx context.Context, before streams.Before, a sluice.Accepted, hurried bool) ([]streams.Message, error) {
	claim, err := streams.ClaimFact(before.Accepted) // it may be there in the urgent lane alone
	if err != nil {
		return nil, err
	}
	q := before.Accepted
	q.Query.Priority, q.Query.Deadline = a.Query.Priority, a.Query.Deadline
	if hurried && !before.Urgent {
		urgent, err := streams.AcceptedFact(q)
		return []streams.Message{claim, urgent}, err
	}
	anew, err := s.anew(ctx, before, q)
	return append([]streams.Message{claim}, anew...), err
}

// anew hands a query over once more where the time has run out of its last copy, and of whoever asked anew since. How
// often that was is found by steps that double, then halve: a question that many ask may have been asked anew for years.
func (s *Stage) anew(ctx context.Context, before streams.Before, a sluice.Accepted) ([]streams.Message, error) {
	times, until := 0, before.Until
	over := func() bool { return !until.IsZero() && !s.opts.Now().Before(until) }
	for step, missed := 1, false; step > 0 && over(); {
		m, err := streams.AnewMessage(a, before, times+step)
		if err != nil {
			return nil, err
		}
		found, err := s.stored.Get(ctx, streams.StreamRetries, m.Subject)
		if err != nil {
			return nil, err
		}
		earlier, ok := found[m.Subject]
		if ok {
			times += step
			if until, err = streams.AnewUntil(earlier); err != nil {
				return nil, err
			}
		}
		if missed = missed || !ok; missed {
			step /= 2
		} else {
			step *= 2
		}
	}
	if !over() {
		return nil, nil
	}
	m, err := streams.AnewMessage(a, before, times+1)
	return []streams.Message{m}, err
}
