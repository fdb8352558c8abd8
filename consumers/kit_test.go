package consumers_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/streams"
)

// handlerFunc and batchFunc make stages of functions.
type handlerFunc func(context.Context, streams.Message) ([]streams.Message, error)

func (f handlerFunc) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	return f(ctx, in)
}

type batchFunc func(context.Context, []streams.Message) []streams.Result

func (f batchFunc) HandleBatch(ctx context.Context, in []streams.Message) []streams.Result {
	return f(ctx, in)
}

// copyOf is what the stages of these tests make of a message: a fact about it, the same each time.
func copyOf(in streams.Message) streams.Message {
	subject := "answers.said.p." + strconv.FormatUint(in.Sequence, 10) + ".a"
	return streams.Message{Subject: subject, ID: subject, ContentType: streams.MsgPack, Data: in.Data}
}

func copies(_ context.Context, in streams.Message) ([]streams.Message, error) {
	return []streams.Message{copyOf(in)}, nil
}

// stage reads QUERIES.
func stage(h handlerFunc) consumers.Stage {
	return consumers.Stage{
		Name: "copy", Version: "v1", Handler: h, Concurrency: 8, Deadline: time.Minute, Attempts: 3,
		Inputs: []consumers.Input{{Stream: streams.StreamQueries, Durable: "copy-v1"}},
	}
}

func batchStage(h batchFunc) consumers.Stage {
	s := stage(nil)
	s.Handler, s.Batch = nil, h
	return s
}

// running is a runner at work.
type running struct {
	t       *testing.T
	runner  *consumers.Runner
	settled chan consumers.Settled
	cancel  context.CancelFunc
	done    chan error
}

// start runs a stage until the test ends; whatever change does to the configuration comes last.
func start(t *testing.T, js jetstream.JetStream, s consumers.Stage, change ...func(*consumers.Config)) *running {
	t.Helper()
	r := &running{t: t, settled: make(chan consumers.Settled, 10_000), done: make(chan error, 1)}
	c := consumers.Config{
		Stage: s, JS: js, Backoff: func(int) time.Duration { return time.Millisecond },
		Observe: func(s consumers.Settled) { r.settled <- s },
	}
	for _, f := range change {
		f(&c)
	}
	runner, err := consumers.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.runner = runner
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() { r.done <- runner.Run(ctx) }()
	t.Cleanup(r.stop)
	return r
}

// stop ends the runner and waits for it; a second call does nothing.
func (r *running) stop() {
	r.cancel()
	if err, open := <-r.done; open {
		close(r.done)
		if err != nil {
			r.t.Error(err)
		}
	}
}

// next waits for the fate of the next message.
func (r *running) next() consumers.Settled {
	r.t.Helper()
	select {
	case s := <-r.settled:
		return s
	case <-time.After(30 * time.Second):
		r.t.Fatal("nothing was settled for 30 s")
		return consumers.Settled{}
	}
}

// impatient makes the server take a silent worker for dead soon.
func impatient(c *consumers.Config) { c.AckWait = time.Second }

// until waits for a message of the class and returns how many of others came before.
func (r *running) until(class sluice.Class) (before int) {
	r.t.Helper()
	for r.next().Class != class {
		before++
	}
	return before
}

// acked waits for n messages that went well.
func (r *running) acked(n int) {
	r.t.Helper()
	for range n {
		r.until("")
	}
}

// ask publishes n queries, "0" to "n-1".
func ask(t *testing.T, js jetstream.JetStream, n int) {
	t.Helper()
	msgs := make([]streams.Message, n)
	for i := range msgs {
		msgs[i] = streams.Message{Subject: "queries.asked.test", ContentType: streams.JSON, Data: []byte(strconv.Itoa(i))}
	}
	put(t, js, msgs...)
}

func put(t *testing.T, js jetstream.JetStream, msgs ...streams.Message) {
	t.Helper()
	p := publisher(t, js)
	if _, err := p.Publish(t.Context(), msgs); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, js jetstream.JetStream, stream string) int {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

// letters reads DEAD.
func letters(t *testing.T, js jetstream.JetStream) []streams.DeadLetter {
	t.Helper()
	s, err := js.Stream(t.Context(), streams.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	var list []streams.DeadLetter
	if s.CachedInfo().State.Msgs == 0 {
		return nil
	}
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		raw, err := s.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		l, err := streams.ParseDead(streams.Message{Data: raw.Data})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	return list
}

// info is the server's view of the stage's durable.
func info(t *testing.T, js jetstream.JetStream) *jetstream.ConsumerInfo {
	t.Helper()
	c, err := js.Consumer(t.Context(), streams.StreamQueries, "copy-v1")
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo()
}

// quiet waits until the server has nothing left for the stage, neither waiting nor in flight: words to
// it are fire and forget.
func quiet(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for began := time.Now(); ; {
		i := info(t, js)
		if i.NumAckPending == 0 && i.NumPending == 0 {
			return
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("left at the server: %d pending, %d in flight", i.NumPending, i.NumAckPending)
		}
	}
}

// attempts is what the attempts bucket holds, by sequence.
func attempts(t *testing.T, js jetstream.JetStream) map[uint64]int {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), streams.BucketAttempts)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		t.Fatal(err)
	}
	spent := map[uint64]int{}
	for _, k := range keys {
		entry, err := kv.Get(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Attempts int
			Sequence uint64
		}
		if err := json.Unmarshal(entry.Value(), &v); err != nil {
			t.Fatal(err)
		}
		spent[v.Sequence] = v.Attempts
	}
	return spent
}
