package streams_test

import (
	"reflect"
	"strings"
	"testing"

	"sluice"
	"sluice/streams"
)

func letter() streams.DeadLetter {
	return streams.DeadLetter{
		Envelope: streams.Seal(streams.Message{
			Subject: "queries.asked.web", ID: strings.Repeat("odd .*> \x00 id", 400), ContentType: streams.JSON,
			Header: map[string]string{"traceparent": "00-1-2-01"}, Data: []byte("\xff\x00{"),
			Stream: streams.StreamQueries, Sequence: 7, StoredAt: goldenTime, Deliveries: 3,
		}),
		Stage: "intake", Durable: "intake-v1", Class: sluice.ClassPoison, Reason: sluice.ReasonUndecodable, Error: "no", DiedAt: goldenTime,
	}
}

func TestADeadLetterKeepsTheMessageByteForByte(t *testing.T) {
	l := letter()
	m, err := streams.DeadMessage(l)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(m.Subject, "dead.intake.undecodable.") || len(m.Subject) > 64 || m.ID != m.Subject {
		t.Errorf("subject %q, id %q", m.Subject, m.ID)
	}
	back, err := streams.ParseDead(m)
	if err != nil || !reflect.DeepEqual(back, l) {
		t.Fatalf("read back %+v, %v", back, err)
	}
	opened := back.Envelope.Open()
	if string(opened.Data) != "\xff\x00{" || opened.Stream != streams.StreamQueries || opened.Sequence != 7 || opened.ID != l.Envelope.ID {
		t.Errorf("opened %+v", opened)
	}
}

func TestALettersIDIsAFunctionOfTheMessageTheStageAndTheHandOver(t *testing.T) {
	same := letter()
	same.Error, same.Attempts, same.Deliveries, same.DiedAt = "another text", 9, 9, goldenTime.Add(1)
	same.Envelope = same.Envelope.ByRef()
	if same.ID() != letter().ID() {
		t.Error("the same death has two ids")
	}
	seen := map[string]string{letter().ID(): "the first"}
	for name, change := range map[string]func(*streams.DeadLetter){
		"another stage":          func(l *streams.DeadLetter) { l.Stage = "answer" },
		"another hand-over":      func(l *streams.DeadLetter) { l.Retry = "r" },
		"another sequence":       func(l *streams.DeadLetter) { l.Envelope.Sequence++ },
		"a stream made anew":     func(l *streams.DeadLetter) { l.Envelope.StoredAt = goldenTime.Add(1) },
		"another upstream id":    func(l *streams.DeadLetter) { l.Envelope.ID += "x" },
		"another subject":        func(l *streams.DeadLetter) { l.Envelope.Subject += "x" },
		"another stream of ours": func(l *streams.DeadLetter) { l.Envelope.Stream = "X" },
	} {
		l := letter()
		change(&l)
		if other, taken := seen[l.ID()]; taken {
			t.Errorf("%s has the id of %s", name, other)
		}
		seen[l.ID()] = name
	}
}

func TestReplayingALetterTwiceIsOneMessage(t *testing.T) {
	first, err := streams.ReplayMessage(letter())
	if err != nil {
		t.Fatal(err)
	}
	second, err := streams.ReplayMessage(letter())
	if err != nil {
		t.Fatal(err)
	}
	died := letter()
	died.Retry = first.ID
	third, err := streams.ReplayMessage(died)
	if err != nil {
		t.Fatal(err)
	}
	if first.Subject != second.Subject || first.Subject == third.Subject {
		t.Errorf("subjects %s, %s, and after another death %s", first.Subject, second.Subject, third.Subject)
	}
	e, err := streams.ParseRetry(first)
	if err != nil || !reflect.DeepEqual(e, letter().Envelope) {
		t.Errorf("read back %+v, %v", e, err)
	}
}
