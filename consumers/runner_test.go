package consumers_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

func configOf(t *testing.T, js jetstream.JetStream, stream string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

// crashes takes the stage's first message as many times as told and dies without a word each time.
func crashes(t *testing.T, js jetstream.JetStream, times int) jetstream.Msg {
	t.Helper()
	c, err := js.CreateOrUpdateConsumer(t.Context(), streams.StreamQueries, jetstream.ConsumerConfig{
		Durable: "copy-v1", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 20 * time.Millisecond, MaxDeliver: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	var last jetstream.Msg
	for range times {
		if last, err = c.Next(); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func TestALateAckOfAStaleWorkerHarmsNobody(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 2)
	stale := crashes(t, js, 1)
	r := start(t, js, stage(copies), impatient)
	r.acked(2)
	in, err := streams.FromDelivered(&nats.Msg{Subject: stale.Subject(), Reply: stale.Reply(), Header: stale.Headers(), Data: stale.Data()})
	if err != nil {
		t.Fatal(err)
	}
	put(t, js, copyOf(in))
	if err := stale.Ack(); err != nil {
		t.Fatal(err)
	}
	ask(t, js, 1)
	r.acked(1)
	r.stop()
	if n := count(t, js, streams.StreamAnswers); n != 3 {
		t.Errorf("%d outputs of 3 messages", n)
	}
	quiet(t, js)
}

func TestARedeliveryAfterTheDedupeWindowChangesNothing(t *testing.T) {
	js := natstest.Start(t).JetStream()
	o := natstest.Options()
	o.Duplicates = 100 * time.Millisecond
	natstest.Apply(t, js, o)
	ask(t, js, 10)
	r := start(t, js, stage(copies))
	r.acked(10)
	r.stop()
	windowPasses(t, js)
	if err := js.DeleteConsumer(t.Context(), streams.StreamQueries, "copy-v1"); err != nil {
		t.Fatal(err)
	}
	r = start(t, js, stage(copies))
	r.acked(10)
	if s := r.runner.Stats(); s.Outputs != 10 || s.New != 0 {
		t.Errorf("again: %d outputs confirmed, %d of them new", s.Outputs, s.New)
	}
	if n := count(t, js, streams.StreamAnswers); n != 10 {
		t.Errorf("%d outputs stored", n)
	}
}

// windowPasses publishes under one message id until the server has forgotten it.
func windowPasses(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for fresh := 0; fresh < 2; {
		ack, err := js.Publish(t.Context(), "queries.asked.other", nil, jetstream.WithMsgID("probe"))
		if err != nil {
			t.Fatal(err)
		}
		if !ack.Duplicate {
			fresh++
		}
	}
	s, err := js.Stream(t.Context(), streams.StreamQueries)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject("queries.asked.other")); err != nil {
		t.Fatal(err)
	}
}

func TestWorkLongerThanAckWaitIsNotDeliveredTwice(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 3)
	const ackWait = 2 * time.Second
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		timer := time.NewTimer(ackWait * 3 / 2) // a slow model
		defer timer.Stop()
		select {
		case <-timer.C:
			return copies(ctx, in)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}), func(c *consumers.Config) { c.AckWait = ackWait })
	r.acked(3)
	if s := r.runner.Stats(); s.Received != 3 || s.Redelivered != 0 {
		t.Errorf("%d deliveries, %d of them again", s.Received, s.Redelivered)
	}
}

func TestTheDeadlineEndsAHandlerAndSpendsAnAttempt(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	s := stage(func(ctx context.Context, _ streams.Message) ([]streams.Message, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	s.Deadline, s.Attempts = time.Millisecond, 2
	r := start(t, js, s)
	if before := r.until(sluice.ClassExhausted); before != 1 {
		t.Errorf("failed %d times before the end", before)
	}
}

func TestShutdownLetsWorkFinishWithinItsGrace(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	began, finish := make(chan struct{}), make(chan struct{})
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		close(began)
		<-finish
		return copies(ctx, in)
	}))
	<-began
	r.cancel()
	close(finish)
	r.stop()
	if s := r.next(); s.Class != "" {
		t.Errorf("%+v", s)
	}
	quiet(t, js)
	if n := count(t, js, streams.StreamAnswers); n != 1 {
		t.Errorf("%d outputs", n)
	}
}

