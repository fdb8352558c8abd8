package front

import (
	"context"
	"hash/fnv"
	"sync/atomic"
	"time"

	"sluice/bulkhead"
	"sluice/routing"
)

// service is a set in service, with what is learnt about it. Requests hold it while they use it.
type service struct {
	set                    Set
	active, canary, shadow *lane
	pins                   map[string]*lane
	guard                  *guard
	dropped                atomic.Bool // the canary
	idle                   bool        // nothing was ever put into service
}

// newService carries the bounds of routers over from the service before, by version.
func newService(o Options, s Set, before *service, dropped bool) *service {
	lanes := map[string]*lane{}
	if before != nil {
		for _, l := range before.lanes() {
			lanes[l.version()] = l
		}
	}
	laneOf := func(r routing.Router) *lane {
		if r == nil {
			return nil
		}
		l := newLane(o, r)
		if old, ok := lanes[r.Version()]; ok {
			l.circuit, l.places, l.shadows = old.circuit, old.places, old.shadows
		}
		lanes[r.Version()] = l
		return l
	}
	out := &service{set: s, active: laneOf(s.Active), canary: laneOf(s.Canary), shadow: laneOf(s.Shadow), pins: map[string]*lane{}, guard: newGuard(o.Guard)}
	for tenant, r := range s.Pins {
		out.pins[tenant] = laneOf(r)
	}
	if before != nil && before.active.version() == out.active.version() && before.canary.version() == out.canary.version() {
		out.guard = before.guard
	}
	out.dropped.Store(dropped)
	return out
}

func (s *service) lanes() []*lane {
	all := []*lane{s.active, s.canary, s.shadow}
	for _, l := range s.pins {
		all = append(all, l)
	}
	var there []*lane
	for _, l := range all {
		if l != nil {
			there = append(there, l)
		}
	}
	return there
}

// pick finds the router of a request: the tenant's own, the canary for its share, or the active one.
func (s *service) pick(r Request) (l *lane, canary bool) {
	if pinned, ok := s.pins[r.Tenant]; ok {
		return pinned, false
	}
	if s.canary != nil && !s.dropped.Load() && inShare(s.canary.version(), r, s.set.CanaryShare) {
		return s.canary, true
	}
	return s.active, false
}

// inShare draws by the request's key and the canary's version, so that each canary has its own sample and
// a request asked again has its own router again.
func inShare(version string, r Request, share float64) bool {
	key := r.RequestKey
	if key == "" {
		key = r.Text
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(version))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(key))
	x := h.Sum64()
	x ^= x >> 33 // FNV's high bits are weak for short keys
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11)/(1<<53) < share
}

// arm is one side of the comparison that judges a canary.
type arm int

const (
	armActive arm = iota
	armCanary
)

// armOf says which side a decision counts for; none where no canary is being judged, or the decision was
// made by a router that is not in service any more.
func (s *service) armOf(d Decision) (arm, bool) {
	switch {
	case s.canary == nil || s.dropped.Load():
		return 0, false
	case d.Canary && d.asked == s.canary.version():
		return armCanary, true
	case !d.Canary && s.active != nil && d.asked == s.active.version():
		return armActive, true
	}
	return 0, false
}

// judge notes something about an arm and drops the canary if that was too much.
func (f *Front) judge(s *service, note func(*guard, time.Time)) {
	now := f.o.Now()
	note(s.guard, now)
	reason := s.guard.verdict()
	if reason == "" || !s.dropped.CompareAndSwap(false, true) {
		return
	}
	version := s.canary.version()
	f.working.Go(func() {
		f.o.Beside.Do("roll-back of a canary", func() {
			f.dropIn(version)
			f.o.OnRollback(Rollback{Version: version, Reason: reason, At: now.UTC()})
		})
	})
}

// dropIn keeps a canary dropped in sets that come later, until the registry has taken it back.
func (f *Front) dropIn(version string) {
	f.swapping.Lock()
	defer f.swapping.Unlock()
	if now := f.service.Load(); now.canary.version() == version {
		now.dropped.Store(true)
		f.dropped = version
	}
}

// lane is a router with what bounds it. The bounds are its own: one that hangs holds up no other.
type lane struct {
	router  routing.Router
	beside  *bulkhead.Bulkhead
	name    string
	circuit *circuit
	// places has a token for each decision that is being made, shadows for each that nobody waits for.
	places, shadows chan struct{}
}

func newLane(o Options, r routing.Router) *lane {
	return &lane{
		router: r, beside: o.Beside, name: r.Version(), circuit: &circuit{o: o.Circuit},
		places: make(chan struct{}, o.Concurrency), shadows: make(chan struct{}, o.ShadowConcurrency),
	}
}

// version is the router's; empty for no router.
func (l *lane) version() string {
	if l == nil {
		return ""
	}
	return l.name
}

// route asks the router; its panic is an error.
func (l *lane) route(ctx context.Context, r routing.Request) (a answer) {
	a.err = l.beside.Contain("router", func() (err error) {
		a.choice, err = l.router.Route(ctx, r)
		return err
	})
	return a
}
