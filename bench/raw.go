package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The raw load: what one message costs the log alone, with the guarantees that the ring asks of it (file
// storage, a message id, a confirmed publish, a pull consumer with explicit acks).
const (
	rawStream  = "BENCH_RAW"
	rawSubject = "bench.raw"
	rawBytes   = 1 << 10
	rawFetch   = 256
	rawPending = 4096
)

// StoredPerQuery is how many messages the log stores for a query: asked, accepted, two answers, two verdicts, label,
// analysis, example, and five lines of the ledger. A turn of the raw load that moves as many as a part of the queries
// makes the log hold as many subjects and leaves as much garbage; a short one is over before either costs it anything.
const StoredPerQuery = 14

// rawLoad publishes messages of 1 KB and consumes and acknowledges them at the same time, over two
// connections of its own. Each turn has a stream of its own, which goes with it: one for all of them would grow in
// the ring's process, and the ring would pay for following its subjects and message ids at every collection.
type rawLoad struct {
	publish, consume jetstream.JetStream
	consumer         jetstream.Consumer
	close            func()
	sent             int
}

func newRawLoad(connect func(name string) (*nats.Conn, error)) (*rawLoad, error) {
	pub, err := connect("bench raw publisher")
	if err != nil {
		return nil, err
	}
	sub, err := connect("bench raw consumer")
	if err != nil {
		pub.Close()
		return nil, err
	}
	r := &rawLoad{close: func() { pub.Close(); sub.Close() }}
	r.publish, err = jetstream.New(pub, jetstream.WithPublishAsyncMaxPending(rawPending),
		jetstream.WithPublishAsyncTimeout(30*time.Second))
	if err == nil {
		r.consume, err = jetstream.New(sub)
	}
	if err != nil {
		r.close()
		return nil, fmt.Errorf("raw load: %w", err)
	}
	return r, nil
}

// open makes the stream of a turn and its consumer.
func (r *rawLoad) open(ctx context.Context) error {
	_, err := r.publish.CreateStream(ctx, jetstream.StreamConfig{
		Name: rawStream, Subjects: []string{rawSubject + ".>"}, Storage: jetstream.FileStorage,
		Duplicates: 2 * time.Minute, AllowDirect: true,
	})
	if err == nil {
		r.consumer, err = r.consume.CreateConsumer(ctx, rawStream, jetstream.ConsumerConfig{
			Durable: "bench", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 4 * rawPending,
		})
	}
	if err != nil {
		return fmt.Errorf("raw load: %w", err)
	}
	return nil
}

// drop removes what a turn has stored.
func (r *rawLoad) drop(ctx context.Context) error {
	if err := r.publish.DeleteStream(ctx, rawStream); err != nil {
		return fmt.Errorf("raw load: %w", err)
	}
	return nil
}

// run moves n messages through the open stream and returns how many a second it were.
func (r *rawLoad) run(ctx context.Context, n int) (perSecond float64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	started := time.Now()
	published := make(chan error, 1)
	go func() { // ends with the publishes or with ctx; waited for below
		err := r.publishAll(ctx, n)
		if err != nil {
			cancel(err)
		}
		published <- err
	}()
	consumed := r.consumeAll(ctx, n)
	if consumed != nil {
		cancel(consumed)
	}
	if err := errors.Join(<-published, consumed); err != nil {
		return 0, fmt.Errorf("raw load: %w", err)
	}
	return float64(n) / time.Since(started).Seconds(), nil
}

func (r *rawLoad) publishAll(ctx context.Context, n int) error {
	payload := make([]byte, rawBytes)
	futures := make([]jetstream.PubAckFuture, 0, n)
	for range n {
		r.sent++
		id := strconv.Itoa(r.sent)
		f, err := r.publish.PublishMsgAsync(&nats.Msg{Subject: rawSubject + "." + id, Data: payload}, jetstream.WithMsgID(id),
			jetstream.WithStallWait(10*time.Second))
		if err != nil {
			return err
		}
		futures = append(futures, f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *rawLoad) consumeAll(ctx context.Context, n int) error {
	for left := n; left > 0; {
		batch, err := r.consumer.FetchNoWait(min(rawFetch, left))
		if err != nil {
			return err
		}
		got := 0
		for m := range batch.Messages() {
			if err := m.Ack(); err != nil {
				return err
			}
			got++
		}
		if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) {
			return err
		}
		left -= got
		if got > 0 {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// Nothing there: wait for one, so that an idle consumer does not spin.
		one, err := r.consumer.Fetch(1, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return err
		}
		for m := range one.Messages() {
			if err := m.Ack(); err != nil {
				return err
			}
			left--
		}
	}
	return nil
}
