package keys

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"

	"sluice/bulkhead"
	"sluice/gateway/budget"
	"sluice/streams"
)

// LookEvery is how often a store asks the log for news, unless [Options] say otherwise: a new key is known to every
// gateway, and a revoked one to none, after that.
const LookEvery = 250 * time.Millisecond

// Options describe a store of keys. The zero value suits a command.
type Options struct {
	// Replicas is the number of gateways that share the traffic: each enforces its share of a key's rate.
	// Below 1 is 1.
	Replicas int
	// Anonymous lets requests from this machine in without a key for as long as no key was ever made.
	Anonymous bool
	// Every is how often the log is asked for news; 0: [LookEvery].
	Every time.Duration
	// Log hears when the log can't be asked for news; nil: nobody does.
	Log *slog.Logger
	// Beside contains panics while news are taken in; nil: they end the process.
	Beside *bulkhead.Bulkhead
	// Now is time.Now outside tests.
	Now func() time.Time
}

// Store holds all keys. It serves any number of goroutines.
type Store struct {
	kv     jetstream.KeyValue
	stream jetstream.Stream
	o      Options

	stop      context.CancelFunc
	following sync.WaitGroup // the goroutine of follow; Close waits for it

	mu sync.RWMutex
	// records are by id; last is the sequence of the last message that they take into account.
	records  map[string]entry
	last     uint64
	limiters map[string]*rate.Limiter
}

// entry is a key with what its secret hashes to.
type entry struct {
	key  Key
	hash [sha256.Size]byte
}

// record is an entry as the log holds it.
type record struct {
	Key
	SHA256 string `json:"sha256"`
}

// Open reads all keys and keeps up with the log until [Store.Close]. The streams must have been applied.
func Open(ctx context.Context, js jetstream.JetStream, o Options) (*Store, error) {
	o.Replicas = max(o.Replicas, 1)
	if o.Every <= 0 {
		o.Every = LookEvery
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{o: o, records: map[string]entry{}, limiters: map[string]*rate.Limiter{}}
	err := streams.Insist(ctx, func() (err error) {
		if s.kv, err = js.KeyValue(ctx, streams.BucketKeys); err != nil {
			return err
		}
		s.stream, err = js.Stream(ctx, "KV_"+streams.BucketKeys)
		return err
	})
	if err == nil {
		err = streams.Insist(ctx, func() error { return s.catchUp(ctx) })
	}
	if err != nil {
		return nil, fmt.Errorf("API keys: bucket %s: %w; apply the streams first", streams.BucketKeys, err)
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.following.Go(func() { s.follow(ctx) })
	return s, nil
}

// Close ends the keeping up and waits for it.
func (s *Store) Close() {
	s.stop()
	s.following.Wait()
}

// Spec is what a new key is to be.
type Spec struct {
	Name, Tenant string
	// Scopes are at least one.
	Scopes []Scope
	// ExpiresAt is in the future, or the zero time for never.
	ExpiresAt     time.Time
	RatePerMinute int
	// Budgets need no name, scope or match: they are the key's.
	Budgets []budget.Limit
}

// Validate says what is wrong with a key that a person asks for; [Store.Create] refuses it with the same words.
func (s Spec) Validate(now time.Time) error { return s.key("new", now).validate() }

// key is what the spec asks for, not yet looked at.
func (s Spec) key(id string, now time.Time) Key {
	key := Key{
		ID: id, Name: s.Name, Tenant: s.Tenant, Scopes: s.Scopes, CreatedAt: now.UTC(),
		RatePerMinute: s.RatePerMinute, Budgets: slices.Clone(s.Budgets),
	}
	if !s.ExpiresAt.IsZero() {
		key.ExpiresAt = s.ExpiresAt.UTC()
	}
	for i := range key.Budgets {
		b := &key.Budgets[i]
		b.Name, b.Scope, b.Match = OwnBudget+string(b.Period), budget.ScopeKey, id
	}
	return key
}

// Create makes a key and stores it. The secret is not stored: this is the only time that it is seen.
func (s *Store) Create(ctx context.Context, spec Spec) (key Key, secret string, err error) {
	id, secret, err := newSecret()
	if err != nil {
		return Key{}, "", err
	}
	key = spec.key(id, s.o.Now())
	if err := key.validate(); err != nil {
		return Key{}, "", fmt.Errorf("new API key: %w", err)
	}
	hash := digest(secret)
	value, err := json.Marshal(record{Key: key, SHA256: hex.EncodeToString(hash[:])})
	if err == nil {
		_, err = s.kv.Create(ctx, id, value)
	}
	if err != nil {
		return Key{}, "", fmt.Errorf("store API key %s: %w", id, err)
	}
	return key, secret, nil
}

// List is every key, revoked and expired ones included, oldest first.
func (s *Store) List() []Key {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := make([]Key, 0, len(s.records))
	for _, e := range s.records {
		keys = append(keys, e.key)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return keys
}

// Get is the key of an id.
func (s *Store) Get(id string) (Key, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.records[id]
	return e.key, ok
}

// Revoke ends a key for good, on every replica within a second. Revoking it again changes nothing.
func (s *Store) Revoke(ctx context.Context, id string) (Key, error) {
	var key Key
	err := streams.Insist(ctx, func() error {
		for {
			found, err := s.kv.Get(ctx, id)
			if err != nil {
				return err
			}
			var r record
			if err := json.Unmarshal(found.Value(), &r); err != nil {
				return err
			}
			if key = r.Key; !r.RevokedAt.IsZero() {
				return nil
			}
			r.RevokedAt = s.o.Now().UTC()
			value, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if _, err = s.kv.Update(ctx, id, value, found.Revision()); !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
				key = r.Key
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	})
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Key{}, fmt.Errorf("revoke API key %q: there is no such key; see: sluice keys list", id)
	}
	if err != nil {
		return Key{}, fmt.Errorf("revoke API key %s: %w", id, err)
	}
	return key, nil
}
