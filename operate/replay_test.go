package operate_test

import (
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/operate"
	"sluice/streams"
)

func accepted(t *testing.T, key string, priority int) streams.Message {
	t.Helper()
	return must(t)(streams.AcceptedFact(sluice.Accepted{Query: sluice.Query{Key: key, Text: "why?", Priority: priority}}))
}

func TestAReplayHandsAWindowOverOnceAnID(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	const n = 600 // more than two batches
	for i := range n {
		publish(t, p, accepted(t, fmt.Sprintf("k%d", i), i%2))
	}
	r := operate.Replay{
		Stage: "answer", ID: "first",
		Inputs: []consumers.Input{
			{Stream: streams.StreamAccepted, Durable: "answer-v1-urgent", Filters: []string{"queries.accepted.urgent.*"}},
			{Stream: streams.StreamAccepted, Durable: "answer-v1-normal", Filters: []string{"queries.accepted.normal.*"}},
		},
	}
	replay := func(want int, stored uint64) {
		t.Helper()
		var heard int
		sent, err := r.Run(t.Context(), js, p, func(n int) { heard = n })
		if err != nil || sent != want || heard != want {
			t.Fatalf("replay %s: %d handed over, heard of %d, %v; want %d", r.ID, sent, heard, err, want)
		}
		if got := messages(t, js, streams.StreamRetries); got != stored {
			t.Errorf("replay %s: %d in RETRIES, want %d", r.ID, got, stored)
		}
	}
	replay(n, n)
	replay(n, n) // the same again changes nothing
	r.ID = "second"
	replay(n, 2*n)
	r.ID, r.Since = "nothing", time.Now().Add(time.Hour)
	replay(0, 2*n)
	for m, err := range streams.Scan(t.Context(), js, streams.StreamRetries, streams.Window{}) {
		if err != nil {
			t.Fatal(err)
		}
		e, err := streams.ParseRetry(m)
		if err != nil {
			t.Fatal(err)
		}
		if in := e.Open(); in.Stream != streams.StreamAccepted || in.Sequence == 0 || in.ID != in.Subject || len(in.Data) == 0 {
			t.Fatalf("handed over as %+v", in)
		}
	}
}
