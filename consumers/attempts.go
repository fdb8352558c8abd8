package consumers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// tries is what a message's deliveries came to. The server's own count can't be used: it counts 429s,
// shutdowns and kills as well.
type tries struct {
	// Attempts counts failures that spent one, Settled all deliveries that a runner ended by a word.
	Attempts int `json:"attempts"`
	Settled  int `json:"settled"`
}

// written is how tries are kept; what is beside them is for people.
type written struct {
	tries
	Durable  string `json:"durable"`
	Stream   string `json:"stream"`
	Sequence uint64 `json:"sequence"`
}

// ledgerOfTries is the attempts bucket. It is written on failure only, so that a message that goes well
// costs nothing.
type ledgerOfTries struct{ kv jetstream.KeyValue }

func openTries(ctx context.Context, js jetstream.JetStream) (*ledgerOfTries, error) {
	var kv jetstream.KeyValue
	err := streams.Insist(ctx, func() (err error) {
		kv, err = js.KeyValue(ctx, streams.BucketAttempts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w; apply the streams first", streams.BucketAttempts, err)
	}
	return &ledgerOfTries{kv: kv}, nil
}

// triesKey names a stored message as one durable sees it; a stream that was made anew starts afresh.
func triesKey(d *delivery) string {
	return sluice.HashID("tries", d.source.input.Durable, d.place.Stream,
		strconv.FormatUint(d.place.Sequence, 10), strconv.FormatInt(d.place.StoredAt.UnixNano(), 10))
}

// read is the message's count; a replica that lags behind may miss the last failure, which spares the
// message one attempt.
func (l *ledgerOfTries) read(ctx context.Context, d *delivery) (tries, error) {
	var t tries
	err := insistFor(ctx, func(ctx context.Context) error {
		entry, err := l.kv.Get(ctx, triesKey(d))
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(entry.Value(), &t)
	})
	if err != nil {
		return tries{}, fmt.Errorf("attempts of %s %d: %w", d.place.Stream, d.place.Sequence, err)
	}
	return t, nil
}

func (l *ledgerOfTries) write(ctx context.Context, d *delivery, t tries) error {
	value, err := json.Marshal(written{t, d.source.input.Durable, d.place.Stream, d.place.Sequence})
	if err == nil {
		err = insistFor(ctx, func(ctx context.Context) error {
			_, err := l.kv.Put(ctx, triesKey(d), value)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("attempts of %s %d: %w", d.place.Stream, d.place.Sequence, err)
	}
	return nil
}

// insistFor tries for as long as ctx allows, a few seconds at a time: while the server is away the
// message is kept, with its heartbeats.
func insistFor(ctx context.Context, do func(context.Context) error) error {
	return streams.Insist(ctx, func() error {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return do(short)
	})
}
