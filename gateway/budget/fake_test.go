package budget

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
)

// fakeShared is the shared state in memory. It holds what the log holds: one writer of a revision wins.
type fakeShared struct {
	mu      sync.Mutex
	history map[string][]record
	// trouble, where set, is asked before each request.
	trouble func() trouble
	// worst is the largest sum of spent and leases of each record, less its overrun.
	worst map[string]sluice.MicroUSD
	puts  int
}

// trouble is what happens to one request.
type trouble int

const (
	fine      trouble = iota
	lost              // the request never arrives
	unheard           // it is carried out and its answer is lost
	lagging           // a read is answered by a replica that lags behind
	thickHead         // a write is refused though nobody was first
)

func newFakeShared() *fakeShared {
	return &fakeShared{
		worst:   map[string]sluice.MicroUSD{},
		history: map[string][]record{},
	}
}

var errLost = errors.New("no answer")

// setTrouble says what happens to requests from now on, and returns what did so far; exchanges may be under way.
func (f *fakeShared) setTrouble(next func() trouble) (was func() trouble) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was, f.trouble = f.trouble, next
	return was
}

func (f *fakeShared) next() trouble {
	if f.trouble == nil {
		return fine
	}
	return f.trouble()
}

func (f *fakeShared) get(_ context.Context, key string) (record, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.next()
	if t == lost || t == unheard {
		return record{}, 0, errLost
	}
	h := f.history[key]
	if len(h) == 0 {
		return record{}, 0, errAbsent
	}
	if t == lagging {
		if len(h) == 1 {
			return record{}, 0, errAbsent
		}
		i := rand.N(len(h) - 1)
		return h[i], uint64(i + 1), nil
	}
	return h[len(h)-1], uint64(len(h)), nil
}

func (f *fakeShared) put(_ context.Context, key string, r record, revision uint64) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.next()
	if t == lost {
		return 0, errLost
	}
	if uint64(len(f.history[key])) != revision || t == thickHead {
		return 0, errConflict
	}
	f.puts++
	f.history[key] = append(f.history[key], r)
	f.worst[key] = max(f.worst[key], r.Spent+r.leased()-r.Overrun)
	if t == unheard {
		return 0, errLost
	}
	return revision + 1, nil
}

func (f *fakeShared) drop(context.Context, string, uint64) error {
	panic("nobody else writes into a fake")
}

func (f *fakeShared) keys(_ context.Context, windows []string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for key := range f.history {
		if slices.Contains(windows, key[strings.LastIndex(key, ".")+1:]) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (f *fakeShared) last(key string) record {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.history[key]; len(h) > 0 {
		return h[len(h)-1]
	}
	return record{}
}

func always() bool { return true }

// noon is an instant in the middle of every period.
var noon = time.Date(2026, 3, 16, 12, 30, 0, 0, time.UTC)

func global(name string, limit sluice.MicroUSD, action Action) Limit {
	return Limit{Name: name, Scope: ScopeGlobal, Period: Day, Limit: limit, Action: action}
}

// openFake opens a keeper on a fake, closed with the test.
func openFake(tb testing.TB, s shared, o Options) *Keeper {
	tb.Helper()
	if o.Replica == "" {
		o.Replica = "r1"
	}
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	if o.Every == 0 {
		o.Every = time.Hour // tests sweep by hand
	}
	k, err := open(tb.Context(), s, always, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { k.stop(); k.ticking.Wait(); k.flights.Wait() })
	return k
}

func claim(id string, amount sluice.MicroUSD) Claim {
	return Claim{ID: id, Tenant: "acme", KeyID: "k1", Model: "large", Amount: amount, At: noon}
}

// reserve fails the test on an error and returns the verdict.
func reserve(tb testing.TB, k *Keeper, c Claim) Verdict {
	tb.Helper()
	v, err := k.Reserve(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func settle(tb testing.TB, k *Keeper, id string, actual sluice.MicroUSD) {
	tb.Helper()
	if err := k.Settle(tb.Context(), id, actual); err != nil {
		tb.Fatal(err)
	}
}

func flush(tb testing.TB, k *Keeper) {
	tb.Helper()
	if err := k.Flush(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}
