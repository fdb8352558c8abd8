package budget

import (
	"cmp"
	"slices"
	"time"
)

// State is how far the budgets that a claim would concern are spent, the most spent one first. It asks
// nobody: what other replicas spent is as of the last exchange with the log, within a few seconds where
// this replica spends too. A budget that is seen for the first time is unspent, and asked for.
func (k *Keeper) State(tenant, keyID, model string, own ...Limit) []State {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.o.Now()
	accounts := k.concerned(tenant, keyID, model, now, own)
	states := make([]State, 0, len(accounts))
	for _, a := range accounts {
		if a.knownAt.IsZero() && a.current == nil && !k.closed {
			k.want(a, func(*flight) {})
		}
		s := stateOf(a.known, a.limit, a.subject, now)
		s.Spent += a.settled
		s.Reserved -= min(a.settled, s.Reserved)
		s.complete(now)
		states = append(states, s)
	}
	slices.SortStableFunc(states, func(a, b State) int { return cmp.Compare(b.Share, a.Share) })
	return states
}

// stateOf is a record as people and rules see it.
func stateOf(r record, l Limit, subject string, at time.Time) State {
	_, _, until := l.Period.window(at)
	s := State{
		Budget: l.Name, Subject: subject, Scope: l.Scope, Period: l.Period, Action: l.Action, Limit: l.Limit,
		Spent: r.Spent, Reserved: r.leased(), ResetsAt: until,
	}
	s.complete(at)
	return s
}

// complete fills in what follows from the sums.
func (s *State) complete(at time.Time) {
	_, from, until := s.Period.window(at)
	s.Left = max(s.Limit-s.Spent-s.Reserved, 0)
	s.Share = float64(s.Spent) / float64(s.Limit)
	passed := float64(at.Sub(from)) / float64(until.Sub(from))
	s.BurnRate = s.Share / max(passed, 0.05)
}
