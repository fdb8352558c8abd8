package budget

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
)

// Keeper decides claims. One keeper serves any number of goroutines; every replica has one.
type Keeper struct {
	shared shared
	o      Options
	// me names this process in leases: the replica and its start.
	me string
	// connected says whether the log is within reach.
	connected func() bool

	ctx  context.Context // ends with the keeper; for what no caller waits for
	stop context.CancelFunc
	// ticking is the goroutine of tick, flights are the exchanges under way; Close waits for both.
	ticking, flights sync.WaitGroup
	// slots bounds the exchanges that talk to the log at once.
	slots chan struct{}

	mu       sync.Mutex
	accounts map[string]*account
	routes   map[route][]*account
	open     map[string]reservation
	stats    Stats
	failing  bool // the log did not answer the last exchange
	closed   bool
}

// Options describe a keeper.
type Options struct {
	// Limits are the configured budgets; none lets everything pass.
	Limits []Limit
	// Replica names this process among its peers, and again after a restart: [Keeper.Recover] takes back
	// what the last process of that name left. Two running processes must not share one. Required; a
	// valid token of a subject.
	Replica string
	// RefuseAway refuses every claim while the log is away, instead of going on within the lease.
	RefuseAway bool
	// Every is how often the log is told what was settled; 0: a second.
	Every time.Duration
	// Log hears of records that somebody else wrote; nil: nobody does.
	Log *slog.Logger
	// Now is time.Now outside tests.
	Now func() time.Time
}

// Stats counts what a keeper did since it was opened.
type Stats struct {
	// Claims by decision. Local counts those that were decided without waiting for the log.
	OK, Warned, Downgraded, Refused, Local int64
	// Unreachable counts refusals because the log was away.
	Unreachable int64
	// Failed counts exchanges with the log that gave up.
	Failed int64
	// Overruns counts calls that cost more than their claim said they could: 0, or somebody's bound is
	// wrong.
	Overruns int64
	// Open is the number of claims that are not settled.
	Open int
}

// ErrUnknownClaim says that no open claim has the id: it was settled already, or never reserved.
var ErrUnknownClaim = errors.New("no such open claim")

var errClosed = errors.New("the keeper of budgets is closed")

// Open opens the shared state; the streams must have been applied. The owner calls [Keeper.Close].
func Open(ctx context.Context, js jetstream.JetStream, o Options) (*Keeper, error) {
	b, err := openBucket(ctx, js)
	if err != nil {
		return nil, err
	}
	return open(ctx, b, js.Conn().IsConnected, o)
}

func open(ctx context.Context, s shared, connected func() bool, o Options) (*Keeper, error) {
	if o.Replica == "" || strings.Trim(o.Replica, tokenLetters) != "" {
		return nil, fmt.Errorf("budgets: replica %q: want letters, digits, - and _", o.Replica)
	}
	var faults []error
	for _, l := range o.Limits {
		faults = append(faults, l.Validate())
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keeper{
		shared: s, o: o, connected: connected, slots: make(chan struct{}, 64),
		me:       o.Replica + "/" + o.Now().UTC().Format("20060102T150405.000000000"),
		accounts: map[string]*account{}, routes: map[route][]*account{}, open: map[string]reservation{},
	}
	k.ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	k.ticking.Go(k.tick)
	return k, nil
}

// tick tells the log what was settled, returns what is idle, and forgets what is over.
func (k *Keeper) tick() {
	ticker := time.NewTicker(k.o.Every)
	defer ticker.Stop()
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-ticker.C:
			k.sweep()
		}
	}
}

func (k *Keeper) sweep() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	now, dropped := k.o.Now(), false
	for key, a := range k.accounts {
		if a.due(now) {
			k.want(a, func(*flight) {})
		}
		if a.quiet() && (!now.Before(a.until) || a.idle(now) && !a.knownAt.IsZero() && now.Sub(a.knownAt) > 10*idleFor) {
			delete(k.accounts, key)
			dropped = true
		}
	}
	if dropped || len(k.routes) > 10_000 {
		clear(k.routes)
	}
}

