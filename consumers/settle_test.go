package consumers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

var errBad = errors.New("bad luck")

// failing fails as often as told, then copies.
func failing(times int, err error) handlerFunc {
	var calls atomic.Int64
	return func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		if calls.Add(1) <= int64(times) {
			return nil, err
		}
		return copies(ctx, in)
	}
}

func TestTheFateOfAMessage(t *testing.T) {
	cases := map[string]struct {
		handle handlerFunc
		// failures is how often it fails before the end, end the class of the end (empty: handled).
		failures int
		end      sluice.Class
		// attempts is what is spent, reason what the letter says.
		attempts int
		reason   sluice.Reason
	}{
		"handled":                  {copies, 0, "", 0, ""},
		"retryable, then handled":  {failing(2, errBad), 2, "", 2, ""},
		"retryable to the end":     {failing(99, errBad), 2, sluice.ClassExhausted, 3, sluice.ReasonExhausted},
		"retryable with a reason":  {failing(99, sluice.WithReason(sluice.ReasonUnparseable, errBad)), 2, sluice.ClassExhausted, 3, sluice.ReasonUnparseable},
		"a canceled call is a try": {failing(99, context.Canceled), 2, sluice.ClassExhausted, 3, sluice.ReasonExhausted},
		"wait spends nothing":      {failing(15, sluice.RetryAfter(errBad, time.Millisecond)), 15, "", 0, ""},
		"stale spends nothing":     {failing(12, sluice.Stale(errBad)), 12, "", 0, ""},
		"terminal":                 {failing(99, sluice.Terminal(sluice.ReasonExpired, errBad)), 0, sluice.ClassTerminal, 0, sluice.ReasonExpired},
		"poison":                   {failing(99, sluice.Poison(sluice.ReasonUndecodable, errBad)), 0, sluice.ClassPoison, 0, sluice.ReasonUndecodable},
		"an impossible reason":     {failing(99, sluice.Terminal("a.b > c", errBad)), 0, sluice.ClassTerminal, 0, sluice.ReasonInvalidField},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			js := natstest.Log(t)
			ask(t, js, 1)
			r := start(t, js, stage(c.handle))
			if before := r.until(c.end); before != c.failures {
				t.Errorf("failed %d times before the end, want %d", before, c.failures)
			}
			r.stop()
			quiet(t, js)
			if got := attempts(t, js)[1]; c.end == "" && got != c.attempts {
				t.Errorf("%d attempts spent, want %d", got, c.attempts)
			}
			if c.end == "" {
				if n := count(t, js, streams.StreamAnswers); n != 1 {
					t.Errorf("%d outputs", n)
				}
				return
			}
			dead := letters(t, js)
			if len(dead) != 1 {
				t.Fatalf("%d letters", len(dead))
			}
			l := dead[0]
			if l.Class != c.end || l.Reason != c.reason || l.Attempts != c.attempts || l.Stage != "copy" || l.Durable != "copy-v1" ||
				string(l.Envelope.Data) != "0" || l.Envelope.Sequence != 1 || l.DiedAt.IsZero() || l.Error == "" {
				t.Errorf("letter %+v", l)
			}
		})
	}
}

func TestMessagesThatWaitAreToldOfOnceInAWhile(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	var said bytes.Buffer // read when the runner is done
	r := start(t, js, stage(failing(15, sluice.RetryAfter(errBad, time.Millisecond))), func(c *consumers.Config) {
		c.Log = slog.New(slog.NewTextHandler(&said, nil))
	})
	r.until("")
	r.stop()
	if n := strings.Count(said.String(), "messages wait"); n != 1 || !strings.Contains(said.String(), errBad.Error()) {
		t.Errorf("told %d times:\n%s", n, said.String())
	}
}

func TestAttemptsAreCountedAcrossWorkers(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	for range 2 {
		r := start(t, js, stage(failing(1, errBad)), func(c *consumers.Config) {
			c.Backoff = func(int) time.Duration { return 50 * time.Millisecond }
		})
		r.until(sluice.ClassRetryable)
		r.stop()
	}
	r := start(t, js, stage(failing(1, errBad)))
	r.until(sluice.ClassExhausted)
	r.stop()
	if dead := letters(t, js); len(dead) != 1 || dead[0].Attempts != 3 {
		t.Errorf("letters %+v", dead)
	}
}

func TestOutputsAreStoredBeforeTheErrorSettles(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	r := start(t, js, stage(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
		return []streams.Message{copyOf(in)}, sluice.Terminal(sluice.ReasonRefused, errBad)
	}))
	r.until(sluice.ClassTerminal)
	if answers, dead := count(t, js, streams.StreamAnswers), len(letters(t, js)); answers != 1 || dead != 1 {
		t.Errorf("%d outputs and %d letters", answers, dead)
	}
}

