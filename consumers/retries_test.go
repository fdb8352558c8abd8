package consumers_test

import (
	"context"
	"sync/atomic"
	"testing"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

func TestAReplayedMessageIsTheOriginalInEveryRespect(t *testing.T) {
	js := natstest.Log(t)
	put(t, js, streams.Message{
		Subject: "queries.asked.test", ID: "odd .*> id", ContentType: streams.JSON, Data: []byte("\xff\x00"),
		Header: map[string]string{streams.HeaderTraceParent: "00-1-2-01"},
	})
	var firstSeen atomic.Pointer[streams.Message]
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		if again := firstSeen.Load() != nil; again != (in.Retry != "") {
			t.Errorf("handed over once more: %t, by %q", again, in.Retry)
		}
		if firstSeen.CompareAndSwap(nil, &in) {
			return nil, sluice.Poison(sluice.ReasonUndecodable, errBad)
		}
		was := firstSeen.Load()
		if in.Stream != was.Stream || in.Subject != was.Subject || in.Sequence != was.Sequence || in.ID != was.ID || string(in.Data) != string(was.Data) ||
			in.ContentType != was.ContentType || !in.StoredAt.Equal(was.StoredAt) || in.Header[streams.HeaderTraceParent] == "" || in.Deliveries < 1 {
			t.Errorf("handed\n%+v, was\n%+v", in, was)
		}
		return copies(ctx, in)
	}))
	r.until(sluice.ClassPoison)
	again := replay(t, letters(t, js)[0])
	put(t, js, again)
	put(t, js, again) // Invariant 8
	r.acked(1)
	r.stop()
	if n, calls := count(t, js, streams.StreamAnswers), r.runner.Stats().Handled; n != 1 || calls != 2 {
		t.Errorf("%d outputs of %d calls", n, calls)
	}
}

func replay(t *testing.T, l streams.DeadLetter) streams.Message {
	t.Helper()
	m, err := streams.ReplayMessage(l)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAReplayThatDiesAgainIsAnotherLetterAndCanBeReplayedAgain(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	r := start(t, js, stage(failing(2, sluice.Terminal(sluice.ReasonRefused, errBad))))
	r.until(sluice.ClassTerminal)
	dead, err := js.Stream(t.Context(), streams.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	put(t, js, replay(t, letters(t, js)[0]))
	if err := dead.DeleteMsg(t.Context(), 1); err != nil { // as "dead replay" does
		t.Fatal(err)
	}
	r.until(sluice.ClassTerminal)
	second := letters(t, js)
	if len(second) != 1 || second[0].Retry == "" || second[0].Envelope.Stream != streams.StreamQueries {
		t.Fatalf("letters %+v", second)
	}
	put(t, js, replay(t, second[0]))
	r.acked(1)
	if n := count(t, js, streams.StreamAnswers); n != 1 {
		t.Errorf("%d outputs", n)
	}
}

func TestAReplayHasItsAttemptsAnew(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	r := start(t, js, stage(failing(5, errBad)))
	if before := r.until(sluice.ClassExhausted); before != 2 {
		t.Errorf("died after %d failures", before)
	}
	put(t, js, replay(t, letters(t, js)[0]))
	failed := 0
	for s := r.next(); s.Class != ""; s = r.next() {
		if s.Class != sluice.ClassWait { // until the server has heard of its original's death
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d failures of the replay", failed)
	}
}

func TestARetryThatCantBeReadIsPoison(t *testing.T) {
	js := natstest.Log(t)
	subject := streams.RetrySubject("copy", "x")
	put(t, js, streams.Message{Subject: subject, ID: subject, Data: []byte("{}")})
	r := start(t, js, stage(copies))
	r.until(sluice.ClassPoison)
	if dead := letters(t, js); len(dead) != 1 || dead[0].Reason != sluice.ReasonUndecodable || dead[0].Envelope.Subject != subject || string(dead[0].Envelope.Data) != "{}" {
		t.Errorf("letters %+v", dead)
	}
}

func TestARetryOfBytesThatAreGoneIsPoison(t *testing.T) {
	js := natstest.Log(t)
	m, err := streams.RetryMessage("copy", "1", streams.Envelope{Stream: streams.StreamQueries, Subject: "queries.asked.test", Sequence: 9, ByReference: true})
	if err != nil {
		t.Fatal(err)
	}
	put(t, js, m)
	r := start(t, js, stage(copies))
	r.until(sluice.ClassPoison)
	if dead := letters(t, js); len(dead) != 1 || dead[0].Reason != sluice.ReasonUndecodable {
		t.Errorf("letters %+v", dead)
	}
}

func TestAStageGetsItsOwnRetriesOnly(t *testing.T) {
	js := natstest.Log(t)
	for _, name := range []string{"other", "copy"} {
		m, err := streams.RetryMessage(name, "1", streams.Envelope{Stream: streams.StreamQueries, Sequence: 1, Data: []byte(name)})
		if err != nil {
			t.Fatal(err)
		}
		put(t, js, m)
	}
	r := start(t, js, stage(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
		if string(in.Data) != "copy" {
			t.Errorf("handed the retry of %s", in.Data)
		}
		return nil, nil
	}))
	r.acked(1)
	r.stop()
	if n := r.runner.Stats().Received; n != 1 {
		t.Errorf("received %d", n)
	}
}
