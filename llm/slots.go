package llm

import (
	"context"
	"slices"
	"sync"
)

// endless lets any number wait for a slot.
const endless = -1

// slots are what a model's attempts hold while they are in flight. Those who wait are served in turn by
// tenant, and within a tenant in the order in which they came, so that a tenant with a thousand requests
// delays another by one.
type slots struct {
	mu   sync.Mutex
	free int // above 0: nobody waits
	// waiting holds the tenants that wait, in the order of their turns, each with its line.
	waiting []*tenantLine
	queued  int
}

type tenantLine struct {
	tenant  string
	tickets []chan error // nil: the slot is yours; ErrBusy: somebody else's turn came before
}

// take takes a slot, waiting for one. It fails with ctx's error, or with [ErrBusy] where queue others
// are waiting. A newcomer whose tenant has fewer waiting than another by two or more takes the place of
// that one's latest, who gets the ErrBusy.
func (s *slots) take(ctx context.Context, tenant string, queue int) error {
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return nil
	}
	if queue != endless && s.queued >= queue && !s.makeRoom(tenant) {
		s.mu.Unlock()
		return ErrBusy
	}
	ticket := make(chan error, 1)
	l := s.lineOf(tenant)
	if l == nil {
		l = &tenantLine{tenant: tenant}
		s.waiting = append(s.waiting, l)
	}
	l.tickets = append(l.tickets, ticket)
	s.queued++
	s.mu.Unlock()
	select {
	case err := <-ticket:
		return err
	case <-ctx.Done():
		return s.leave(ctx, tenant, ticket)
	}
}

// leave gives up waiting; a slot that came at the same moment goes to the next.
func (s *slots) leave(ctx context.Context, tenant string, ticket chan error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case err := <-ticket:
		if err == nil {
			s.giveLocked()
		}
	default:
		l := s.lineOf(tenant)
		s.remove(l, slices.Index(l.tickets, ticket))
	}
	return ctx.Err()
}

// give hands a slot to whose turn it is.
func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveLocked()
}

func (s *slots) giveLocked() {
	if s.queued == 0 {
		s.free++
		return
	}
	l := s.waiting[0]
	l.tickets[0] <- nil
	s.remove(l, 0)
	if len(l.tickets) > 0 { // to the end of the turns
		s.waiting = append(s.waiting[1:], l)
	}
}

// makeRoom turns away the latest of the tenant with the most waiting, unless that would be no fairer.
func (s *slots) makeRoom(tenant string) bool {
	mine := 0
	if l := s.lineOf(tenant); l != nil {
		mine = len(l.tickets)
	}
	var longest *tenantLine
	for _, l := range s.waiting {
		if longest == nil || len(l.tickets) > len(longest.tickets) {
			longest = l
		}
	}
	if longest == nil || len(longest.tickets) < mine+2 {
		return false
	}
	last := len(longest.tickets) - 1
	longest.tickets[last] <- ErrBusy
	s.remove(longest, last)
	return true
}

func (s *slots) lineOf(tenant string) *tenantLine {
	i := slices.IndexFunc(s.waiting, func(l *tenantLine) bool { return l.tenant == tenant })
	if i < 0 {
		return nil
	}
	return s.waiting[i]
}

// remove takes a ticket out of a line, and a line without any out of the turns.
func (s *slots) remove(l *tenantLine, i int) {
	l.tickets = slices.Delete(l.tickets, i, i+1)
	s.queued--
	if len(l.tickets) == 0 {
		s.waiting = slices.DeleteFunc(s.waiting, func(o *tenantLine) bool { return o == l })
	}
}
