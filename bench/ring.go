package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// Ring is a running ring as the benchmarks see it: whoever starts it wires the real stages.
type Ring struct {
	// Connect opens one more connection to the ring's log; whoever asked closes it.
	Connect func(name string) (*nats.Conn, error)
	// Examples counts the examples that are committed in Postgres.
	Examples func(ctx context.Context) (int64, error)
	// PostgresPID is the server's process, whose CPU time is then measured too; 0 if it is not ours.
	PostgresPID int
}

const (
	source = "bench"
	// rest is how often the log is asked whether the ring has come to rest; small against a run, and rare
	// enough to cost nothing.
	rest = 20 * time.Millisecond
)

// feeder publishes made-up queries, each one once, in random order.
type feeder struct {
	js    jetstream.JetStream
	nc    *nats.Conn
	order *rand.Rand
	next  int
}

func newFeeder(ring Ring, seed uint64) (*feeder, error) {
	nc, err := ring.Connect("bench upstream")
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(rawPending), jetstream.WithPublishAsyncTimeout(30*time.Second))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("bench upstream: %w", err)
	}
	return &feeder{js: js, nc: nc, order: rand.New(rand.NewPCG(seed, seed))}, nil
}

func (f *feeder) close() { f.nc.Close() }

// publish sends n queries that were never sent before and waits until all are stored.
func (f *feeder) publish(ctx context.Context, n int) error {
	subject, err := streams.AskedSubject(source)
	if err != nil {
		return err
	}
	futures := make([]jetstream.PubAckFuture, 0, n)
	for _, i := range f.order.Perm(n) {
		id := strconv.Itoa(f.next + i)
		body := `{"query":"Which town did surveyor number ` + id + ` map first, and in which year of the old calendar was it?",` +
			`"id":"` + id + `","ground_truth":["town ` + id + `"],"tags":["bench"]}`
		msg := &nats.Msg{Subject: subject, Data: []byte(body)}
		future, err := f.js.PublishMsgAsync(msg, jetstream.WithMsgID("bench-"+id), jetstream.WithStallWait(10*time.Second))
		if err != nil {
			return fmt.Errorf("publish query %s: %w", id, err)
		}
		futures = append(futures, future)
	}
	f.next += n
	for _, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			return fmt.Errorf("publish a query: %w", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// stored counts the messages that the ring's streams have taken so far, whoever has removed them since.
func (f *feeder) stored(ctx context.Context) (total uint64, err error) {
	for _, name := range streams.Names() {
		n, err := f.last(ctx, name)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func (f *feeder) last(ctx context.Context, stream string) (uint64, error) {
	s, err := f.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

// settle waits until the ring has made n messages in the stream and come to rest: every consumer of every
// stream has nothing pending and nothing unacknowledged. Since outputs are stored before their input is
// acknowledged (Invariant 1), one look in the ring's order is proof.
func (f *feeder) settle(ctx context.Context, stream string, n uint64) error {
	ticker := time.NewTicker(rest)
	defer ticker.Stop()
	for {
		idle, err := f.idle(ctx, stream, n)
		if err != nil || idle {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return f.stuck(context.WithoutCancel(ctx), stream, n, context.Cause(ctx))
		}
	}
}

func (f *feeder) idle(ctx context.Context, stream string, n uint64) (bool, error) {
	made, err := f.last(ctx, stream)
	if err != nil || made < n {
		return false, err
	}
	busy, err := f.busy(ctx)
	return busy == "", err
}

// busy names the first consumer that has something to do; empty if none has.
func (f *feeder) busy(ctx context.Context) (string, error) {
	for _, name := range streams.Names() {
		s, err := f.js.Stream(ctx, name)
		if err != nil {
			return "", fmt.Errorf("stream %s: %w", name, err)
		}
		list := s.ListConsumers(ctx)
		for c := range list.Info() {
			if c.NumPending > 0 || c.NumAckPending > 0 {
				return fmt.Sprintf("%s of %s (%d pending, %d unacknowledged)", c.Name, name, c.NumPending, c.NumAckPending), nil
			}
		}
		if err := list.Err(); err != nil {
			return "", fmt.Errorf("consumers of %s: %w", name, err)
		}
	}
	return "", nil
}

// stuck says what a ring that does not come to rest is waiting for.
func (f *feeder) stuck(ctx context.Context, stream string, n uint64, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	made, err := f.last(ctx, stream)
	busy, err2 := f.busy(ctx)
	dead, err3 := f.last(ctx, streams.StreamDead)
	return errors.Join(fmt.Errorf("the ring has not come to rest: %w; %d of %d messages in %s, %d dead letters, busy: %q",
		cause, made, n, stream, dead, busy), err, err2, err3)
}
