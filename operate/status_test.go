package operate_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/operate"
	"sluice/streams"
)

func consumerOf(durable string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{Durable: durable, AckPolicy: jetstream.AckExplicitPolicy}
}

func TestALookShowsLagWorkInHandAndTheDead(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	for _, key := range []string{"k1", "k2", "k3", "k4"} {
		publish(t, p, accepted(t, key, 0))
	}
	bury(t, p, "intake", sluice.ReasonEmptyQuery, 1, time.Now())
	bury(t, p, "intake", sluice.ReasonEmptyQuery, 2, time.Now())
	bury(t, p, "judge", sluice.ReasonRefused, 3, time.Now())
	consumer, err := js.CreateConsumer(t.Context(), streams.StreamAccepted, consumerOf("answer-v1-normal"))
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(3)
	if err != nil {
		t.Fatal(err)
	}
	var got []jetstream.Msg
	for m := range batch.Messages() {
		got = append(got, m)
	}
	start := time.Now().UTC()
	first, err := operate.Look(t.Context(), js, []string{"intake", "answer", "judge"}, operate.Status{}, start)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []operate.StageStatus{
		{Stage: "intake", Dead: 2}, {Stage: "answer", Lag: 1, InFlight: 3}, {Stage: "judge", Dead: 1},
	} {
		s := first.Stages[i]
		if s.Stage != want.Stage || s.Lag != want.Lag || s.InFlight != want.InFlight || s.Dead != want.Dead {
			t.Errorf("row %d is %+v, want %+v", i, s, want)
		}
	}
	if n := first.Stages[0].DeadReason[string(sluice.ReasonEmptyQuery)]; n != 2 {
		t.Errorf("%d died of empty queries, want 2", n)
	}
	for _, s := range first.Streams {
		if s.Stream == streams.StreamAccepted && (s.Messages != 4 || s.Bytes == 0 || s.Last.IsZero()) {
			t.Errorf("stream %+v", s)
		}
	}
	for _, m := range got {
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	second, err := operate.Look(t.Context(), js, []string{"answer"}, first, start.Add(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if s := second.Stages[0]; s.PerSecond != 1.5 || s.Settled != 3 || s.InFlight != 0 {
		t.Errorf("after three acks in two seconds: %+v", s)
	}
	if len(second.Stages) != 3 || second.Idle() {
		t.Errorf("%d stages (the dead of others are shown too), idle %v", len(second.Stages), second.Idle())
	}
	// k4 is given back once: two deliveries of one message.
	for _, settle := range []func(jetstream.Msg) error{jetstream.Msg.Nak, func(m jetstream.Msg) error { return m.DoubleAck(t.Context()) }} {
		m, err := consumer.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := settle(m); err != nil {
			t.Fatal(err)
		}
	}
	third, err := operate.Look(t.Context(), js, []string{"answer"}, second, start.Add(4*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if s := third.Stages[0]; s.Settled != 5 || s.PerSecond != 1 {
		t.Errorf("after two deliveries of a fourth message: %+v", s)
	}
}
