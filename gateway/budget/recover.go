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
// at most what was leased. A call that the spool still holds and the dead process had told the log of is
// booked twice, which [Rebuild] puts right.
func (k *Keeper) Recover(ctx context.Context, spends []Spend) error {
	sums := map[string]sluice.MicroUSD{}
	k.mu.Lock()
	for _, s := range spends {
		for _, a := range k.concerned(s.Tenant, s.KeyID, s.Model, s.At, s.Own) {
			sums[a.key] += s.Cost
		}
	}
	k.mu.Unlock()
	keys, err := k.shared.keys(ctx, windows(k.o.Now()))
	if err != nil {
		return fmt.Errorf("recover leases of %s: %w", k.o.Replica, err)
	}
	for _, key := range keys {
		if _, ok := sums[key]; !ok {
			sums[key] = 0
		}
	}
	var faults []error
	for key, sum := range sums {
		if err := k.recover(ctx, key, sum); err != nil {
			faults = append(faults, fmt.Errorf("recover leases of %s: budget %s: %w", k.o.Replica, key, err))
		}
	}
	return errors.Join(faults...)
}

// recover takes the leases of the dead off one record.
func (k *Keeper) recover(ctx context.Context, key string, sum sluice.MicroUSD) error {
	return change(ctx, k.shared, key, func(r *record) bool {
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
		r.Spent += min(sum, left)
		return len(r.Leases) != before
	})
}
