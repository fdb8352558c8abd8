package budget

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"sluice"
)

// Recover takes back what earlier processes of the same replica name had leased when they died, and books
// the given spends in their stead: every call that the replica's spool still holds, settled or not, at
// what it cost or, where nobody knows, may have cost at most. Call it once, before the first claim. Until
// then, and for good where it is never called, such leases count as spent. It can't exceed a cap: it books
// at most what was leased; a budget that only warns leases nothing, and books all. What it books is booked once,
// however many processes find it in the spool. A call that the spool still holds and the dead process had told the log
// of is booked twice, which [Rebuild] puts right.
func (k *Keeper) Recover(ctx context.Context, spends []Spend) error {
	owed := map[string]owing{}
	k.mu.Lock()
	for _, s := range spends {
		for _, a := range k.concerned(s.Tenant, s.KeyID, s.Model, s.At, s.Own) {
			owed[a.key] = owing{a, append(owed[a.key].spends, s)}
		}
	}
	k.mu.Unlock()
	keys, err := k.shared.keys(ctx, windows(k.o.Now()))
	if err != nil {
		return fmt.Errorf("recover leases of %s: %w", k.o.Replica, err)
	}
	for _, key := range keys {
		if _, ok := owed[key]; !ok {
			owed[key] = owing{}
		}
	}
	var faults []error
	for key, o := range owed {
		if err := k.recover(ctx, key, o); err != nil && !errors.Is(err, errForeign) { // there is no lease to take back
			faults = append(faults, fmt.Errorf("recover leases of %s: budget %s: %w", k.o.Replica, key, err))
		}
	}
	return errors.Join(faults...)
}

// owing is what the spool holds of an account, oldest first; none: nothing.
type owing struct {
	*account
	spends []Spend
}

// soft says that nothing but the spool tells what the dead spent of it.
func (o owing) soft() bool { return o.account != nil && !o.limit.hard() }

// behind is what the calls behind that of an id come to; all of them where there is no such call.
func (o owing) behind(id string) (sum sluice.MicroUSD) {
	for _, s := range o.spends {
		sum += s.Cost
		if s.ID == id {
			sum = 0
		}
	}
	return sum
}

// recover takes the leases of the dead off one record.
func (k *Keeper) recover(ctx context.Context, key string, o owing) error {
	// The record tells by a lease of nothing which call of the spool is the last that is booked: the spool holds it
	// still where a process died before the log had taken all.
	booked := k.o.Replica + "/booked/"
	return change(ctx, k.shared, key, false, func(r *record) bool {
		if r.Budget == "" && !o.soft() {
			return false
		}
		if r.Budget == "" {
			*r = newRecord(o.limit, o.subject, o.from)
		}
		var left sluice.MicroUSD
		last, before := "", len(r.Leases)
		r.Leases = maps.Clone(r.Leases)
		maps.DeleteFunc(r.Leases, func(who string, l lease) bool {
			dead := strings.HasPrefix(who, k.o.Replica+"/") && who != k.me
			if dead {
				left += l.Amount
			}
			if id, ok := strings.CutPrefix(who, booked); ok {
				last = id
			}
			return dead
		})
		sum := o.behind(last)
		if !o.soft() {
			sum = min(sum, left)
		}
		if n := len(o.spends); n > 0 {
			*r = r.with(booked+o.spends[n-1].ID, lease{Seen: k.o.Now().UTC()})
		}
		r.Spent += sum
		return sum != 0 || len(r.Leases) != before
	})
}
