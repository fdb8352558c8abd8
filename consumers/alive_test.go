package consumers_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

// A sign of life for a message that was given back would have it wait for AckWait, and not for its own delay.
func TestNoSignOfLifeFollowsTheWordThatSettlesAMessage(t *testing.T) {
	js := natstest.Log(t)
	words, err := js.Conn().SubscribeSync("$JS.ACK.QUERIES.copy-v1.>")
	if err != nil {
		t.Fatal(err)
	}
	s := batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		results := copyAll(ctx, in)
		results[0] = streams.Result{Err: sluice.RetryAfter(errors.New("later"), time.Minute)}
		return results
	})
	s.Linger, s.Concurrency = time.Hour, 2
	release := make(chan struct{})
	start(t, js, s, impatient, func(c *consumers.Config) {
		c.Observe = func(s consumers.Settled) {
			if s.Err != nil {
				<-release // the other one of the batch is not settled yet
			}
		}
	})
	defer close(release)
	ask(t, js, 2)
	back := ""
	for others := 0; others < 2; {
		m, err := words.NextMsg(30 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		switch word := string(m.Data); {
		case strings.HasPrefix(word, "-NAK"):
			back = m.Subject
		case m.Subject == back:
			t.Errorf("%s after it was given back", word)
		case back != "":
			others++
		}
	}
}
