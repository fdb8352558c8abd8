package budget

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice"
)

// Reserve decides a claim and, where the verdict is OK or Warn, reserves its amount in every budget that
// it concerns until it is settled. It mostly touches memory alone; where a lease must be renewed it asks
// the log, for a few seconds at most while that is away. Its only errors are ctx's, a closed keeper and a
// claim that makes no sense. A claim that is open already is OK once more and reserves nothing.
func (k *Keeper) Reserve(ctx context.Context, c Claim) (Verdict, error) {
	if c.ID == "" || c.Amount < 0 || c.At.IsZero() {
		return Verdict{}, fmt.Errorf("claim %q: wants an id, an amount of at least 0 and a time", c.ID)
	}
	for local := true; ; local = false {
		v, waits, err := k.decide(c, local) //nolint:contextcheck // an exchange outlives the claim that began it
		if err != nil || len(waits) == 0 {
			return v, err
		}
		for _, w := range waits {
			select {
			case <-w.flight.done:
			case <-ctx.Done():
				return Verdict{}, fmt.Errorf("claim %s: budget %s: %w", c.ID, w.account.limit.Name, context.Cause(ctx))
			}
			if w.flight.err != nil {
				return k.unreachable(w.account), nil //nolint:nilerr // that the log is away is a verdict
			}
		}
	}
}

// wait is an exchange that a claim must wait for.
type wait struct {
	account *account
	flight  *flight
}

// decide decides a claim by what is known. Where that is not enough it starts exchanges with the log and
// tells which.
func (k *Keeper) decide(c Claim, local bool) (Verdict, []wait, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return Verdict{}, nil, fmt.Errorf("claim %s: %w", c.ID, errClosed)
	}
	if _, ok := k.open[c.ID]; ok {
		return Verdict{Decision: OK}, nil, nil
	}
	now := k.o.Now()
	accounts := k.concerned(c.Tenant, c.KeyID, c.Model, c.At, c.Own)
	v := Verdict{Decision: OK}
	short := 0
	for _, a := range accounts {
		a.busyAt = now
		switch f := k.finding(a, c, now); f {
		case lacks:
			short++
		case Refuse, Downgrade, Warn:
			if worse(f, v.Decision) {
				v = a.verdict(f)
			}
		}
	}
	switch {
	case !v.Reserved():
	case short > 0:
		return Verdict{}, k.wants(accounts, c.Amount, now), nil
	default:
		k.take(c, accounts, now)
	}
	v.Unreachable = v.Decision == Refuse && k.o.RefuseAway && k.away()
	k.stats.decided(v, local)
	return v, nil, nil
}

// lacks is a finding of one account: it can't tell without asking the log.
const lacks Decision = "lacks"

// finding is what one account says to a claim.
func (k *Keeper) finding(a *account, c Claim, now time.Time) Decision {
	share, warned := a.share(), a.limit.warnAt()
	refusal := Refuse
	if a.limit.Action == ActionDowngrade && !c.Downgraded {
		refusal = Downgrade
	}
	switch {
	case !a.limit.hard():
	case k.o.RefuseAway && k.away():
		return Refuse
	case refusal == Downgrade && share >= warned:
		return Downgrade
	case a.free(now) < c.Amount:
		if a.fresh(now) && c.Amount > a.free(now)+max(a.rest(), 0) {
			return refusal
		}
		return lacks
	}
	if share >= warned {
		return Warn
	}
	return OK
}

// worse says whether a finding outranks another.
func worse(f, than Decision) bool {
	rank := map[Decision]int{OK: 0, Warn: 1, Downgrade: 2, Refuse: 3}
	return rank[f] > rank[than]
}

// wants asks the log for what the accounts lack.
func (k *Keeper) wants(accounts []*account, amount sluice.MicroUSD, now time.Time) []wait {
	var waits []wait
	for _, a := range accounts {
		if a.limit.hard() && a.free(now) < amount {
			f := k.want(a, func(f *flight) { f.needs = append(f.needs, amount) })
			waits = append(waits, wait{a, f})
		}
	}
	return waits
}

// take reserves the claim's amount, and renews leases that run low.
func (k *Keeper) take(c Claim, accounts []*account, now time.Time) {
	k.open[c.ID] = reservation{amount: c.Amount, accounts: accounts}
	for _, a := range accounts {
		a.held += c.Amount
		a.taken += c.Amount
		if a.limit.hard() && a.current == nil && a.free(now) < a.low {
			k.want(a, func(*flight) {})
		}
	}
}

// verdict is a finding of the account in full.
func (a *account) verdict(d Decision) Verdict {
	return Verdict{
		Decision: d, Budget: a.limit.Name, Subject: a.subject,
		Left: max(a.limit.Limit-a.used(), 0), Share: a.share(), ResetsAt: a.until,
	}
}

func (k *Keeper) unreachable(a *account) Verdict {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := a.verdict(Refuse)
	v.Unreachable = true
	k.stats.decided(v, false)
	return v
}

// away says whether the log is out of reach, as far as we know. The lock is held.
func (k *Keeper) away() bool { return k.failing || !k.connected() }

func (s *Stats) decided(v Verdict, local bool) {
	switch v.Decision {
	case OK:
		s.OK++
	case Warn:
		s.Warned++
	case Downgrade:
		s.Downgraded++
	case Refuse:
		s.Refused++
	}
	if v.Unreachable {
		s.Unreachable++
	}
	if local {
		s.Local++
	}
}

// Settle books what the call of an open claim cost and frees the rest; 0 for a call that was not made. It
// touches memory alone and never blocks: the log hears of it within Options.Every. A cost above the
// claim's amount is booked and counted in [Stats].Overruns; a negative one is an error.
func (k *Keeper) Settle(_ context.Context, id string, actual sluice.MicroUSD) error {
	if actual < 0 {
		return fmt.Errorf("settle %s: %w", id, errors.New("a call can't cost less than nothing"))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.open[id]
	if !ok {
		return fmt.Errorf("settle %s: %w", id, ErrUnknownClaim)
	}
	delete(k.open, id)
	if actual > r.amount {
		k.stats.Overruns++
	}
	for _, a := range r.accounts {
		a.held -= r.amount
		a.settled += actual
	}
	return nil
}
