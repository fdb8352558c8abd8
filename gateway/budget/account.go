package budget

import (
	"time"

	"sluice"
)

// account is one budget in one period as this replica sees it. The keeper's lock guards it.
type account struct {
	key     string
	limit   Limit
	subject string
	from    time.Time
	until   time.Time

	// known is the record at revision, as last seen at knownAt; the zero time is never.
	known    record
	revision uint64
	knownAt  time.Time

	// lease is what the log has confirmed to us. Of it, held is reserved by open claims and settled is
	// spent and not told yet; giving is what a write under way may be giving back.
	lease, held, settled, giving sluice.MicroUSD
	// goodFrom is when the last confirmed write began: the lease is good for leaseGood from then on.
	goodFrom time.Time
	// pending are writes whose fate is not known; all of them expect the revision above, so that the log
	// takes one at most.
	pending []proposal
	seq     uint64

	// taken is what claims took since goodFrom, busyAt when the last one came; low is where a lease is
	// renewed ahead of need.
	taken, low sluice.MicroUSD
	busyAt     time.Time

	// current is the exchange with the log under way, next the one that follows it; nil: none.
	current, next *flight
}

// flight is one exchange with the log and everybody who waits for it.
type flight struct {
	needs []sluice.MicroUSD
	done  chan struct{}
	err   error // read after done
	// giveAll returns everything that is free.
	giveAll bool
}

// proposal is one write of an account's record.
type proposal struct {
	record record
	seq    uint64
	// fold is how much of settled it tells, lease the lease that it leaves.
	fold, lease sluice.MicroUSD
	// gives is how much of what is free it gives back.
	gives sluice.MicroUSD
}

// free is what claims may take without asking anybody.
func (a *account) free(now time.Time) sluice.MicroUSD {
	if now.Sub(a.goodFrom) >= leaseGood {
		return 0 // somebody may have taken us for dead
	}
	return a.lease - a.giving - a.held - a.settled
}

// rest is what no replica has leased or spent, as last seen.
func (a *account) rest() sluice.MicroUSD { return a.limit.Limit - a.known.Spent - a.known.leased() }

// used is what is gone or held, as far as this replica knows; what others hold is not in it.
func (a *account) used() sluice.MicroUSD { return a.known.Spent + a.settled + a.held }

func (a *account) share() float64 { return float64(a.used()) / float64(a.limit.Limit) }

// fresh says whether the record was seen so lately that a claim may be refused by it.
func (a *account) fresh(now time.Time) bool {
	return !a.knownAt.IsZero() && now.Sub(a.knownAt) < dryFor
}

// quiet says that nothing of the account is ours any more.
func (a *account) quiet() bool {
	return a.lease == 0 && a.held == 0 && a.settled == 0 && len(a.pending) == 0 && a.current == nil && a.next == nil
}

// due says whether the log should be told or asked something without a claim that waits.
func (a *account) due(now time.Time) bool {
	switch {
	case a.current != nil:
		return false
	case a.knownAt.IsZero(), a.settled != 0, len(a.pending) > 0:
		return true
	case a.lease > 0 && now.Sub(a.goodFrom) > leaseRenew:
		return true
	}
	free := a.free(now)
	return free > 0 && (a.idle(now) || free > 2*a.slice(free+a.rest()))
}

// idle says that claims have stopped coming.
func (a *account) idle(now time.Time) bool {
	return now.Sub(a.busyAt) > idleFor || !now.Before(a.until)
}

// slice is the most that may be leased ahead of need where so much is to be had: it shrinks as the cap
// comes near.
func (a *account) slice(available sluice.MicroUSD) sluice.MicroUSD {
	return max(available, 0) / leaseParts
}

// propose is the next write. It raises the sum of Spent and leases by no more than the rest of the limit
// (Invariant 7), except for what was settled beyond its reservation, which is booked whatever the cap.
func (a *account) propose(me string, f *flight, now time.Time) proposal {
	a.seq++
	p := proposal{seq: a.seq, fold: a.settled, record: a.known}
	if a.revision == 0 {
		p.record = newRecord(a.limit, a.subject, a.from)
	}
	p.record.Limit, p.record.Action = a.limit.Limit, a.limit.Action
	if a.limit.hard() {
		free := a.lease - a.held - a.settled
		grant := a.target(f, free, now) - free
		if grant > max(a.rest(), 0) { // only where claims cost more than their bounds
			p.record.Overrun += grant - max(a.rest(), 0)
		}
		p.lease = a.lease - a.settled + grant
		p.gives = max(-grant, 0)
	}
	p.record.Spent += p.fold
	p.record = p.record.with(me, lease{Amount: p.lease, Seq: p.seq, Seen: now.UTC()})
	return p
}

// target is how much should be free after the next write: what waits and fits, and a slice ahead of need
// by how fast claims came lately. It is at most what is free now and the rest of the limit, and at least
// 0.
func (a *account) target(f *flight, free sluice.MicroUSD, now time.Time) sluice.MicroUSD {
	available := max(free+a.rest(), 0)
	var sum, most sluice.MicroUSD
	for _, need := range f.needs {
		if sum+need <= available {
			sum += need
			most = max(most, need)
		}
	}
	a.low = 0
	if f.giveAll || a.idle(now) {
		return sum
	}
	ahead := max(4*most, free)
	if !a.goodFrom.IsZero() && a.taken > 0 {
		rate := float64(a.taken) / max(now.Sub(a.goodFrom).Seconds(), 0.02)
		ahead = max(ahead, sluice.MicroUSD(rate*leaseAhead.Seconds()))
	}
	ahead = min(ahead, a.slice(available-sum))
	a.low = ahead / 4
	return sum + ahead
}

// confirm takes over a write that the log took.
func (a *account) confirm(p proposal) {
	a.settled -= p.fold
	a.lease = p.lease
}

// see takes over what the log holds now at a revision above ours, and finds out which of the pending
// writes, if any, it took.
func (a *account) see(me string, r record, revision uint64, now time.Time) {
	mine := r.Leases[me]
	for _, p := range a.pending {
		if p.seq == mine.Seq {
			a.confirm(p)
		}
	}
	// Where an operator dropped our lease, for we were silent for too long, nothing is leased any more.
	a.lease = mine.Amount
	a.pending, a.giving = nil, 0
	a.known, a.revision, a.knownAt = r, revision, now
}
