package record_test

import (
	"context"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/record"
	"sluice/internal/pgtest/world"
	"sluice/streams"
)

// keeping remembers what each batch had.
type keeping struct{ queries, calls [][]string }

func (k *keeping) Record(_ context.Context, f *sluice.Facts) ([]int, error) {
	var queries, calls []string
	for _, a := range f.Accepted {
		queries = append(queries, a.Value.Query.Text)
	}
	for _, c := range f.Calls {
		calls = append(calls, c.Value.ID)
	}
	k.queries, k.calls = append(k.queries, queries), append(k.calls, calls)
	return nil, nil
}

func TestABatchHoldsNothingOfTheOneBefore(t *testing.T) {
	accepted := func(text string) streams.Message {
		m, err := streams.AcceptedFact(sluice.Accepted{Query: sluice.Query{Key: sluice.QueryKey("", "", text), Text: text}})
		if err != nil {
			t.Fatal(err)
		}
		m.Stream, m.StoredAt = streams.StreamAccepted, world.Start
		return m
	}
	call, err := streams.BilledFact(sluice.Call{ID: "c1", Stage: "answer"})
	if err != nil {
		t.Fatal(err)
	}
	call.Stream, call.StoredAt = streams.StreamCalls, world.Start
	var store keeping
	h := record.New(&store, time.Hour, func() time.Time { return world.Start })
	for _, batch := range [][]streams.Message{{accepted("one"), call, accepted("two")}, {accepted("three")}} {
		for i, r := range h.HandleBatch(t.Context(), batch) {
			if r.Err != nil {
				t.Errorf("message %d: %v", i, r.Err)
			}
		}
	}
	if q := store.queries; len(q) != 2 || len(q[0]) != 2 || q[0][1] != "two" || len(q[1]) != 1 || q[1][0] != "three" {
		t.Errorf("queries of the batches: %v", q)
	}
	if c := store.calls; len(c) != 2 || len(c[0]) != 1 || len(c[1]) != 0 {
		t.Errorf("calls of the batches: %v", c)
	}
}
