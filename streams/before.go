package streams

import (
	"context"
	"fmt"
	"time"

	"sluice"
)

// Before is what the log knows of a query that is asked again.
type Before struct {
	// Accepted is the query as it was accepted first.
	Accepted sluice.Accepted
	// Last is the copy of it that came last, in the urgent lane where there is one: Urgent. Until is that one's
	// deadline.
	Last   Stored
	Urgent bool
	Until  time.Time
}

// AcceptedBefore finds the query that was accepted by a key, in whatever lane; false where none was. stored looks into
// the log: *Latest does.
func AcceptedBefore(ctx context.Context, stored interface {
	Get(ctx context.Context, stream string, subjects ...string) (map[string]Stored, error)
}, key string,
) (b Before, found bool, err error) {
	lanes := []string{AcceptedSubject(LaneNormal, key), AcceptedSubject(LaneUrgent, key)}
	known, err := stored.Get(ctx, StreamAccepted, lanes...)
	if err != nil {
		return b, false, err
	}
	for i, lane := range lanes {
		m, ok := known[lane]
		if !ok {
			continue
		}
		a, err := Decode[sluice.Accepted](m.Data)
		if err != nil {
			return b, false, fmt.Errorf("stored at %s: %w", lane, err)
		}
		if !found {
			b.Accepted, found = a, true
		}
		b.Last, b.Urgent, b.Until = m, i > 0, a.Query.Deadline
	}
	return b, found, nil
}

// AnewMessage hands a query to the answer stage for the n-th time, counted from 1, since its last copy may have been
// read after its deadline, and so may those of the times before: of all who ask for that, one is heard (Invariant 8).
func AnewMessage(a sluice.Accepted, before Before, n int) (Message, error) {
	last := before.Last
	data, err := Encode(a)
	if err != nil {
		return Message{}, err
	}
	e := Envelope{
		Stream: StreamAccepted, Subject: last.Subject, Sequence: last.Sequence, ID: last.Subject, ContentType: MsgPack,
		StoredAt: last.StoredAt, Data: data, Until: before.Until,
	}
	return RetryMessage(string(RoleAnswer), fmt.Sprintf("asked anew %d", n), e)
}

// AnewUntil is the deadline of a query that [AnewMessage] handed over.
func AnewUntil(m Stored) (time.Time, error) {
	e, err := Decode[Envelope](m.Data)
	if err != nil {
		return time.Time{}, fmt.Errorf("stored at %s: %w", m.Subject, err)
	}
	a, err := Decode[sluice.Accepted](e.Data)
	if err != nil {
		return time.Time{}, fmt.Errorf("stored at %s: %w", m.Subject, err)
	}
	return a.Query.Deadline, nil
}
