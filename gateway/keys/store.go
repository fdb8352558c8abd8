package keys

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/gateway/budget"
)

// Options describe a store of keys. The zero value suits a command.
type Options struct {
	// Replicas is the number of gateways that share the traffic: each enforces its share of a key's rate.
	// Below 1 is 1.
	Replicas int
	// Anonymous lets requests from this machine in without a key for as long as no key was ever made.
	Anonymous bool
	// Log hears when the log can't be asked for news; nil: nobody does.
	Log *slog.Logger
}

// Spec is what a new key is to be.
type Spec struct {
	Name, Tenant  string
	Scopes        []Scope
	ExpiresAt     time.Time
	RatePerMinute int
	Budgets       []budget.Limit
}

// Store holds all keys.
type Store struct{}

// Open reads all keys and keeps up with the log until [Store.Close]. The streams must have been applied.
func Open(ctx context.Context, js jetstream.JetStream, o Options) (*Store, error) {
	return &Store{}, nil
}

// Close ends the keeping up and waits for it.
func (s *Store) Close() {}

// Create makes a key and stores it. The secret is not stored: this is the only time that it is seen.
func (s *Store) Create(ctx context.Context, spec Spec) (key Key, secret string, err error) {
	return Key{}, "", nil
}

// List is every key, revoked and expired ones included, oldest first.
func (s *Store) List() []Key { return nil }

// Revoke ends a key for good. Revoking it again changes nothing.
func (s *Store) Revoke(ctx context.Context, id string) (Key, error) { return Key{}, nil }

// Lookup finds the key of a secret ("sk-sluice-..."). It asks nobody. Its errors are [ErrMissing],
// [ErrUnknown], [ErrExpired] and [ErrRevoked].
func (s *Store) Lookup(secret string) (Key, error) { return Key{}, ErrUnknown }

// Authenticate is [Store.Lookup] that also knows anonymous development: without a secret, a request that
// came straight from this machine gets the anonymous key while [Store.AnonymousOpen] holds. loopback
// must be false for a request that a proxy forwarded, whatever its peer's address is.
func (s *Store) Authenticate(secret string, loopback bool) (Key, error) { return Key{}, ErrUnknown }

// AnonymousOpen says whether requests from this machine need no key: Options.Anonymous, and no key was
// ever made. A gateway in this state should listen on loopback alone, and say so.
func (s *Store) AnonymousOpen() bool { return false }

// Allow takes one request off the key's rate. Where there is none left it says how long to wait. The
// rate is this replica's share, RatePerMinute / Options.Replicas, with bursts of up to that share's ten
// seconds: exact for evenly spread traffic, and never above RatePerMinute in the long run.
func (s *Store) Allow(k Key) (ok bool, retryAfter time.Duration) { return true, 0 }
