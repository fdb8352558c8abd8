package budget

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
)

// Keeper decides claims. One keeper serves any number of goroutines; every replica has one.
type Keeper struct{}

// Options describe a keeper.
type Options struct {
	// Limits are the configured budgets; none lets everything pass.
	Limits []Limit
	// Replica names this process among its peers, and again after a restart: [Keeper.Recover] takes back
	// what the last process of that name left. Two running processes must not share one. Required.
	Replica string
	// RefuseAway refuses every claim while the log is away, instead of going on within the lease.
	RefuseAway bool
}

// ErrUnknownClaim says that no open claim has the id: it was settled already, or never reserved.
var ErrUnknownClaim = errors.New("no such open claim")

// Open opens the shared state; the streams must have been applied. The owner calls [Keeper.Close].
func Open(ctx context.Context, js jetstream.JetStream, o Options) (*Keeper, error) {
	return &Keeper{}, nil
}

// Reserve decides a claim and, where the verdict is OK or Warn, reserves its amount in every budget that
// it concerns until it is settled. It mostly touches memory alone; where a lease must be renewed it asks
// the log, for a second or two at most while that is away. Its only errors are ctx's and a claim that
// makes no sense. A claim that is open already is OK once more and reserves nothing.
func (k *Keeper) Reserve(ctx context.Context, c Claim) (Verdict, error) {
	return Verdict{Decision: OK}, nil
}

// Settle books what the call of an open claim cost and frees the rest; 0 for a call that was not made.
// It touches memory alone and never blocks: the log hears of it within Options.Every.
func (k *Keeper) Settle(ctx context.Context, id string, actual sluice.MicroUSD) error { return nil }

// Flush stores everything that was settled before it. A spool calls it before it forgets a call.
func (k *Keeper) Flush(ctx context.Context) error { return nil }

// Recover takes back what an earlier process of the same replica name had leased when it died, and books
// the given spends in its stead: every call that the replica's spool still holds, settled or not. Call it
// once, before the first claim. Until then, and for good where it is never called, such leases count as
// spent. It can't exceed a cap: what it books was leased.
func (k *Keeper) Recover(ctx context.Context, spends []Spend) error { return nil }

// State is how far the budgets that a claim would concern are spent, the most spent one first. It asks
// nobody: what other replicas spent is as of the last exchange with the log.
func (k *Keeper) State(tenant, keyID, model string, own ...Limit) []State { return nil }

// Close gives back what is not in use and ends the keeper. What open claims hold stays reserved.
func (k *Keeper) Close(ctx context.Context) error { return nil }
