package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// attemptsKept is how long the count of a message's failed attempts outlives its last failure.
const attemptsKept = 7 * 24 * time.Hour

// budgetsKept is how long the record of a budget's period outlives its last change. It must exceed the
// longest period, a month.
const budgetsKept = 45 * 24 * time.Hour

// repliesKept is how long gateways share an answer to a request with an Idempotency-Key.
const repliesKept = 24 * time.Hour

// Buckets lists the configuration of every key-value bucket.
func Buckets(o Options) []jetstream.KeyValueConfig {
	return []jetstream.KeyValueConfig{
		{
			Bucket: BucketAttempts, Description: "failed attempts of messages, written on failure only",
			History: 1, TTL: attemptsKept, Storage: o.Storage, Replicas: o.Replicas,
		},
		{
			Bucket: BucketArms, Description: "the secret that assigns tiers to arms",
			History: 1, Storage: o.Storage, Replicas: o.Replicas,
		},
		{
			Bucket: BucketRouters, Description: "which version of the router is active, shadow, canary, pinned",
			History: 16, Storage: o.Storage, Replicas: o.Replicas,
		},
		{
			Bucket: BucketBudgets, Description: "money that is reserved and spent, by budget and period",
			History: 1, TTL: budgetsKept, Storage: o.Storage, Replicas: o.Replicas, LimitMarkerTTL: time.Hour,
		},
		{
			Bucket: BucketKeys, Description: "virtual API keys, by the hash of their secret",
			History: 4, Storage: o.Storage, Replicas: o.Replicas,
		},
		{
			Bucket: BucketReplies, Description: "answers to requests with an Idempotency-Key, sealed by key and request",
			History: 1, TTL: repliesKept, MaxBytes: o.RepliesMaxBytes, Storage: o.Storage, Replicas: o.Replicas,
		},
		{
			Bucket: BucketTraining, Description: "what the trainers must agree on: open jobs, heartbeats, cancellations",
			History: 1, Storage: o.Storage, Replicas: o.Replicas, LimitMarkerTTL: time.Hour,
		},
	}
}

// ArtifactStore is the configuration of the object store.
func ArtifactStore(o Options) jetstream.ObjectStoreConfig {
	return jetstream.ObjectStoreConfig{
		Bucket: ObjectStoreArtifacts, Description: "routers and snapshots of examples, each with its digest",
		Storage: o.Storage, Replicas: o.Replicas,
	}
}

// Apply creates every stream and bucket, or changes those that exist to the options; it does nothing
// where nothing differs, and any number of copies may run it at once. While the server has no leader or
// too few peers it tries again, until ctx is done: give ctx a deadline. A stream that can't be changed
// (its storage, say) is an error that names it; no message is removed but what a lower MaxAge makes too old.
func Apply(ctx context.Context, js jetstream.JetStream, o Options) error {
	for _, k := range kept(js, o) {
		if err := insist(ctx, k.change); err != nil {
			return applyError(k.name, err)
		}
	}
	return nil
}

// Create makes the streams and buckets that are missing, and waits as [Apply] does. Those that exist keep their
// options, so that a process that merely works on a log never changes how much it holds and for how long; it
// returns the names of those whose options are not o.
func Create(ctx context.Context, js jetstream.JetStream, o Options) (different []string, err error) {
	for _, k := range kept(js, o) {
		err := insist(ctx, k.create)
		if err == nil {
			continue
		}
		if _, missing := js.Stream(ctx, k.stream); missing != nil { // a server without room says so before it looks
			return different, applyError(k.name, err)
		}
		different = append(different, k.name)
	}
	return different, nil
}

// keeping is one stream or bucket, and how the server is asked for it.
type keeping struct {
	name, stream   string
	create, change func(context.Context) error
}

func kept(js jetstream.JetStream, o Options) []keeping {
	var all []keeping
	for _, c := range Configs(o) {
		all = append(all, keeping{
			"stream " + c.Name, c.Name,
			func(ctx context.Context) error { _, err := js.CreateStream(ctx, c); return err },
			func(ctx context.Context) error { _, err := js.CreateOrUpdateStream(ctx, c); return err },
		})
	}
	for _, c := range Buckets(o) {
		all = append(all, keeping{
			"bucket " + c.Bucket, "KV_" + c.Bucket,
			func(ctx context.Context) error { _, err := js.CreateKeyValue(ctx, c); return err },
			func(ctx context.Context) error { _, err := js.CreateOrUpdateKeyValue(ctx, c); return err },
		})
	}
	c := ArtifactStore(o)
	return append(all, keeping{
		"object store " + c.Bucket, "OBJ_" + c.Bucket,
		func(ctx context.Context) error { _, err := js.CreateObjectStore(ctx, c); return err },
		func(ctx context.Context) error { _, err := js.CreateOrUpdateObjectStore(ctx, c); return err },
	})
}

// answerWithin is how long a server has for one request. A cluster that is starting lets some go unanswered,
// and the client would wait for them for as long as ctx allows.
const answerWithin = 5 * time.Second

// insist is [Insist] for requests that may go unanswered.
func insist(ctx context.Context, ask func(context.Context) error) error {
	return Insist(ctx, func() error {
		ctx, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		return ask(ctx)
	})
}

// Error codes of the server that nats.go has no name for.
const (
	codeNoPeers           = 10005
	codeNotEnabledForAcct = 10039
	codeConfigInvalid     = 10052
	codeNameInUse         = 10058
	codeUpdateRefused     = 10065
)

// errAgain asks Insist for another try.
var errAgain = errors.New("not there yet")

// Insist repeats do while the server or the cluster is not ready for it (starting, without a leader,
// too few peers), until ctx is done. Every other error ends it at once.
func Insist(ctx context.Context, do func() error) error {
	wait := 25 * time.Millisecond
	for {
		err := do()
		if err == nil || !notReady(err) || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w (last answer: %w)", ctx.Err(), err)
		case <-timer.C:
		}
		wait = min(2*wait, time.Second)
	}
}

// notReady tells the troubles of a server or a cluster that is starting from those that stay.
func notReady(err error) bool {
	if errors.Is(err, errAgain) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	return api.ErrorCode == codeNoPeers || api.Code == 503
}

// applyError says what to do about an error of the server.
func applyError(what string, err error) error {
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("%s: nobody answers for JetStream: %w; start the server with -js", what, err)
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeConfigInvalid, codeNameInUse, codeUpdateRefused:
			return fmt.Errorf("%s exists and can't be changed to these options: %w; keep its old options, or back it up, "+
				"delete it and apply again", what, err)
		case codeNoPeers:
			return fmt.Errorf("%s: too few servers for its replicas: %w; start more, or ask for fewer replicas", what, err)
		case codeStorageFull:
			return fmt.Errorf("%s: the server's disk has less room than its bound promises: %w; make room, or lower nats.replies_max_bytes "+
				"or nats.max_bytes", what, err)
		case codeNotEnabledForAcct:
			return fmt.Errorf("%s: JetStream is off for this account: %w; start the server with -js, or enable the account", what, err)
		}
	}
	return fmt.Errorf("apply %s: %w", what, err)
}
