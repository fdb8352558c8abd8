package budget

import (
	"sync/atomic"
	"testing"
	"time"
)

// cut is a fake whose network can be cut.
func cut(s *fakeShared) (cutOff *atomic.Bool) {
	cutOff = &atomic.Bool{}
	s.trouble = func() trouble {
		if cutOff.Load() {
			return lost
		}
		return fine
	}
	return cutOff
}

func TestWhileTheLogIsAwayAReplicaGoesOnWithinItsLeaseAndNoFurther(t *testing.T) {
	s := newFakeShared()
	away := cut(s)
	k := openFake(t, s, Options{Limits: []Limit{global("all", 100_000, ActionRefuse)}})
	reserve(t, k, claim("a", 100)) // leases more than it needs
	k.flights.Wait()
	away.Store(true)
	if v := reserve(t, k, claim("b", 100)); v.Decision != OK {
		t.Errorf("within the lease: %+v", v)
	}
	if v := reserve(t, k, claim("c", 90_000)); v.Decision != Refuse || !v.Unreachable {
		t.Errorf("beyond the lease: %+v", v)
	}
	if st := k.Stats(); st.Unreachable != 1 || st.Failed == 0 {
		t.Errorf("counted %+v", st)
	}
	away.Store(false)
	if v := reserve(t, k, claim("c", 90_000)); v.Decision != OK {
		t.Errorf("the log is back: %+v", v)
	}
}

func TestWhileTheLogIsAwayAReplicaRefusesWhereThatIsConfigured(t *testing.T) {
	s := newFakeShared()
	k := openFake(t, s, Options{Limits: []Limit{global("all", 100_000, ActionRefuse)}, RefuseAway: true})
	reserve(t, k, claim("a", 100))
	k.mu.Lock()
	k.connected = func() bool { return false }
	k.mu.Unlock()
	if v := reserve(t, k, claim("b", 1)); v.Decision != Refuse || !v.Unreachable {
		t.Errorf("verdict %+v", v)
	}
}

// A lease that nobody renewed may be dropped by an operator, so that its owner must not use it any more.
func TestALeaseThatWasNotRenewedInTimeIsNotUsed(t *testing.T) {
	s := newFakeShared()
	away := cut(s)
	var late atomic.Int64
	k := openFake(t, s, Options{
		Limits: []Limit{global("all", 100_000, ActionRefuse)},
		Now:    func() time.Time { return noon.Add(time.Duration(late.Load())) },
	})
	reserve(t, k, claim("a", 100))
	k.flights.Wait()
	away.Store(true)
	late.Store(int64(leaseGood))
	if v := reserve(t, k, claim("b", 100)); !v.Unreachable {
		t.Errorf("after %v without a word from the log: %+v", leaseGood, v)
	}
	away.Store(false)
	if v := reserve(t, k, claim("b", 100)); v.Decision != OK {
		t.Errorf("the log is back: %+v", v)
	}
}

func TestABudgetThatWarnsLetsPassWhileTheLogIsAway(t *testing.T) {
	s := newFakeShared()
	cut(s).Store(true)
	k := openFake(t, s, Options{Limits: []Limit{global("soft", 100, ActionWarn)}})
	if v := reserve(t, k, claim("a", 100)); !v.Reserved() {
		t.Errorf("verdict %+v", v)
	}
}

// The write may have arrived: what it gives back is another replica's by now.
func TestWhatIsBeingGivenBackCanNotBeTaken(t *testing.T) {
	s := newFakeShared()
	var late atomic.Int64
	k := openFake(t, s, Options{
		Limits: []Limit{global("all", 100_000, ActionRefuse)},
		Now:    func() time.Time { return noon.Add(time.Duration(late.Load())) },
	})
	reserve(t, k, claim("a", 100))
	k.flights.Wait()
	late.Store(int64(idleFor + time.Second))
	asked := 0
	s.trouble = func() trouble {
		if asked++; asked > 1 {
			return fine
		}
		v, waits, err := k.decide(claim("b", 10), true)
		if err != nil || v.Reserved() || len(waits) == 0 {
			t.Errorf("request %d: %+v was decided without the log, %v", asked, v, err)
		}
		return fine
	}
	k.mu.Lock()
	for _, a := range k.accounts {
		k.want(a, func(f *flight) { f.giveAll = true })
	}
	k.mu.Unlock()
	k.flights.Wait()
	if asked == 0 {
		t.Error("nothing was given back")
	}
}
