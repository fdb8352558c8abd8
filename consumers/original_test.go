package consumers_test

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

// again hands a message of QUERIES to the stage once more.
func again(t *testing.T, id, subject string, sequence uint64) streams.Message {
	t.Helper()
	m, err := streams.RetryMessage("copy", id, streams.Envelope{Stream: streams.StreamQueries, Subject: subject, Sequence: sequence, ID: "q"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// held is a stage whose calls wait to be let go. A message that comes while it is in hand already is an error, and is
// not held.
type held struct {
	t       *testing.T
	entered chan uint64
	letGo   chan struct{}
	now     [10]atomic.Int64
}

func hold(t *testing.T) *held {
	t.Helper()
	return &held{t: t, entered: make(chan uint64, 10), letGo: make(chan struct{})}
}

func (h *held) handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	defer h.now[in.Sequence].Add(-1)
	if h.now[in.Sequence].Add(1) > 1 {
		h.t.Errorf("message %d is in hand twice at once", in.Sequence)
		return nil, nil
	}
	h.entered <- in.Sequence
	select {
	case <-h.letGo:
	case <-ctx.Done():
	}
	return []streams.Message{copyOf(in)}, nil
}

// Side by side both would look for an answer, find none, and buy one each.
func TestAReplayWaitsUntilItsOriginalIsSettledWhoeverHasIt(t *testing.T) {
	js := natstest.Log(t)
	h := hold(t)
	ask(t, js, 2)
	one := func(c *consumers.Config) { c.Stage.Attempts = 1 }
	both := start(t, js, stage(h.handle), one, func(c *consumers.Config) { c.Stage.Concurrency = 2 })
	<-h.entered
	<-h.entered
	start(t, js, stage(h.handle), one, func(c *consumers.Config) { c.Observe = func(s consumers.Settled) { both.settled <- s } })
	put(t, js, again(t, "1", "queries.asked.test", 2))
	for range 3 { // as often as it has attempts, and more
		if s := both.next(); s.Class != sluice.ClassWait {
			t.Fatalf("the replay was settled beside its original: %+v", s)
		}
	}
	close(h.letGo)
	both.acked(3) // whichever copy has room again gets the replay
	if dead := letters(t, js); len(dead) != 0 {
		t.Errorf("letters %+v", dead)
	}
}

// What no input of the stage reads has no original that could come, and what is under way in one lane is none of a
// message's of another one.
func TestAReplayWaitsForNothingElse(t *testing.T) {
	js := natstest.Log(t)
	h := hold(t)
	s := stage(h.handle)
	s.Inputs = []consumers.Input{
		{Stream: streams.StreamQueries, Durable: "copy-v1-urgent", Filters: []string{"queries.asked.urgent"}},
		{Stream: streams.StreamQueries, Durable: "copy-v1-normal", Filters: []string{"queries.asked.*.normal"}},
	}
	put(t, js, streams.Message{Subject: "queries.asked.urgent", Data: []byte("1")}, streams.Message{Subject: "queries.asked.a.normal", Data: []byte("2")})
	r := start(t, js, s)
	<-h.entered
	h.letGo <- struct{}{}
	r.acked(1)
	<-h.entered // the other one stays in hand
	settled, lane := uint64(1), "queries.asked.urgent"
	if h.now[1].Load() > 0 {
		settled, lane = 2, "queries.asked.a.normal"
	}
	put(t, js, again(t, "1", lane, settled), again(t, "2", "queries.asked.elsewhere", 9))
	got := []uint64{<-h.entered, <-h.entered}
	slices.Sort(got)
	if !slices.Equal(got, []uint64{settled, 9}) {
		t.Errorf("handed %v, want %d and 9", got, settled)
	}
	close(h.letGo)
	r.acked(3)
}

// Its letters outlive a stream that is made anew, whose messages count from one again.
func TestAReplayOfWhatTheStreamNeverHadWaitsForNobody(t *testing.T) {
	js := natstest.Log(t)
	h := hold(t)
	ask(t, js, 3)
	r := start(t, js, stage(h.handle), func(c *consumers.Config) { c.Stage.Concurrency = 3; c.MaxAckPending = 2 })
	<-h.entered
	<-h.entered // the third is pending
	put(t, js, again(t, "1", "queries.asked.test", 9))
	if got := <-h.entered; got != 9 {
		t.Errorf("handed %d, want 9", got)
	}
	close(h.letGo)
	r.acked(4)
}

func TestReplaysOfWhatIsSettledAskHowFarTheStageIsOnce(t *testing.T) {
	js := natstest.Log(t)
	const n = 20
	ask(t, js, n)
	r := start(t, js, stage(copies))
	r.acked(n)
	quiet(t, js)
	asked, err := js.Conn().SubscribeSync("$JS.API.CONSUMER.INFO." + streams.StreamQueries + ".>")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		put(t, js, again(t, strconv.Itoa(i), "queries.asked.test", n-uint64(i)))
		r.acked(1)
	}
	if err := js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	if got, _, err := asked.Pending(); err != nil || got != 1 {
		t.Errorf("asked %d times for %d replays, want once: %v", got, n, err)
	}
}

// sluice replay twice: two hand-overs of one message, none of which is its original.
func TestTwoReplaysOfOneMessageAreHandledOneAfterTheOther(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 3)
	first := start(t, js, stage(func(context.Context, streams.Message) ([]streams.Message, error) { return nil, nil }))
	first.acked(3)
	first.stop()
	quiet(t, js)
	s := shops(t, js)[0]
	both := s.at()
	both.Concurrency = 3
	r := start(t, js, both)
	put(t, js, again(t, "1", "queries.asked.test", 2), again(t, "2", "queries.asked.test", 2), again(t, "1", "queries.asked.test", 3))
	if a, b := <-s.entered, <-s.entered; a+b != 5 {
		t.Errorf("messages %d and %d are in hand, want 2 and 3", a, b)
	}
	r.until(sluice.ClassWait)
	close(s.letGo)
	r.acked(3)
	if n := s.bought.Load(); n != 2 {
		t.Errorf("bought %d times, want 2", n)
	}
}

