package consumers_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

// heard collects the ids that a runner says are stored.
type heard struct {
	mu  sync.Mutex
	ids []string
}

func (h *heard) listen(c *consumers.Config) {
	c.Billed = func(id string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ids = append(h.ids, id)
	}
}

func (h *heard) sorted() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(slices.Values(h.ids))
}

func lineOf(t *testing.T, id string, outcome sluice.Outcome) streams.Message {
	t.Helper()
	m, err := streams.BilledFact(sluice.Call{ID: id, Stage: "copy", Provider: "p", Model: "m", Attempt: 1, StartedAt: time.Now().UTC(), Outcome: outcome})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheLinesOfCallsThatAShutdownGaveUpAreStored(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	began := make(chan struct{})
	s := stage(func(ctx context.Context, _ streams.Message) ([]streams.Message, error) {
		close(began)
		<-ctx.Done()
		return []streams.Message{lineOf(t, "given-up", sluice.OutcomeCanceled)}, context.Cause(ctx)
	})
	var h heard
	r := start(t, js, s, h.listen, func(c *consumers.Config) { c.Grace = time.Millisecond })
	<-began
	r.stop()
	if s := r.next(); s.Class != sluice.ClassInterrupted {
		t.Errorf("%+v", s)
	}
	if n := count(t, js, streams.StreamCalls); n != 1 {
		t.Errorf("the ledger has %d lines", n)
	}
	if got := h.sorted(); !slices.Equal(got, []string{"given-up"}) {
		t.Errorf("stored, it is said: %v", got)
	}
}

func TestWhoListensHearsOfEveryStoredLineAndOfNothingElse(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 3)
	s := stage(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
		switch in.Sequence {
		case 1:
			return []streams.Message{lineOf(t, "of-an-answer", sluice.OutcomeOK), copyOf(in)}, nil
		case 2:
			return []streams.Message{lineOf(t, "of-a-failure", sluice.OutcomeTimeout)}, sluice.Terminal(sluice.ReasonRefused, errors.New("never"))
		}
		return []streams.Message{copyOf(in)}, nil
	})
	var h heard
	r := start(t, js, s, h.listen)
	for range 3 {
		r.next()
	}
	if got := h.sorted(); !slices.Equal(got, []string{"of-a-failure", "of-an-answer"}) {
		t.Errorf("stored, it is said: %v", got)
	}
}
