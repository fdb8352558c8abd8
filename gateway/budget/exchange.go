package budget

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// How leases behave. A slice is a fiftieth of what is to be had, so that ten replicas together keep at
// most a fifth of it from one another.
const (
	leaseParts = 50
	// leaseAhead is how long a lease should last at the rate of late.
	leaseAhead = 2 * time.Second
	// leaseGood is how long a lease may be used without a word from the log; leaseRenew is when one that
	// is in use is renewed. [Rebuild] may drop it after leaseLost.
	leaseGood  = 5 * time.Minute
	leaseRenew = time.Minute
	leaseLost  = 15 * time.Minute
	// idleFor is how long a lease without claims is kept.
	idleFor = 15 * time.Second
	// dryFor is how long a replica believes that a budget has no room before it asks again.
	dryFor = 100 * time.Millisecond
	// patience bounds one exchange with the log, tryFor one request of it.
	patience = 2 * time.Second
	tryFor   = 750 * time.Millisecond
)

// want joins the account's next exchange with the log, and starts it where none is under way. The lock is
// held. The keeper waits for the goroutine in Close.
func (k *Keeper) want(a *account, f func(*flight)) *flight {
	if a.next == nil {
		a.next = &flight{done: make(chan struct{})}
	}
	f(a.next)
	joined := a.next
	if a.current == nil {
		k.launch(a)
	}
	return joined
}

func (k *Keeper) launch(a *account) {
	a.current, a.next = a.next, nil
	f := a.current
	k.flights.Go(func() {
		err := k.exchange(a, f)
		if errors.Is(err, errForeign) {
			k.o.Log.Error("a budget lets nothing pass that it has no lease for", "error", err)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		f.err = err
		if err != nil {
			k.stats.Failed++
		}
		k.failing = err != nil && !errors.Is(err, errForeign) // that one the log answered
		close(f.done)
		a.current = nil
		if a.next != nil {
			k.launch(a)
		}
	})
}

// exchange tells the log what was settled and asks it for what is needed, until it has confirmed one
// write of ours or patience ends.
func (k *Keeper) exchange(a *account, f *flight) error {
	k.slots <- struct{}{}
	defer func() { <-k.slots }()
	ctx, cancel := context.WithTimeout(k.ctx, patience)
	defer cancel()
	for try := 0; ; try++ {
		err := k.try(ctx, a, f, try > 0)
		if err == nil {
			return nil
		}
		if k.pause(ctx, try) != nil {
			return fmt.Errorf("budget %s: %w", a.key, err)
		}
	}
}

// try makes one write, from the record as it is known or, with look, as it is now.
func (k *Keeper) try(ctx context.Context, a *account, f *flight, look bool) error {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	k.mu.Lock()
	look = look || a.knownAt.IsZero() || len(a.pending) > 0
	k.mu.Unlock()
	if look {
		if err := k.look(ctx, a); err != nil {
			return err
		}
	}
	began := k.o.Now()
	k.mu.Lock()
	p := a.propose(k.me, f, began)
	base := a.revision
	a.pending = append(a.pending, p)
	a.giving = max(a.giving, p.gives)
	k.mu.Unlock()
	revision, err := k.shared.put(ctx, a.key, p.record, base)
	if err != nil {
		return err // a conflict, too, may hide an earlier write of ours: the next look tells
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	a.confirm(p)
	a.pending, a.giving = nil, 0
	a.known, a.revision, a.knownAt = p.record, revision, k.o.Now()
	a.taken, a.goodFrom = 0, began
	return nil
}

// look reads the record. A read that lags behind what we know changes nothing: the write decides.
func (k *Keeper) look(ctx context.Context, a *account) error {
	r, revision, err := k.shared.get(ctx, a.key)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case errors.Is(err, errAbsent):
		if a.knownAt.IsZero() {
			a.knownAt = k.o.Now()
		}
		return nil
	case err != nil:
		return err
	}
	if revision > a.revision {
		a.see(k.me, r, revision, k.o.Now())
	}
	return nil
}

// pause waits a little longer after each try, at random, so that replicas get out of each other's way.
func (k *Keeper) pause(ctx context.Context, try int) error {
	most := min(time.Millisecond<<min(try, 7), 100*time.Millisecond)
	timer := time.NewTimer(rand.N(most) + most/4)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
