package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Claims is a bucket in which processes tell each other what they have in hand: of several that put a value under one
// name at a time one wins. What names and values mean is their owners' to know. It is safe for concurrent use.
type Claims struct {
	js     jetstream.JetStream
	kv     jetstream.KeyValue
	bucket string
}

// OpenClaims opens a bucket, which [Apply] has made.
func OpenClaims(ctx context.Context, js jetstream.JetStream, bucket string) (*Claims, error) {
	kv, err := js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w; sluice streams apply makes it", bucket, err)
	}
	return &Claims{js: js, kv: kv, bucket: bucket}, nil
}

// errAway spares a claim the waiting for a log that is known to be away.
var errAway = errors.New("the log is away")

// Put stores a value where the name still has the revision; 0 means that nothing stands there. ok is false where
// somebody else was faster. After an error it may have been stored or not; where the bucket has no room it is one only
// if nothing stands there.
func (c *Claims) Put(ctx context.Context, name string, value []byte, over uint64) (revision uint64, ok bool, err error) {
	if !c.js.Conn().IsConnected() {
		return 0, false, errAway
	}
	if over == 0 {
		revision, err = c.kv.Create(ctx, name, value)
	} else {
		revision, err = c.kv.Update(ctx, name, value, over)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, false, nil
	}
	if isFull(err) {
		if _, found := c.kv.Get(ctx, name); found == nil {
			return 0, false, nil
		}
		return 0, false, fmt.Errorf("claim: the bucket %s is full%s: %w", c.bucket, c.bound(), err)
	}
	if err != nil {
		return 0, false, fmt.Errorf("claim: %w", err)
	}
	return revision, true, nil
}

// bound names what bounds the bucket, where something does.
func (c *Claims) bound() string {
	if c.bucket == BucketReplies {
		return " (nats.replies_max_bytes)"
	}
	return ""
}

func isFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeStoreFailed
}

// Get reads what stands under a name, and how long ago it was put there; revision 0: nothing stands there. The age is
// told by the server's clock alone: one process's may be far from another's.
func (c *Claims) Get(ctx context.Context, name string) (value []byte, revision uint64, age time.Duration, err error) {
	e, err := c.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, 0, nil
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("claim: %w", err)
	}
	s, err := c.js.Stream(ctx, "KV_"+c.bucket) // says what time it is there
	if err != nil {
		return nil, 0, 0, fmt.Errorf("claim: %w", err)
	}
	return e.Value(), e.Revision(), s.CachedInfo().TimeStamp.Sub(e.Created()), nil
}

// Drop removes what stands there if the name still has the revision.
func (c *Claims) Drop(ctx context.Context, name string, revision uint64) error {
	err := c.kv.Delete(ctx, name, jetstream.LastRevision(revision))
	if err != nil && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return fmt.Errorf("claim: %w", err)
	}
	return nil
}

// Watch tells of what is put and dropped from now on under names that match a pattern. The caller stops the result.
func (c *Claims) Watch(ctx context.Context, names string) (jetstream.KeyWatcher, error) {
	w, err := c.kv.Watch(ctx, names, jetstream.UpdatesOnly())
	if err != nil {
		return nil, fmt.Errorf("watch bucket %s: %w", c.bucket, err)
	}
	return w, nil
}