func TestShutdownGivesBackWhatIsUnfinishedAtOnceAndSpendsNothing(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 4)
	var began sync.WaitGroup
	began.Add(4)
	s := stage(func(ctx context.Context, _ streams.Message) ([]streams.Message, error) {
		began.Done()
		<-ctx.Done()
		return nil, errors.New("the connection broke") // whatever a client makes of it
	})
	s.Attempts = 1
	r := start(t, js, s, func(c *consumers.Config) { c.Grace = time.Millisecond })
	began.Wait()
	r.stop()
	for range 4 {
		if s := r.next(); s.Class != sluice.ClassInterrupted {
			t.Errorf("%+v", s)
		}
	}
	// AckWait is a minute: they were given back. Each fails once more, and would be dead if the shutdown had spent
	// one of its two attempts.
	var failed sync.Map
	s = stage(func(ctx context.Context, m streams.Message) ([]streams.Message, error) {
		if _, again := failed.LoadOrStore(m.Sequence, true); !again {
			return nil, errors.New("not yet")
		}
		return copies(ctx, m)
	})
	s.Attempts = 2
	r = start(t, js, s)
	for range 8 {
		if s := r.next(); s.Class != "" && s.Class != sluice.ClassRetryable {
			t.Errorf("%+v", s)
		}
	}
	if s := r.runner.Stats(); s.Redelivered != 8 || s.Acked != 4 || len(letters(t, js)) != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestTwoRunnersShareTheWork(t *testing.T) {
	s := natstest.Start(t)
	js := s.JetStream()
	natstest.Apply(t, js, natstest.Options())
	ask(t, js, 500)
	a, b := start(t, s.JetStream(), stage(copies)), start(t, s.JetStream(), stage(copies))
	for range 500 {
		select {
		case s := <-a.settled:
			if s.Class != "" {
				t.Fatalf("%+v", s)
			}
		case s := <-b.settled:
			if s.Class != "" {
				t.Fatalf("%+v", s)
			}
		}
	}
	if n := count(t, js, streams.StreamAnswers); n != 500 {
		t.Errorf("%d outputs", n)
	}
}

func TestInputsAreReadInTheirOrderOfPreference(t *testing.T) {
	js := natstest.Log(t)
	for i, lane := range []string{"normal", "urgent"} {
		msgs := make([]streams.Message, 40)
		for k := range msgs {
			subject := streams.AcceptedSubject(lane, "k"+string(rune('a'+i))+strings.Repeat("x", k))
			msgs[k] = streams.Message{Subject: subject, ID: subject}
		}
		put(t, js, msgs...)
	}
	var mu sync.Mutex
	var order []string
	s := stage(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, strings.Split(in.Subject, ".")[2])
		return nil, nil
	})
	s.Concurrency = 2
	s.Inputs = []consumers.Input{
		{Stream: streams.StreamAccepted, Durable: "copy-v1-urgent", Filters: []string{"queries.accepted.urgent.>"}},
		{Stream: streams.StreamAccepted, Durable: "copy-v1-normal", Filters: []string{"queries.accepted.normal.>"}},
	}
	r := start(t, js, s)
	r.acked(80)
	mu.Lock()
	defer mu.Unlock()
	early := 0
	for _, lane := range order[:40] {
		if lane == "normal" {
			early++
		}
	}
	if early > 1 { // of the two places one may be slow with the last urgent message
		t.Fatalf("%d normal messages came before urgent ones: %v", early, order)
	}
}

func TestABusyInputDoesNotStarveRetries(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 400)
	// Of a stream that the stage does not read: what it reads would be waited for.
	retry, err := streams.RetryMessage("copy", "1", streams.Envelope{Stream: streams.StreamAccepted, Subject: "queries.accepted.normal.k", Sequence: 1, Data: []byte("retry")})
	if err != nil {
		t.Fatal(err)
	}
	put(t, js, retry)
	var handled, at atomic.Int64
	s := stage(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
		n := handled.Add(1)
		if string(in.Data) == "retry" {
			at.Store(n)
		}
		return nil, nil
	})
	s.Concurrency = 1
	r := start(t, js, s)
	r.acked(401)
	if at.Load() == 0 || at.Load() > 20 {
		t.Errorf("the retry was message %d of 401", at.Load())
	}
}

func TestAServerThatRestartsIsWaitedFor(t *testing.T) {
	s := natstest.Start(t)
	js := s.JetStream()
	natstest.Apply(t, js, natstest.Options())
	ask(t, js, 20)
	began, release := make(chan struct{}, 100), make(chan struct{})
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		began <- struct{}{}
		<-release
		return copies(ctx, in)
	}))
	<-began
	s.Stop()
	close(release)
	s.Start()
	put(t, s.JetStream(), streams.Message{Subject: "queries.asked.test", Data: []byte("later")})
	seen := map[uint64]bool{}
	for len(seen) < 21 {
		if s := r.next(); s.Class == "" {
			seen[s.Sequence] = true
		}
	}
	if n := count(t, js, streams.StreamAnswers); n != 21 {
		t.Errorf("%d outputs", n)
	}
}

