package streams_test

import (
	"context"
	"fmt"
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

func latest(tb testing.TB, js jetstream.JetStream) *streams.Latest {
	tb.Helper()
	l, err := streams.NewLatest(js)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// store publishes n answers of arm a and returns their subjects.
func store(tb testing.TB, js jetstream.JetStream, n, size int) []string {
	tb.Helper()
	msgs, subjects := make([]streams.Message, n), make([]string, n)
	for i := range msgs {
		subjects[i] = "answers.said.p1.k" + strconv.Itoa(i) + ".a"
		msgs[i] = streams.Message{Subject: subjects[i], ID: subjects[i], Data: append(make([]byte, size), strconv.Itoa(i)...)}
	}
	if _, err := publisher(tb, js, streams.PublisherOptions{MaxPending: 16}).Publish(tb.Context(), msgs); err != nil {
		tb.Fatal(err)
	}
	return subjects
}

func TestAReadFindsWhatIsThereAndOmitsWhatIsNot(t *testing.T) {
	js := natstest.Log(t)
	l := latest(t, js)
	if got, err := l.Get(t.Context(), streams.StreamAnswers, "answers.said.p1.k0.a"); err != nil || len(got) != 0 {
		t.Errorf("of an empty stream: %v, %v", got, err)
	}
	if got, err := l.Get(t.Context(), streams.StreamAnswers); err != nil || len(got) != 0 {
		t.Errorf("of no subjects: %v, %v", got, err)
	}
	subjects := store(t, js, 3, 0)
	got, err := l.Get(t.Context(), streams.StreamAnswers, subjects[0], "answers.said.p1.k0.b", subjects[2], subjects[2])
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || string(got[subjects[2]].Data) != "2" || got[subjects[2]].Sequence != 3 || got[subjects[2]].StoredAt.IsZero() {
		t.Errorf("got %v", got)
	}
}

func TestMoreSubjectsThanOneRequestHolds(t *testing.T) {
	js := natstest.Log(t)
	subjects := store(t, js, 2500, 0)
	got, err := latest(t, js).GetAsOf(t.Context(), streams.StreamAnswers, subjects, subjects[2499], 2500)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range subjects {
		if string(got[s].Data) != strconv.Itoa(i) {
			t.Fatalf("%s: %q", s, got[s].Data)
		}
	}
}

func TestAReplyThatTheServerCutsIsCompleted(t *testing.T) {
	js := natstest.Log(t)
	subjects := store(t, js, 70, 1_000_000) // the server sends 64 MiB at once
	got, err := latest(t, js).GetAsOf(t.Context(), streams.StreamAnswers, subjects, subjects[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(subjects) {
		t.Errorf("%d of %d", len(got), len(subjects))
	}
}

func TestReadsOfManyGoroutinesTravelTogether(t *testing.T) {
	js := natstest.Log(t)
	subjects := store(t, js, 400, 0)
	var requests atomic.Int64
	count, err := js.Conn().Subscribe("$JS.API.DIRECT.GET.>", func(*nats.Msg) { requests.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	if err := js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	l := latest(t, js)
	var all sync.WaitGroup
	for i, s := range subjects {
		all.Go(func() {
			got, err := l.Get(t.Context(), streams.StreamAnswers, s, "answers.said.p1.absent.a")
			if err != nil || len(got) != 1 || string(got[s].Data) != strconv.Itoa(i) {
				t.Errorf("%s: %v, %v", s, got, err)
			}
		})
	}
	all.Wait()
	if err := count.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if n := requests.Load(); n == 0 || n > 200 {
		t.Errorf("400 reads took %d requests", n)
	}
}

func TestAReadBehindItsSentinelIsStale(t *testing.T) {
	js := natstest.Log(t)
	subjects := store(t, js, 2, 0)
	l := latest(t, js)
	_, err := l.GetAsOf(t.Context(), streams.StreamAnswers, subjects[:1], "answers.said.p1.next.a", 3)
	if sluice.ClassOf(err) != sluice.ClassStale {
		t.Errorf("a message that this replica has not got yet: %v", err)
	}
	got, err := l.GetAsOf(t.Context(), streams.StreamAnswers, subjects[:1], subjects[1], 2)
	if err != nil || len(got) != 1 {
		t.Errorf("a message that it has: %v, %v", got, err)
	}
}

func TestAnErasedSentinelDoesNotMakeEveryReadStale(t *testing.T) {
	js := natstest.Log(t)
	subjects := store(t, js, 3, 0)
	s, err := js.Stream(t.Context(), streams.StreamAnswers)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteMsg(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	got, err := latest(t, js).GetAsOf(t.Context(), streams.StreamAnswers, []string{subjects[0], subjects[1], subjects[2]}, subjects[1], 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || string(got[subjects[0]].Data) != "0" || string(got[subjects[2]].Data) != "2" {
		t.Errorf("got %v", got)
	}
}

func TestALostReplyIsAskedForAgain(t *testing.T) {
	s := natstest.Start(t)
	js := s.JetStream()
	natstest.Apply(t, js, natstest.Options())
	subjects := store(t, js, 1, 0)
	l := latest(t, js)
	s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := l.Get(ctx, streams.StreamAnswers, subjects...); err == nil {
		t.Error("read from a server that is away")
	}
	type read struct {
		got map[string]streams.Stored
		err error
	}
	done := make(chan read, 1)
	go func() {
		got, err := l.Get(t.Context(), streams.StreamAnswers, subjects...)
		done <- read{got, err}
	}()
	s.Start()
	if r := <-done; r.err != nil || len(r.got) != 1 {
		t.Errorf("after its return: %v, %v", r.got, r.err)
	}
}

func TestAReadOfAStreamThatIsNotThereSaysSo(t *testing.T) {
	js := natstest.Start(t).JetStream()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := latest(t, js).Get(ctx, streams.StreamAnswers, "answers.said.p.k.a")
	if err == nil || !strings.Contains(err.Error(), "read ANSWERS") || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkLatest(b *testing.B) {
	js := natstest.Log(b)
	subjects := store(b, js, 20000, 300)
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers/%d", callers), func(b *testing.B) {
			l := latest(b, js)
			var next atomic.Int64
			b.ResetTimer()
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return
						}
						s := subjects[int(i*7919)%len(subjects)]
						if got, err := l.Get(b.Context(), streams.StreamAnswers, s, s[:len(s)-1]+"b"); err != nil || len(got) != 1 {
							b.Errorf("%v, %v", got, err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
		})
	}
}
