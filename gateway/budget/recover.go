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
// at most what was leased; a budget that only warns leases nothing, and books all. A call that the spool still
// holds and the dead process had told the log of is booked twice, which [Rebuild] puts right.
func (k *Keeper) Recover(ctx context.Context, spends []Spend) error {
	owed := map[string]owing{}
	k.mu.Lock()
	for _, s := range spends {
		for _, a := range k.concerned(s.Tenant, s.KeyID, s.Model, s.At, s.Own) {
			owed[a.key] = owing{a, owed[a.key].sum + s.Cost}
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
		if err := k.recover(ctx, key, o); err != nil {
			faults = append(faults, fmt.Errorf("recover leases of %s: budget %s: %w", k.o.Replica, key, err))
		}
	}
	return errors.Join(faults...)
}

// owing is what the spool holds of an account; none: nothing.
type owing struct {
	*account
	sum sluice.MicroUSD
}

// soft says that nothing but the spool tells what the dead spent of it.
func (o owing) soft() bool { return o.account != nil && !o.limit.hard() }

// recover takes the leases of the dead off one record.
func (k *Keeper) recover(ctx context.Context, key string, o owing) error {
	done := k.me + "/recovered" // leases nothing: it tells that what a soft budget owes is booked
	return change(ctx, k.shared, key, func(r *record) bool {
		if _, ok := r.Leases[done]; ok || r.Budget == "" && !o.soft() {
			return false
		}
		if r.Budget == "" {
			*r = newRecord(o.limit, o.subject, o.from)
		}
		var left sluice.MicroUSD
		before := len(r.Leases)
		r.Leases = maps.Clone(r.Leases)
		maps.DeleteFunc(r.Leases, func(who string, l lease) bool {
			dead := strings.HasPrefix(who, k.o.Replica+"/") && who != k.me
			if dead {
				left += l.Amount
			}
			return dead
		})
		if o.soft() {
			r.Spent += o.sum
			*r = r.with(done, lease{Seen: k.o.Now().UTC()})
			return true
		}
		r.Spent += min(o.sum, left)
		return len(r.Leases) != before
	})
}