// What is stored is bought by nobody, whoever has the original in hand.
func TestAReplayOfWhatIsStoredWaitsForNobody(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 2)
	s := shops(t, js)[0]
	both := s.at()
	both.Concurrency = 3
	r := start(t, js, both)
	<-s.entered
	<-s.entered
	put(t, js, copyOf(streams.Message{Sequence: 2}), again(t, "1", "queries.asked.test", 2))
	r.acked(1)
	close(s.letGo)
	r.acked(2)
}

// tardy is a shop for which the second message comes too late by its own way.
type tardy struct{ *shop }

func (s tardy) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	if in.Sequence == 2 && in.Retry == "" {
		return nil, sluice.Terminal(sluice.ReasonExpired, errBad)
	}
	return s.shop.Handle(ctx, in)
}

// What is asked anew once its time has run out waits for its own last copy, and not for whatever else the stage has in
// hand: that one will buy nothing when its turn comes, or has died of it, or is in hand since before.
func TestWhatIsAskedAnewWaitsForNothingButItsOwnCopy(t *testing.T) {
	for name, c := range map[string]struct {
		pending  int // at most, of the stage's input
		sequence uint64
		waits    bool
	}{
		"the copy has died":           {100, 2, false},
		"the copy's turn is to come":  {1, 2, false},
		"the copy is in hand for now": {100, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			js := natstest.Log(t)
			s := shops(t, js)[0]
			st := s.at()
			st.Handler, st.Concurrency = tardy{s}, 3
			r := start(t, js, st, func(cfg *consumers.Config) { cfg.MaxAckPending = c.pending })
			ask(t, js, 2)
			<-s.entered
			e := streams.Envelope{Stream: streams.StreamQueries, Subject: "queries.asked.test", Sequence: c.sequence, ID: "q"}
			if c.pending > 1 {
				r.until(sluice.ClassTerminal)
				if c.sequence == 2 {
					e = letters(t, js)[0].Envelope
				}
			}
			e.Until = time.Now().Add(-time.Second)
			m, err := streams.RetryMessage("copy", "anew", e)
			if err != nil {
				t.Fatal(err)
			}
			put(t, js, m)
			if c.waits {
				r.until(sluice.ClassWait)
			} else if got := <-s.entered; got != 2 {
				t.Errorf("handed %d", got)
			}
			close(s.letGo)
			r.acked(2)
		})
	}
}