func TestAPanicIsADeadLetterAndHarmsNobodyElse(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 20)
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		if in.Sequence == 7 {
			panic("seven")
		}
		return copies(ctx, in)
	}))
	for handled, died := 0, 0; handled < 19 || died < 1; {
		switch s := r.next(); s.Class {
		case "":
			handled++
		case sluice.ClassPoison:
			died++
		default:
			t.Fatalf("%+v", s)
		}
	}
	dead := letters(t, js)
	if len(dead) != 1 || dead[0].Reason != sluice.ReasonPanic || dead[0].Envelope.Sequence != 7 {
		t.Fatalf("letters %+v", dead)
	}
	if l := dead[0]; !strings.Contains(l.Error, "seven") || strings.Contains(l.Error, ".go:") {
		t.Errorf("the letter says %q", l.Error)
	}
}

func TestDeliveriesThatEndWithoutAWordAreACrashLoop(t *testing.T) {
	s := natstest.Start(t)
	js := s.JetStream()
	natstest.Apply(t, js, natstest.Options())
	ask(t, js, 1)
	crashes(t, js, 4)
	var called atomic.Bool
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		called.Store(true)
		return copies(ctx, in)
	}), impatient, func(c *consumers.Config) { c.CrashLoop = 4 })
	r.until(sluice.ClassPoison)
	if dead := letters(t, js); len(dead) != 1 || dead[0].Reason != sluice.ReasonCrashLoop || called.Load() {
		t.Errorf("letters %+v, handled %v", dead, called.Load())
	}
}

func TestFewerCrashesThanALoopAreForgiven(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	crashes(t, js, 3)
	r := start(t, js, stage(copies), impatient, func(c *consumers.Config) { c.CrashLoop = 4 })
	if before := r.until(""); before != 0 {
		t.Errorf("%d failures", before)
	}
}

func TestAnOutputThatCanNeverBeStoredIsTerminal(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	r := start(t, js, stage(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
		out := copyOf(in)
		out.Data = make([]byte, 2<<20)
		return []streams.Message{out}, nil
	}))
	r.until(sluice.ClassTerminal)
	if dead := letters(t, js); len(dead) != 1 || dead[0].Reason != sluice.ReasonTooLarge {
		t.Errorf("letters %+v", dead)
	}
}

func TestAMessageTooLargeToWrapIsBuriedByReferenceAndReplayed(t *testing.T) {
	js := natstest.Log(t)
	put(t, js, streams.Message{Subject: "queries.asked.test", Data: make([]byte, 1<<20-200)})
	var calls atomic.Int64
	r := start(t, js, stage(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
		if calls.Add(1) == 1 {
			return nil, sluice.Poison(sluice.ReasonTooLarge, errBad)
		}
		if len(in.Data) != 1<<20-200 || in.Stream != streams.StreamQueries || in.Sequence != 1 {
			t.Errorf("handed %d bytes of %s %d", len(in.Data), in.Stream, in.Sequence)
		}
		return nil, nil
	}))
	r.until(sluice.ClassPoison)
	dead := letters(t, js)
	if len(dead) != 1 || !dead[0].Envelope.ByReference || len(dead[0].Envelope.Data) != 0 {
		t.Fatalf("letters %+v", dead)
	}
	again, err := streams.ReplayMessage(dead[0])
	if err != nil {
		t.Fatal(err)
	}
	put(t, js, again)
	r.acked(1)
}

func TestAFullStreamNeitherSpendsAttemptsNorAsksTheStageAgain(t *testing.T) {
	js := natstest.Log(t)
	answers := configOf(t, js, streams.StreamAnswers)
	answers.MaxMsgs = 1
	if _, err := js.UpdateStream(t.Context(), answers); err != nil {
		t.Fatal(err)
	}
	ask(t, js, 5)
	longAgo, reached := make(chan struct{}), sync.Once{}
	p, err := streams.NewPublisher(js, streams.PublisherOptions{OnOutage: func(o streams.Outage) {
		if o.Round == 9 { // 10+20+...+1280 ms: well past AckWait
			reached.Do(func() { close(longAgo) })
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		calls.Add(1)
		return copies(ctx, in)
	}), func(c *consumers.Config) { c.Publisher, c.AckWait = p, 1500*time.Millisecond })
	<-longAgo
	answers.MaxMsgs = -1
	if _, err := js.UpdateStream(t.Context(), answers); err != nil {
		t.Fatal(err)
	}
	r.acked(5)
	r.stop()
	if s := r.runner.Stats(); calls.Load() != 5 || s.Redelivered != 0 || len(s.ByClass) != 0 || len(attempts(t, js)) != 0 {
		t.Errorf("%d calls, stats %+v", calls.Load(), s)
	}
	if n := count(t, js, streams.StreamAnswers); n != 5 {
		t.Errorf("%d outputs", n)
	}
}

func TestAnErrorsTextIsCleanBeforeItIsStored(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	r := start(t, js, stage(failing(1, sluice.Terminal(sluice.ReasonRefused, fmt.Errorf("a\x00b\xff %s", strings.Repeat("x", 5000))))))
	r.until(sluice.ClassTerminal)
	dead := letters(t, js)
	if len(dead) != 1 || !strings.HasPrefix(dead[0].Error, "ab ") || len(dead[0].Error) > 2048 {
		t.Errorf("letters %+v", dead)
	}
}
