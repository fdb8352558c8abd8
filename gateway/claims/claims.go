// Package claims is what gateways tell each other in the bucket of replies: which requests with an Idempotency-Key they
// are answering, and what they answered, which is package web's to know; and which of them runs under which name. Of
// several that put a value under a name at a time one wins.
package claims

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// Open opens the bucket.
func Open(ctx context.Context, js jetstream.JetStream) (*streams.Claims, error) {
	return streams.OpenClaims(ctx, js, streams.BucketReplies)
}