// Stats is what the keeper did so far.
func (k *Keeper) Stats() Stats {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stats
	s.Open = len(k.open)
	return s
}

// Flush stores everything that was settled before it. A spool calls it before it forgets a call.
func (k *Keeper) Flush(ctx context.Context) error { return k.settleAll(ctx, (*account).owed, false) }

// Owed says whether Flush has something to store.
func (k *Keeper) Owed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range k.accounts {
		if a.owed() {
			return true
		}
	}
	return false
}

// owed says whether the log does not know yet what was spent. The keeper's lock is held.
func (a *account) owed() bool { return a.settled != 0 || len(a.pending) > 0 }

// settleAll makes one exchange for each account that asks for one, and waits.
func (k *Keeper) settleAll(ctx context.Context, which func(*account) bool, giveAll bool) error {
	k.mu.Lock()
	var flights []*flight
	for _, a := range k.accounts {
		if which(a) {
			flights = append(flights, k.want(a, func(f *flight) { f.giveAll = f.giveAll || giveAll })) //nolint:contextcheck // an exchange outlives whoever asked for it
		}
	}
	k.mu.Unlock()
	var faults []error
	for _, f := range flights {
		select {
		case <-f.done:
			faults = append(faults, f.err)
		case <-ctx.Done():
			return errors.Join(append(faults, fmt.Errorf("budgets: not all was stored: %w", context.Cause(ctx)))...)
		}
	}
	return errors.Join(faults...)
}

// Close stores what was settled, gives back what is not in use and ends the keeper. What open claims hold
// stays reserved.
func (k *Keeper) Close(ctx context.Context) error {
	k.mu.Lock()
	was := k.closed
	k.closed = true
	k.mu.Unlock()
	if was {
		return nil
	}
	err := k.settleAll(ctx, func(a *account) bool { return !a.quiet() }, true)
	k.stop()
	k.ticking.Wait()
	k.flights.Wait()
	return err
}

// route is the part of a claim that decides which accounts it concerns.
type route struct {
	tenant, key, model string
	hour               int64
	own                *Limit
	owns               int
}

// concerned is the accounts of a claim, made where they are not there yet. The lock is held.
func (k *Keeper) concerned(tenant, keyID, model string, at time.Time, own []Limit) []*account {
	if len(k.o.Limits)+len(own) == 0 {
		return nil
	}
	r := route{tenant: tenant, key: keyID, model: model, hour: at.Unix() / 3600, owns: len(own)}
	if len(own) > 0 {
		r.own = &own[0]
	}
	if accounts, ok := k.routes[r]; ok {
		return accounts
	}
	var accounts []*account
	for _, limits := range [][]Limit{k.o.Limits, own} {
		for _, l := range limits {
			if subject, ok := l.subjectOf(tenant, keyID, model); ok {
				accounts = append(accounts, k.account(l, subject, at))
			}
		}
	}
	k.routes[r] = accounts
	return accounts
}

func (k *Keeper) account(l Limit, subject string, at time.Time) *account {
	window, from, until := l.Period.window(at)
	key := recordKey(l, subject, window)
	a := k.accounts[key]
	if a == nil {
		a = &account{key: key, limit: l, subject: subject, from: from, until: until}
		k.accounts[key] = a
	}
	return a
}

// subjectOf is whose budget of this limit a claim spends; false where it spends none.
func (l Limit) subjectOf(tenant, keyID, model string) (string, bool) {
	var s string
	switch l.Scope {
	case ScopeGlobal:
		return "", true
	case ScopeTenant:
		s = tenant
	case ScopeKey:
		s = keyID
	case ScopeModel:
		s = model
	}
	return s, l.Match == "*" || l.Match == s
}

// reservation is an open claim.
type reservation struct {
	amount   sluice.MicroUSD
	accounts []*account
}
