package streams_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"sluice/internal/natstest"
	"sluice/streams"
)

func TestATraceIsFoundByOneRequest(t *testing.T) {
	js := natstest.Log(t)
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for id, header := range map[string]nats.Header{"traced": {streams.HeaderTraceParent: {parent}}, "untraced": {"Other": {"x"}}} {
		if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: streams.TakenSubject(id), Header: header, Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	before := js.Conn().Stats().OutMsgs
	for id, want := range map[string]string{"traced": parent, "untraced": "", "absent": ""} {
		if got, err := streams.TraceOf(t.Context(), js, streams.StreamDecisions, streams.TakenSubject(id)); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", id, got, err, want)
		}
	}
	if n := js.Conn().Stats().OutMsgs - before; n != 3 {
		t.Errorf("%d requests for three traces", n)
	}
	if _, err := streams.TraceOf(t.Context(), js, "NONE", "x"); err == nil {
		t.Error("a stream that is not there has a trace")
	}
}
