package spool

import (
	"testing"

	"sluice/streams"
)

// The facts of a request leave the spool in the request's trace; those of a request that nobody traces in none.
func TestFactsKeepTheirTrace(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	fact := streams.Message{Subject: "decisions.taken.x", ID: "decisions.taken.x", ContentType: streams.MsgPack, Data: []byte("fact")}
	data := appendEnd(nil, "plain", []streams.Message{fact})
	data = appendEnd(data, "traced", []streams.Message{fact.Continue(parent), fact.Continue(parent)})
	data = appendEnd(data, "empty", nil)
	var b batch
	if err := b.take(data); err != nil {
		t.Fatal(err)
	}
	if len(b.msgs) != 3 || b.ends != 3 {
		t.Fatalf("%d messages of %d ends", len(b.msgs), b.ends)
	}
	for i, want := range []string{"", parent, parent} {
		if got := b.msgs[i].Header[streams.HeaderTraceParent]; got != want || string(b.msgs[i].Data) != "fact" {
			t.Errorf("message %d: trace %q, data %q", i, got, b.msgs[i].Data)
		}
	}
}
