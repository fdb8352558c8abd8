package operate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/operate"
	"sluice/streams"
)

func publisher(t *testing.T, js jetstream.JetStream) *streams.Publisher {
	t.Helper()
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// bury puts a dead letter of message n into the log.
func bury(t *testing.T, p *streams.Publisher, stage string, reason sluice.Reason, n int, died time.Time) streams.DeadLetter {
	t.Helper()
	letter := streams.DeadLetter{
		Envelope: streams.Envelope{
			Stream: streams.StreamQueries, Subject: "queries.asked.web", Sequence: uint64(n), ID: fmt.Sprintf("q%d", n),
			Data: []byte(`{"query":"why?"}`), StoredAt: died.Add(-time.Minute),
		},
		Stage: stage, Durable: stage + "-v1", Class: sluice.ClassPoison, Reason: reason, Error: "broken", Attempts: 1, DiedAt: died,
	}
	publish(t, p, must(t)(streams.DeadMessage(letter)))
	return letter
}

func publish(t *testing.T, p *streams.Publisher, msgs ...streams.Message) {
	t.Helper()
	if _, err := p.Publish(t.Context(), msgs); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T) func(streams.Message, error) streams.Message {
	t.Helper()
	return func(m streams.Message, err error) streams.Message {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

func messages(t *testing.T, js jetstream.JetStream, stream string) uint64 {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func letters(t *testing.T, js jetstream.JetStream, s operate.Selection) []operate.Letter {
	t.Helper()
	got, err := operate.Letters(t.Context(), js, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLettersAreChosenByStageReasonTimeAndID(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	now := time.Now().UTC()
	for n := range 4 {
		bury(t, p, "intake", sluice.ReasonEmptyQuery, n, now)
	}
	bury(t, p, "intake", sluice.ReasonUndecodable, 4, now)
	odd := bury(t, p, "judge", sluice.ReasonUnparseable, 5, now)
	for name, c := range map[string]struct {
		s    operate.Selection
		want int
	}{
		"all":              {operate.Selection{}, 6},
		"a stage":          {operate.Selection{Stage: "intake"}, 5},
		"a reason":         {operate.Selection{Reason: sluice.ReasonEmptyQuery}, 4},
		"both":             {operate.Selection{Stage: "judge", Reason: sluice.ReasonEmptyQuery}, 0},
		"since then":       {operate.Selection{Since: now.Add(-time.Hour)}, 6},
		"since tomorrow":   {operate.Selection{Since: now.Add(24 * time.Hour)}, 0},
		"an id":            {operate.Selection{IDs: []string{odd.ID()}}, 1},
		"an id's begin":    {operate.Selection{IDs: []string{odd.ID()[:10]}}, 1},
		"id of that stage": {operate.Selection{Stage: "judge", IDs: []string{odd.ID()}}, 1},
	} {
		if got := letters(t, js, c.s); len(got) != c.want {
			t.Errorf("%s: %d letters, want %d", name, len(got), c.want)
		}
	}
	if _, err := operate.Letters(t.Context(), js, operate.Selection{IDs: []string{"zzz"}}); err == nil {
		t.Error("an id that is not there is no error")
	}
	if _, err := operate.Letters(t.Context(), js, operate.Selection{Stage: "a.b >"}); err == nil {
		t.Error("a stage with wildcards is no error")
	}
}

func TestReplayingTwiceIsReplayingOnce(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	letter := bury(t, p, "judge", sluice.ReasonUnparseable, 1, time.Now().UTC())
	chosen := letters(t, js, operate.Selection{})

	// The process dies between the hand-over and the deletion.
	publish(t, p, must(t)(streams.ReplayMessage(letter)))
	for range 2 {
		if n, err := operate.Revive(t.Context(), js, p, chosen); err != nil || n != 1 {
			t.Fatalf("replay: %d, %v", n, err)
		}
	}
	if got := messages(t, js, streams.StreamRetries); got != 1 {
		t.Errorf("%d hand-overs, want 1", got)
	}
	if got := letters(t, js, operate.Selection{}); len(got) != 0 {
		t.Errorf("%d letters left", len(got))
	}
	// A second death of the same message is another letter and may be replayed again.
	again := letter
	again.Retry = "the hand-over"
	publish(t, p, must(t)(streams.DeadMessage(again)))
	if _, err := operate.Revive(t.Context(), js, p, letters(t, js, operate.Selection{})); err != nil {
		t.Fatal(err)
	}
	if got := messages(t, js, streams.StreamRetries); got != 2 {
		t.Errorf("%d hand-overs, want 2", got)
	}
}

func TestDroppingDeletesAndHandsNothingOver(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	bury(t, p, "judge", sluice.ReasonUnparseable, 1, time.Now().UTC())
	bury(t, p, "answer", sluice.ReasonRefused, 2, time.Now().UTC())
	chosen := letters(t, js, operate.Selection{Stage: "judge"})
	for range 2 {
		if n, err := operate.Drop(t.Context(), js, chosen); err != nil || n != 1 {
			t.Fatalf("drop: %d, %v", n, err)
		}
	}
	left := letters(t, js, operate.Selection{})
	if len(left) != 1 || left[0].Stage != "answer" || messages(t, js, streams.StreamRetries) != 0 {
		t.Errorf("left %+v, %d hand-overs", left, messages(t, js, streams.StreamRetries))
	}
}

// junk stores bytes in DEAD that are no letter and returns their sequence.
func junk(t *testing.T, js jetstream.JetStream, subject, data string) uint64 {
	t.Helper()
	ack, err := js.Publish(t.Context(), subject, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func TestOneUndecodableLetterHidesNoOtherAndCanBeShownAndDropped(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	bury(t, p, "judge", sluice.ReasonUnparseable, 1, time.Now().UTC())
	under := map[uint64]string{ // each of another kind of unreadable
		junk(t, js, "dead.judge.unparseable.abc", "\xc1 MARKER"): "judge",
		junk(t, js, "dead.x", "MARKER"):                          "",
		junk(t, js, "dead.judge.refused.empty", "\x80"):          "judge",
	}
	good := bury(t, p, "answer", sluice.ReasonRefused, 2, time.Now().UTC())

	all := letters(t, js, operate.Selection{})
	if len(all) != 5 {
		t.Fatalf("%d letters, want 5: %+v", len(all), all)
	}
	for _, l := range all {
		stage, bad := under[l.Sequence]
		if l.Undecodable != bad {
			t.Errorf("letter %s at %d: undecodable %v", l.ID, l.Sequence, l.Undecodable)
		}
		if !bad {
			continue
		}
		if l.ID != fmt.Sprintf("undecodable-%d", l.Sequence) || l.Stage != stage || l.DiedAt.IsZero() || !strings.Contains(l.Error, "undecodable") {
			t.Errorf("shown as %+v", l)
		}
		if found, err := operate.Find(t.Context(), js, l.ID); err != nil || found.Sequence != l.Sequence || len(found.Envelope.Data) == 0 {
			t.Errorf("found %+v, %v", found, err)
		}
	}
	if newest, total, err := operate.Newest(t.Context(), js, 3); err != nil || total != 5 || len(newest) != 3 || newest[0].ID != good.ID() {
		t.Errorf("the newest are %+v of %d, %v", newest, total, err)
	}
	// The stage's own selection sees those that lie under its name.
	if got := letters(t, js, operate.Selection{Stage: "judge"}); len(got) != 3 {
		t.Errorf("%d letters of judge, want 3", len(got))
	}

	n, err := operate.Revive(t.Context(), js, p, all)
	if n != 2 || !errors.Is(err, operate.ErrUndecodable) || messages(t, js, streams.StreamRetries) != 2 {
		t.Errorf("replayed %d, %v; %d hand-overs", n, err, messages(t, js, streams.StreamRetries))
	}
	left := letters(t, js, operate.Selection{})
	if len(left) != 3 {
		t.Errorf("%d letters left, want the undecodable ones", len(left))
	}
	one := letters(t, js, operate.Selection{IDs: []string{left[0].ID}})
	if n, err := operate.Drop(t.Context(), js, one); n != 1 || err != nil {
		t.Errorf("dropped %d, %v", n, err)
	}
	if _, err := operate.Find(t.Context(), js, left[0].ID); !errors.Is(err, operate.ErrNoLetter) {
		t.Errorf("the dropped one: %v", err)
	}
	if _, err := operate.Find(t.Context(), js, "undecodable-x"); !errors.Is(err, operate.ErrNoLetter) {
		t.Errorf("an id that is none: %v", err)
	}
}
