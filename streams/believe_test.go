package streams_test

import (
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"sluice/internal/natstest"
	"sluice/streams"
)

// A leader refuses a message whose subject it has only promised to another, then loses the promise. The
// publisher looks for itself, finds nothing, and sends the message again. (The leader is played here: a
// real one keeps its promises too well for a test.)
func TestARefusalIsNotBelievedUntilTheMessageIsFound(t *testing.T) {
	server := natstest.Start(t)
	leader := server.Connect()
	var sent, looked atomic.Int32
	play := func(subject string, reply func(*nats.Msg) *nats.Msg) {
		if _, err := leader.Subscribe(subject, func(m *nats.Msg) {
			if err := m.RespondMsg(reply(m)); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	play("answers.said.p.k.a", func(*nats.Msg) *nats.Msg {
		if sent.Add(1) == 1 {
			return &nats.Msg{Data: []byte(`{"stream":"ANSWERS","seq":0,"error":{"code":400,"err_code":10077,"description":"maximum messages per subject exceeded"}}`)}
		}
		return &nats.Msg{Data: []byte(`{"stream":"ANSWERS","seq":7}`)}
	})
	play("$JS.API.DIRECT.GET.ANSWERS", func(*nats.Msg) *nats.Msg {
		looked.Add(1)
		return &nats.Msg{Header: nats.Header{"Status": {"404"}, "Description": {"No Results"}}}
	})
	if err := leader.Flush(); err != nil {
		t.Fatal(err)
	}
	publisher, err := streams.NewPublisher(server.JetStream(), streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = publisher.Close() }()
	acks, err := publisher.Publish(t.Context(), []streams.Message{{Subject: "answers.said.p.k.a", ID: "answers.said.p.k.a", Data: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	if sent.Load() != 2 || looked.Load() != 1 || acks[0] != (streams.Ack{New: true, Stream: "ANSWERS", Sequence: 7}) {
		t.Errorf("sent %d times, looked %d times, ack %+v", sent.Load(), looked.Load(), acks[0])
	}
}