func TestADurableThatIsDeletedIsMadeAgain(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	r := start(t, js, stage(copies))
	r.acked(1)
	if err := js.DeleteConsumer(t.Context(), streams.StreamQueries, "copy-v1"); err != nil {
		t.Fatal(err)
	}
	ask(t, js, 1)
	for seen := uint64(0); seen != 2; {
		seen = r.next().Sequence
	}
}

func TestAClusterThatLosesANodeDoesNotStopARunner(t *testing.T) {
	c := natstest.StartCluster(t, 3)
	js := c.JetStream()
	natstest.Apply(t, js, c.Options())
	ask(t, js, 1000)
	var once sync.Once
	third := make(chan struct{})
	var handled atomic.Int64
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		if handled.Add(1) == 300 {
			once.Do(func() { close(third) })
		}
		return copies(ctx, in)
	}), func(c *consumers.Config) { c.AckWait = 2 * time.Second })
	<-third
	leader := info(t, js).Cluster.Leader
	node := c.Node(int(leader[1] - '1'))
	node.Stop()
	node.Start()
	seen := map[uint64]bool{}
	for len(seen) < 1000 {
		s := r.next()
		if s.Class != "" {
			t.Fatalf("%+v", s)
		}
		seen[s.Sequence] = true
	}
	if n := count(t, js, streams.StreamAnswers); n != 1000 {
		t.Errorf("%d outputs", n)
	}
}

func TestMessagesStoredTogetherKeepTheirOwnFates(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 300)
	s := stage(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
		out := copyOf(in)
		switch in.Sequence % 50 {
		case 7:
			out.Data = make([]byte, 2<<20)
		case 8:
			return nil, nil
		}
		return []streams.Message{out}, nil
	})
	s.Concurrency = 64
	r := start(t, js, s)
	for range 300 {
		settled := r.next()
		want := sluice.Class("")
		if settled.Sequence%50 == 7 {
			want = sluice.ClassTerminal
		}
		if settled.Class != want {
			t.Errorf("message %d is %q, want %q", settled.Sequence, settled.Class, want)
		}
	}
	r.stop()
	if n, dead := count(t, js, streams.StreamAnswers), len(letters(t, js)); n != 288 || dead != 6 {
		t.Errorf("%d outputs and %d letters", n, dead)
	}
	if s := r.runner.Stats(); s.Acked != 294 || s.InFlight != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestATraceIsPassedOn(t *testing.T) {
	js := natstest.Log(t)
	put(t, js, streams.Message{Subject: "queries.asked.test", Header: map[string]string{streams.HeaderTraceParent: "00-1-2-01"}})
	r := start(t, js, stage(copies))
	r.acked(1)
	s, err := js.Stream(t.Context(), streams.StreamAnswers)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header[streams.HeaderTraceParent]; len(got) != 1 || got[0] != "00-1-2-01" {
		t.Errorf("headers %v", m.Header)
	}
}

func TestStatsAddUp(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 30)
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		if in.Sequence%10 == 0 && in.Deliveries == 1 {
			return nil, errBad
		}
		return copies(ctx, in)
	}))
	r.acked(30)
	r.stop()
	s := r.runner.Stats()
	if s.Received != 33 || s.Redelivered != 3 || s.Handled != 33 || s.HandleCalls != 33 || s.Acked != 30 || s.Outputs != 30 || s.New != 30 ||
		s.ByClass[sluice.ClassRetryable] != 3 || s.InFlight != 0 || s.HandleTime <= 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestEveryFaultOfAConfigurationIsReported(t *testing.T) {
	_, err := consumers.New(consumers.Config{Stage: consumers.Stage{Name: "a.b", Inputs: []consumers.Input{{Stream: "S", Durable: "d"}, {Stream: "S", Durable: "d"}}}})
	for _, want := range []string{"no JetStream", "stage name", "stage version", "exactly one of Handler and Batch", "concurrency 0", "attempts 0", "deadline 0", "given twice"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestAConnectionClosedUnderARunnerEndsIt(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 1)
	began := make(chan struct{})
	r, err := consumers.New(consumers.Config{JS: js, Stage: stage(func(ctx context.Context, _ streams.Message) ([]streams.Message, error) {
		close(began)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	})})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context()) }()
	<-began
	js.Conn().Close()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "connection was closed") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutStreamsARunnerSaysWhatToDo(t *testing.T) {
	js := natstest.Start(t).JetStream()
	r, err := consumers.New(consumers.Config{Stage: stage(copies), JS: js})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "apply the streams first") {
		t.Errorf("got %v", err)
	}
}
