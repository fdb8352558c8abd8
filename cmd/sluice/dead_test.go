package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/config"
	"sluice/consumers/notify"
	"sluice/internal/natstest"
	"sluice/streams"
)

// logged is a program on a log of its own, with letters in DEAD.
func logged(t *testing.T, letters ...streams.DeadLetter) (*program, jetstream.JetStream) {
	t.Helper()
	server := natstest.Start(t)
	js := server.JetStream()
	natstest.Apply(t, js, streams.DefaultOptions())
	pub, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pub.Close() }()
	for _, l := range letters {
		m, err := streams.DeadMessage(l)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pub.Publish(t.Context(), []streams.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	p := newProgram(t)
	p.env["NATS_URL"] = server.URL()
	return p, js
}

func TestAStageOrReasonThatThereIsNoneOfChoosesNoLettersAndSaysWhichThereAre(t *testing.T) {
	t.Parallel()
	p, _ := logged(t,
		streams.DeadLetter{Envelope: streams.Envelope{Stream: streams.StreamAnswers, Sequence: 1}, Stage: "judge", Reason: sluice.ReasonExhausted},
		streams.DeadLetter{Envelope: streams.Envelope{Stream: streams.StreamAnswers, Sequence: 2}, Stage: "rerank", Reason: "quota"}) // another version's
	for _, command := range []string{"list", "show", "replay", "drop"} {
		for flag, there := range map[string]string{
			"--reason=exhaust": `"exhausted", `, "--stage=jugde": `"judge", `, "--reason=Exhausted": `"quota"`, "--stage=rerank2": `"rerank"`,
		} {
			if _, errs, status := p.run("dead", command, flag); status != statusUsage || !strings.Contains(errs, there) {
				t.Errorf("dead %s %s: status %d, want %s in\n%s", command, flag, status, there, errs)
			}
		}
	}
	for _, flag := range []string{"--reason=quota", "--stage=rerank", "--reason=exhausted"} {
		if _, errs, status := p.run("dead", "list", flag); status != statusDone || !strings.Contains(errs, "1 dead letter") {
			t.Errorf("%s: status %d\n%s", flag, status, errs)
		}
	}
	// What this version knows is no wrong word where nothing died of it, and what a letter of another one names is none
	// where nothing died of it since.
	flags := []string{"--stage=" + notify.Name, "--stage=rerank", "--reason=quota"}
	for _, s := range config.Default().Stages.All() {
		flags = append(flags, "--stage="+s.Name)
	}
	for _, r := range sluice.Reasons() {
		flags = append(flags, "--reason="+string(r))
	}
	for _, flag := range flags {
		if _, errs, status := p.run("dead", "list", "--since=2099-01-01", flag); status != statusDone || !strings.Contains(errs, "0 dead letters") {
			t.Errorf("%s: status %d\n%s", flag, status, errs)
		}
	}
}

// Whoever typed it is told, where a stage would wait for room.
func TestAReplayOfLettersEndsWhereTheLogIsFull(t *testing.T) {
	t.Parallel()
	p, js := logged(t,
		streams.DeadLetter{Envelope: streams.Envelope{Stream: streams.StreamAnswers, Sequence: 1}, Stage: "judge", Reason: sluice.ReasonExhausted},
		streams.DeadLetter{Envelope: streams.Envelope{Stream: streams.StreamAnswers, Sequence: 2}, Stage: "judge", Reason: sluice.ReasonExhausted})
	retries, err := js.Stream(t.Context(), streams.StreamRetries)
	if err != nil {
		t.Fatal(err)
	}
	c := retries.CachedInfo().Config
	c.MaxMsgs = 1
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	_, errs, status := p.run("dead", "replay", "--all")
	if status != statusFailed || !strings.Contains(errs, "1 of 2 dead letters handed") || !strings.Contains(errs, "stream RETRIES is full") {
		t.Errorf("status %d\n%s", status, errs)
	}
}
