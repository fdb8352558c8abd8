package consumers_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

// begins starts a copy of the stage by the terms, waits until it asks for messages, and returns what its log says.
func begins(t *testing.T, js jetstream.JetStream, terms string) (r *running, said string) {
	t.Helper()
	var log strings.Builder
	s := stage(copies)
	s.Terms = terms
	begun := make(chan struct{})
	r = start(t, js, s, func(c *consumers.Config) {
		c.Log, c.Begun = slog.New(slog.NewTextHandler(&log, nil)), func() { said = log.String(); close(begun) }
	})
	<-begun
	wait(t, "it asks for messages", func() bool {
		c, err := js.Consumer(t.Context(), streams.StreamRetries, streams.DurableName("copy", "v1", "retries"))
		return err == nil && c.CachedInfo().NumWaiting > 0
	})
	return r, said
}

// Half of the answers judged by one version of the judge and half by another make few labels.
func TestACopyThatWorksByAnotherConfigurationIsToldOf(t *testing.T) {
	server := natstest.Start(t)
	a, b, c, d := server.JetStream(), server.JetStream(), server.JetStream(), server.JetStream()
	natstest.Apply(t, a, natstest.Options())
	first, said := begins(t, a, "version v1")
	if said != "" {
		t.Errorf("the first copy: %s", said)
	}
	second, said := begins(t, b, "version v1")
	if said != "" {
		t.Errorf("one that agrees: %s", said)
	}
	third, said := begins(t, c, "version v2")
	if !strings.Contains(said, "another configuration") || !strings.Contains(said, `ours="version v2"`) || !strings.Contains(said, `theirs="version v1"`) {
		t.Errorf("one that differs: %s", said)
	}
	first.stop()
	second.stop()
	third.stop()
	wait(t, "nobody asks", func() bool { return info(t, a).NumWaiting == 0 })
	if _, said := begins(t, d, "version v3"); said != "" {
		t.Errorf("after all have stopped: %s", said)
	}
}
