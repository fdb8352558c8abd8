package streams_test

import (
	"testing"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

func said(t testing.TB, key string, arm sluice.Arm) streams.Message {
	t.Helper()
	m, err := streams.SaidFact(sluice.Answer{Query: sluice.Query{Key: key, Text: "why?"}, Pair: "p1", Arm: arm, Text: "so"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPublishingAFactTwiceStoresItOnce(t *testing.T) {
	js := natstest.Log(t)
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fact := said(t, "k1", sluice.ArmA)
	for round, wantNew := range []bool{true, false} {
		acks, err := p.Publish(t.Context(), []streams.Message{fact})
		if err != nil {
			t.Fatal(err)
		}
		if acks[0].New != wantNew || acks[0].Stream != streams.StreamAnswers {
			t.Errorf("round %d: %+v, want new=%v", round, acks[0], wantNew)
		}
	}
	l, err := streams.NewLatest(js)
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.GetAsOf(t.Context(), streams.StreamAnswers, []string{fact.Subject, "answers.said.p1.k1.b"}, fact.Subject, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || string(got[fact.Subject].Data) != string(fact.Data) {
		t.Errorf("read back %v", got)
	}
	if got, err := l.Get(t.Context(), streams.StreamAnswers, "answers.said.p1.k1.b"); err != nil || len(got) != 0 {
		t.Errorf("an absent subject: %v, %v", got, err)
	}
}
