package streams_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

func atoi(tb testing.TB, s string) int {
	tb.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func said(tb testing.TB, key string, arm sluice.Arm) streams.Message {
	tb.Helper()
	m, err := streams.SaidFact(sluice.Answer{Query: sluice.Query{Key: key, Text: "why?"}, Pair: "p1", Arm: arm, Text: "so"})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func publisher(tb testing.TB, js jetstream.JetStream, o streams.PublisherOptions) *streams.Publisher {
	tb.Helper()
	p, err := streams.NewPublisher(js, o)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func messagesIn(tb testing.TB, js jetstream.JetStream, stream string) int {
	tb.Helper()
	s, err := js.Stream(tb.Context(), stream)
	if err != nil {
		tb.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

// heard is an OnOutage that signals the first outage that passes the test.
func heard(want func(streams.Outage) bool) (func(streams.Outage), <-chan streams.Outage) {
	signal := make(chan streams.Outage, 1)
	return func(o streams.Outage) {
		if want(o) {
			select {
			case signal <- o:
			default:
			}
		}
	}, signal
}

func TestPublishingAFactTwiceStoresItOnce(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js, streams.PublisherOptions{})
	fact := said(t, "k1", sluice.ArmA)
	for round, wantNew := range []bool{true, false} {
		acks, err := p.Publish(t.Context(), []streams.Message{fact})
		if err != nil {
			t.Fatal(err)
		}
		if acks[0].New != wantNew || acks[0].Stream != streams.StreamAnswers {
			t.Errorf("round %d: %+v, want new=%v", round, acks[0], wantNew)
		}
	}
	if n := messagesIn(t, js, streams.StreamAnswers); n != 1 {
		t.Errorf("%d messages stored", n)
	}
}

func TestAnUpstreamMessageIsDeduplicatedByItsID(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js, streams.PublisherOptions{})
	m, err := streams.AskedMessage("web", "id-1", streams.Asked{Query: "Who?"}, false)
	if err != nil {
		t.Fatal(err)
	}
	acks, err := p.Publish(t.Context(), []streams.Message{m})
	if err != nil || !acks[0].New || acks[0].Sequence != 1 {
		t.Fatalf("%+v, %v", acks, err)
	}
	acks, err = p.Publish(t.Context(), []streams.Message{m})
	if err != nil || acks[0].New || acks[0].Sequence != 1 {
		t.Errorf("again: %+v, %v", acks, err)
	}
}

func TestWhatIsReadIsWhatWasPublished(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js, streams.PublisherOptions{})
	fact := said(t, "k1", sluice.ArmA)
	fact.Header = map[string]string{streams.HeaderTraceParent: "00-1-2-01"}
	asked := streams.Message{Subject: "queries.asked.web", ContentType: streams.JSON, Data: []byte(`{}`)}
	if _, err := p.Publish(t.Context(), []streams.Message{fact, asked}); err != nil {
		t.Fatal(err)
	}
	got := first(t, js, streams.StreamAnswers)
	if got.ID != fact.ID || got.Subject != fact.Subject || got.ContentType != streams.MsgPack || !bytes.Equal(got.Data, fact.Data) ||
		got.Header[streams.HeaderTraceParent] != "00-1-2-01" || got.Header[streams.HeaderSchema] != streams.SchemaVersion ||
		got.Sequence != 1 || got.Deliveries != 1 || got.StoredAt.Location() != time.UTC {
		t.Errorf("%+v", got)
	}
	if got := first(t, js, streams.StreamQueries); got.ID != "QUERIES:1" || got.ContentType != streams.JSON {
		t.Errorf("%+v", got)
	}
}

// first reads a stream's first message by way of a consumer.
func first(t *testing.T, js jetstream.JetStream, stream string) streams.Message {
	t.Helper()
	c, err := js.CreateOrUpdateConsumer(t.Context(), stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	m, err := streams.FromDelivered(&nats.Msg{Subject: raw.Subject(), Reply: raw.Reply(), Header: raw.Headers(), Data: raw.Data()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAFullStreamPushesBackAndLosesNothing(t *testing.T) {
	js := natstest.Start(t).JetStream()
	o := natstest.Options()
	o.MaxBytes = 16 << 10
	natstest.Apply(t, js, o)
	onOutage, full := heard(func(o streams.Outage) bool { return o.Full && o.Round > 3 })
	var log bytes.Buffer // written by whoever publishes, read when that is done
	p := publisher(t, js, streams.PublisherOptions{OnOutage: onOutage, Log: slog.New(slog.NewTextHandler(&log, nil))})
	var msgs []streams.Message
	for i := range 100 {
		msgs = append(msgs, streams.Message{Subject: "queries.asked.web", ID: strconv.Itoa(i), Data: make([]byte, 1024)})
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.Publish(t.Context(), msgs)
		done <- err
	}()
	if outage := <-full; outage.Stream != streams.StreamQueries || outage.Unconfirmed == 0 {
		t.Errorf("outage %+v", outage)
	}
	strict := publisher(t, js, streams.PublisherOptions{FailWhenFull: true})
	_, err := strict.Publish(t.Context(), []streams.Message{{Subject: "queries.asked.web", ID: "x", Data: make([]byte, 1024)}})
	var fullError *streams.FullError
	if !errors.As(err, &fullError) || fullError.Stream != streams.StreamQueries || !strings.Contains(err.Error(), "nothing was lost") {
		t.Errorf("a producer gets %v", err)
	}
	o.MaxBytes = 1 << 20
	natstest.Apply(t, js, o)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := messagesIn(t, js, streams.StreamQueries); n != len(msgs) {
		t.Errorf("%d messages stored, want %d", n, len(msgs))
	}
	if lines := strings.Split(log.String(), "\n"); len(lines) != 3 || !strings.Contains(lines[0], "stream is full") || !strings.Contains(lines[1], "confirmed again") {
		t.Errorf("the log was told\n%s", log.String())
	}
}

func TestNoAnswerIsStoredBeforeItsLineInTheLedger(t *testing.T) {
	js := natstest.Log(t)
	calls := stream(t, js, streams.StreamCalls)
	calls.MaxMsgs = 1
	update := func() {
		if _, err := js.UpdateStream(t.Context(), calls); err != nil {
			t.Fatal(err)
		}
	}
	update()
	onOutage, full := heard(func(o streams.Outage) bool { return o.Full })
	p := publisher(t, js, streams.PublisherOptions{OnOutage: onOutage})
	line := func(id string) streams.Message {
		m, err := streams.BilledFact(sluice.Call{ID: id, Stage: "answer"})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.Publish(t.Context(), []streams.Message{said(t, "k", sluice.ArmA), line("1"), line("2"), said(t, "k", sluice.ArmB)})
		done <- err
	}()
	<-full
	if n := messagesIn(t, js, streams.StreamAnswers); n != 0 {
		t.Errorf("%d answers stored before their price", n)
	}
	calls.MaxMsgs = -1
	update()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if a, c := messagesIn(t, js, streams.StreamAnswers), messagesIn(t, js, streams.StreamCalls); a != 2 || c != 2 {
		t.Errorf("%d answers and %d calls stored", a, c)
	}
}

func stream(t *testing.T, js jetstream.JetStream, name string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func TestAServerThatGoesAwayIsWaitedFor(t *testing.T) {
	s := natstest.Start(t)
	js := s.JetStream()
	natstest.Apply(t, js, natstest.Options())
	onOutage, away := heard(func(streams.Outage) bool { return true })
	p := publisher(t, js, streams.PublisherOptions{OnOutage: onOutage})
	s.Stop()
	done := make(chan error, 1)
	msgs := []streams.Message{said(t, "k", sluice.ArmA), said(t, "k", sluice.ArmB)}
	go func() {
		_, err := p.Publish(t.Context(), msgs)
		done <- err
	}()
	<-away
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := p.Publish(ctx, msgs); !errors.Is(err, enough) {
		t.Errorf("a caller that gives up gets %v", err)
	}
	s.Start()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := messagesIn(t, js, streams.StreamAnswers); n != 2 {
		t.Errorf("%d messages stored", n)
	}
}

func TestAMessageThatNoServerTakesIsRefusedAndTheOthersStored(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js, streams.PublisherOptions{})
	huge := streams.Message{Subject: "answers.said.p.k.b", ID: "answers.said.p.k.b", Data: make([]byte, 2<<20)}
	acks, err := p.Publish(t.Context(), []streams.Message{huge, said(t, "k", sluice.ArmA)})
	var refused *streams.RefusedError
	if !errors.As(err, &refused) || refused.Subject != huge.Subject {
		t.Fatalf("got %v", err)
	}
	if acks[0].Stream != "" || !acks[1].New {
		t.Errorf("acks %+v", acks)
	}
}

func TestASubjectWithoutAStreamIsAnOutageThatSaysSo(t *testing.T) {
	js := natstest.Log(t)
	onOutage, outages := heard(func(streams.Outage) bool { return true })
	p := publisher(t, js, streams.PublisherOptions{OnOutage: onOutage})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := p.Publish(ctx, []streams.Message{{Subject: "nobody.listens", ID: "1"}})
		done <- err
	}()
	if o := <-outages; !strings.Contains(o.Err.Error(), "are the streams applied?") {
		t.Errorf("outage %+v", o)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "nobody.listens") {
		t.Errorf("got %v", err)
	}
}

func TestHundredsOfGoroutinesShareAPublisherAndEachFactIsNewOnce(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js, streams.PublisherOptions{MaxPending: 64})
	const facts, copies, parts = 600, 3, 100
	var fresh atomic.Int64
	var all sync.WaitGroup
	for range copies {
		for part := range parts {
			all.Go(func() {
				var msgs []streams.Message
				for i := part; i < facts; i += parts {
					msgs = append(msgs, said(t, "k"+strconv.Itoa(i), sluice.ArmA))
				}
				acks, err := p.Publish(t.Context(), msgs)
				if err != nil {
					t.Error(err)
				}
				for _, a := range acks {
					if a.New {
						fresh.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	if n := messagesIn(t, js, streams.StreamAnswers); n != facts || fresh.Load() != facts {
		t.Errorf("%d stored and %d new, want %d", n, fresh.Load(), facts)
	}
}
