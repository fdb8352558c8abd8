package budget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// record is one budget in one period, as the log holds it. Every write is a compare-and-swap by which
// Spent and the leases together never pass the limit (Invariant 7); see [propose].
type record struct {
	Budget  string          `json:"budget"`
	Subject string          `json:"subject,omitempty"`
	Scope   Scope           `json:"scope"`
	Period  Period          `json:"period"`
	Action  Action          `json:"action"`
	From    time.Time       `json:"from"`
	Limit   sluice.MicroUSD `json:"limit_microusd"`
	// Spent is what replicas have settled and told.
	Spent sluice.MicroUSD `json:"spent_microusd"`
	// Overrun is what was settled beyond a lease: 0 unless a claim's upper bound was none.
	Overrun sluice.MicroUSD `json:"overrun_microusd,omitempty"`
	// Leases are by replica and start of it.
	Leases map[string]lease `json:"leases,omitempty"`
}

// lease is what one process may spend without asking: what its open claims hold, what it settled and has
// not told yet, and what it has ready for claims to come.
type lease struct {
	Amount sluice.MicroUSD `json:"amount_microusd"`
	// Seq tells the writes of one process apart, so that it recognises one whose confirmation was lost.
	Seq  uint64    `json:"seq"`
	Seen time.Time `json:"seen"`
}

// forgottenAfter is when the entry of a lease over nothing is dropped from a record.
const forgottenAfter = time.Hour

func newRecord(l Limit, subject string, from time.Time) record {
	return record{Budget: l.Name, Subject: subject, Scope: l.Scope, Period: l.Period, Action: l.Action, From: from, Limit: l.Limit}
}

// leased is the sum of the leases.
func (r record) leased() sluice.MicroUSD {
	var sum sluice.MicroUSD
	for _, l := range r.Leases {
		sum += l.Amount
	}
	return sum
}

// with is a copy in which the process's lease is another one.
func (r record) with(me string, l lease) record {
	r.Leases = maps.Clone(r.Leases)
	if r.Leases == nil {
		r.Leases = map[string]lease{}
	}
	maps.DeleteFunc(r.Leases, func(_ string, old lease) bool {
		return old.Amount == 0 && l.Seen.Sub(old.Seen) > forgottenAfter
	})
	r.Leases[me] = l
	return r
}

// recordKey is the record's key: readable but for the subject, which may be any text.
func recordKey(l Limit, subject, window string) string {
	token := "all"
	if l.Scope != ScopeGlobal {
		token = sluice.HashID("budget", string(l.Scope), subject)
	}
	return l.Name + "." + token + "." + window
}

// What the shared state answers beside a value.
var (
	errAbsent   = errors.New("no such record")
	errConflict = errors.New("the record was changed by another replica")
	// errForeign comes with the revision, so that the record can be replaced.
	errForeign = errors.New("somebody else wrote what stands there, and what was spent is not known; sluice budgets rebuild makes it anew from the ledger")
)

// shared is the state that all replicas see. get may lag behind; put never does.
type shared interface {
	// get reads a record and its revision, or errAbsent, or errForeign.
	get(ctx context.Context, key string) (record, uint64, error)
	// put stores a record where its revision is still the given one (0: where there is none), or
	// errConflict. After any other error it may or may not be stored, now or a little later.
	put(ctx context.Context, key string, r record, revision uint64) (uint64, error)
	// drop removes a record whose revision is still the given one.
	drop(ctx context.Context, key string, revision uint64) error
	// keys lists the records of the given windows.
	keys(ctx context.Context, windows []string) ([]string, error)
}

// bucket is the shared state in the log.
type bucket struct{ kv jetstream.KeyValue }

func openBucket(ctx context.Context, js jetstream.JetStream) (bucket, error) {
	var kv jetstream.KeyValue
	err := streams.Insist(ctx, func() (err error) {
		kv, err = js.KeyValue(ctx, streams.BucketBudgets)
		return err
	})
	if err != nil {
		return bucket{}, fmt.Errorf("budgets: bucket %s: %w; apply the streams first", streams.BucketBudgets, err)
	}
	return bucket{kv: kv}, nil
}

func (b bucket) get(ctx context.Context, key string) (record, uint64, error) {
	entry, err := b.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return record{}, 0, errAbsent
	}
	if err != nil {
		return record{}, 0, fmt.Errorf("read budget %s: %w", key, err)
	}
	var r record
	if err := json.Unmarshal(entry.Value(), &r); err != nil || !r.standsAt(key) {
		return record{}, entry.Revision(), fmt.Errorf("read budget %s: revision %d: %w", key, entry.Revision(), errForeign)
	}
	return r, entry.Revision(), nil
}

// standsAt says whether a record is that of a key. Whoever may publish anything may have the server answer under any
// key, in JSON that has none of our words: taken for a record, it would be one of a budget of which nothing is spent.
func (r record) standsAt(key string) bool {
	window := key[strings.LastIndexByte(key, '.')+1:]
	return recordKey(Limit{Name: r.Budget, Scope: r.Scope}, r.Subject, window) == key
}

func (b bucket) put(ctx context.Context, key string, r record, revision uint64) (uint64, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("write budget %s: %w", key, err)
	}
	var now uint64
	if revision == 0 {
		now, err = b.kv.Create(ctx, key, value)
	} else {
		now, err = b.kv.Update(ctx, key, value, revision)
	}
	switch {
	case errors.Is(err, jetstream.ErrKeyExists), errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return 0, errConflict
	case err != nil:
		return 0, fmt.Errorf("write budget %s: %w", key, err)
	}
	return now, nil
}

func (b bucket) drop(ctx context.Context, key string, revision uint64) error {
	if err := b.kv.Delete(ctx, key, jetstream.LastRevision(revision)); err != nil {
		return fmt.Errorf("remove what stands for budget %s: %w", key, err)
	}
	return nil
}

func (b bucket) keys(ctx context.Context, windows []string) ([]string, error) {
	filters := make([]string, len(windows))
	for i, w := range windows {
		filters[i] = "*.*." + w
	}
	var keys []string
	err := streams.Insist(ctx, func() (err error) {
		keys, err = b.list(ctx, filters)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list budgets: %w", err)
	}
	return keys, nil
}

// list makes one try, in bounded time: a consumer that is lost with its server never ends the list.
func (b bucket) list(ctx context.Context, filters []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, listFor)
	defer cancel()
	lister, err := b.kv.ListKeysFiltered(ctx, slices.Clone(filters)...) // the client writes into them
	if err != nil {
		return nil, err
	}
	defer func() { _ = lister.Stop() }()
	var keys []string
	for {
		select {
		case key, more := <-lister.Keys():
			if !more {
				return keys, ctx.Err() // where it has ended, the list may have been cut short
			}
			keys = append(keys, key)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// listFor bounds one try at listing the records.
const listFor = 10 * time.Second

// windows are the periods that an instant falls into.
func windows(at time.Time) []string {
	var names []string
	for _, p := range []Period{Hour, Day, Month} {
		name, _, _ := p.window(at)
		names = append(names, name)
	}
	return names
}
