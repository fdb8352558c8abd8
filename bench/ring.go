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

	"sluice"
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
	// rest is how often the log is asked how far the ring is; small against a run, and rare enough to cost
	// nothing. Once all is made, lastRest is how often it is asked whether the ring has come to rest.
	rest     = 20 * time.Millisecond
	lastRest = 2 * time.Millisecond
	// stall is how long a ring may make no progress before the run is given up.
	stall = 30 * time.Second
)

// feeder publishes made-up queries, each one once, in random order.
type feeder struct {
	nc    *nats.Conn
	js    jetstream.JetStream
	out   *streams.Publisher
	order *rand.Rand
	next  int
}

func newFeeder(ring Ring, seed uint64) (*feeder, error) {
	nc, err := ring.Connect("bench upstream")
	if err != nil {
		return nil, err
	}
	f := &feeder{nc: nc, order: rand.New(rand.NewPCG(seed, seed))}
	if f.js, err = streams.JetStream(nc); err == nil {
		f.out, err = streams.NewPublisher(f.js, streams.PublisherOptions{FailWhenFull: true})
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("bench upstream: %w", err)
	}
	return f, nil
}

func (f *feeder) close() error {
	defer f.nc.Close()
	return f.out.Close()
}

// publish sends n queries that were never sent before and waits until all are stored.
func (f *feeder) publish(ctx context.Context, n int) error {
	return f.store(ctx, n, func(id string) (streams.Message, error) {
		return streams.AskedMessage(source, "bench "+id, streams.Asked{
			Query: question(id), ID: id, GroundTruth: []string{"town " + id}, Tags: []string{"bench"},
		}, false)
	})
}

// accept stores n queries that were never stored before as if they had passed the entrance.
func (f *feeder) accept(ctx context.Context, n int) error {
	number := int64(f.next)
	return f.store(ctx, n, func(id string) (streams.Message, error) {
		text := question(id)
		number++
		return streams.AcceptedFact(sluice.Accepted{
			Query: sluice.Query{
				Key: sluice.QueryKey("", id, text), Number: number, ID: id, Text: text, Source: source,
				AskedAt: time.Now().UTC(), Split: sluice.SplitOf(text, 1, 0.8),
			},
			GroundTruth: []string{"town " + id},
		})
	})
}

func question(id string) string {
	return "Which town did surveyor number " + id + " map first, and in which year of the old calendar was it?"
}

// wave is how many messages are published at once.
const wave = 1000

// store publishes n messages, made of the next n ids in random order.
func (f *feeder) store(ctx context.Context, n int, message func(id string) (streams.Message, error)) error {
	msgs := make([]streams.Message, 0, wave)
	for sent, i := range f.order.Perm(n) {
		m, err := message(strconv.Itoa(f.next + i))
		if err != nil {
			return err
		}
		if msgs = append(msgs, m); len(msgs) < wave && sent < n-1 {
			continue
		}
		if _, err := f.out.Publish(ctx, msgs); err != nil {
			return fmt.Errorf("publish queries: %w", err)
		}
		msgs = msgs[:0]
	}
	f.next += n
	return nil
}

// books are what the ring's streams have done so far.
type books struct {
	// stored counts the messages that they have taken, whoever has removed them since, delivered those that they
	// have handed to stages, each time that they did.
	stored, delivered uint64
}

func (b books) since(before books) books {
	return books{stored: b.stored - before.stored, delivered: b.delivered - before.delivered}
}

func (f *feeder) books(ctx context.Context) (b books, err error) {
	for _, name := range streams.Names() {
		s, err := f.js.Stream(ctx, name)
		if err != nil {
			return books{}, fmt.Errorf("stream %s: %w", name, err)
		}
		b.stored += s.CachedInfo().State.LastSeq
		list := s.ListConsumers(ctx)
		for c := range list.Info() {
			b.delivered += c.Delivered.Consumer
		}
		if err := list.Err(); err != nil {
			return books{}, fmt.Errorf("consumers of %s: %w", name, err)
		}
	}
	return b, nil
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
// acknowledged (Invariant 1), one look in the ring's order is proof. A dead letter ends the wait, and so
// does a stream that has not grown for long.
func (f *feeder) settle(ctx context.Context, stream string, n uint64) error {
	ticker := time.NewTicker(rest)
	defer ticker.Stop()
	made, grown := uint64(0), time.Now()
	for {
		now, err := f.last(ctx, stream)
		if err != nil {
			return err
		}
		if now >= n {
			if busy, err := f.busy(ctx); err != nil || busy == "" {
				return err
			}
			ticker.Reset(lastRest)
		}
		if now > made {
			made, grown = now, time.Now()
		}
		if dead, err := f.last(ctx, streams.StreamDead); err != nil || dead > 0 {
			return errors.Join(err, f.stuck(ctx, stream, n, errors.New("queries died")))
		}
		if time.Since(grown) > stall {
			return f.stuck(ctx, stream, n, fmt.Errorf("nothing has come for %s", stall))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return f.stuck(context.WithoutCancel(ctx), stream, n, context.Cause(ctx))
		}
	}
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
