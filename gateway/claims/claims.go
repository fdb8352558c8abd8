// Package claims is the bucket in which gateways tell each other which requests with an Idempotency-Key they are
// answering, and what they answered: names and sealed values enter, and of several gateways that put one at a time one
// wins. What the values mean is package web's to know.
package claims

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// Bucket is safe for concurrent use.
type Bucket struct {
	js jetstream.JetStream
	kv jetstream.KeyValue
}

// Open opens the bucket, which streams.Apply has made.
func Open(ctx context.Context, js jetstream.JetStream) (*Bucket, error) {
	kv, err := js.KeyValue(ctx, streams.BucketReplies)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w; sluice streams apply makes it", streams.BucketReplies, err)
	}
	return &Bucket{js: js, kv: kv}, nil
}

// errAway spares a request the waiting for a log that is known to be away.
var errAway = errors.New("the log is away")

// Put stores a value where the name still has the revision; 0 means that nothing stands there. ok is false where
// somebody else was faster. After an error it may have been stored or not; where the bucket has no room it is one only
// if nothing stands there.
func (b *Bucket) Put(ctx context.Context, name string, value []byte, over uint64) (revision uint64, ok bool, err error) {
	if !b.js.Conn().IsConnected() {
		return 0, false, errAway
	}
	if over == 0 {
		revision, err = b.kv.Create(ctx, name, value)
	} else {
		revision, err = b.kv.Update(ctx, name, value, over)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, false, nil
	}
	if isFull(err) {
		if _, found := b.kv.Get(ctx, name); found == nil {
			return 0, false, nil
		}
		return 0, false, fmt.Errorf("claim: the bucket %s is full (nats.replies_max_bytes): %w", streams.BucketReplies, err)
	}
	if err != nil {
		return 0, false, fmt.Errorf("claim: %w", err)
	}
	return revision, true, nil
}

// codeFull is how the server names a stream that has no room.
const codeFull = 10077

func isFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeFull
}

// Get reads what stands under a name, and how long ago it was put there; revision 0: nothing stands there. The age is
// told by the server's clock alone: one gateway's may be far from another's.
func (b *Bucket) Get(ctx context.Context, name string) (value []byte, revision uint64, age time.Duration, err error) {
	e, err := b.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, 0, nil
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("claim: %w", err)
	}
	s, err := b.js.Stream(ctx, "KV_"+streams.BucketReplies) // says what time it is there
	if err != nil {
		return nil, 0, 0, fmt.Errorf("claim: %w", err)
	}
	return e.Value(), e.Revision(), s.CachedInfo().TimeStamp.Sub(e.Created()), nil
}

// Drop removes what stands there if the name still has the revision.
func (b *Bucket) Drop(ctx context.Context, name string, revision uint64) error {
	err := b.kv.Delete(ctx, name, jetstream.LastRevision(revision))
	if err != nil && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return fmt.Errorf("claim: %w", err)
	}
	return nil
}
