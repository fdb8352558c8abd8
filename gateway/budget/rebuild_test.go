package budget

import (
	"iter"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
)

const allKey = "all.all.2026-03-16"

// killed is a keeper that was killed with an open claim, an untold settlement and a lease.
func killed(t *testing.T, s *fakeShared) {
	t.Helper()
	k := openFake(t, s, Options{Limits: []Limit{global("all", 100_000, ActionRefuse)}})
	reserve(t, k, claim("told", 100))
	settle(t, k, "told", 60)
	flush(t, k)
	reserve(t, k, claim("untold", 100))
	settle(t, k, "untold", 50)
	reserve(t, k, claim("open", 100))
	k.flights.Wait()
	k.stop()
}

func after(d time.Duration) func() time.Time { return func() time.Time { return noon.Add(d) } }

func TestTheLeaseOfTheDeadCountsAsSpentUntilItsSpoolIsReplayed(t *testing.T) {
	s := newFakeShared()
	killed(t, s)
	left := s.last(allKey).leased()
	if left < 250 {
		t.Fatalf("the dead leased %d", left)
	}
	var clock atomic.Int64
	clock.Store(int64(time.Second))
	k := openFake(t, s, Options{
		Limits: []Limit{global("all", 100_000, ActionRefuse)},
		Now:    func() time.Time { return noon.Add(time.Duration(clock.Load())) },
	})
	if v := reserve(t, k, claim("b", 100_000-60-left+1)); v.Decision != Refuse {
		t.Errorf("what the dead leased could be spent: %+v", v)
	}
	spends := []Spend{{Claim: claim("untold", 100), Cost: 50}, {Claim: claim("open", 100), Cost: 100}}
	if err := k.Recover(t.Context(), spends); err != nil {
		t.Fatal(err)
	}
	if r := s.last(allKey); r.Spent != 60+50+100 || r.leased() != 0 {
		t.Errorf("recovered: %d spent, %d leased", r.Spent, r.leased())
	}
	if err := k.Recover(t.Context(), spends); err != nil || s.last(allKey).Spent != 210 {
		t.Errorf("recovering twice is not recovering once: %+v, %v", s.last(allKey), err)
	}
	clock.Add(int64(dryFor)) // until then it is believed that nothing is left
	if v := reserve(t, k, claim("c", 100_000-210)); v.Decision == Refuse {
		t.Errorf("what the dead did not spend is lost: %+v", v)
	}
}

// A budget that warns leases nothing, so that a killed gateway leaves no trace of what it had not told.
func TestABudgetThatWarnsIsOwedAllThatTheSpoolHolds(t *testing.T) {
	spends := []Spend{{Claim: claim("untold", 100), Cost: 50}, {Claim: claim("open", 100), Cost: 100}}
	o := Options{Limits: []Limit{global("all", 120, ActionWarn)}, Now: after(time.Second)}
	for what, told := range map[string]sluice.MicroUSD{"a gateway that had told": 60, "one that was killed before it told": 0} {
		s := newFakeShared()
		if told > 0 {
			dead := openFake(t, s, Options{Limits: o.Limits})
			reserve(t, dead, claim("told", 100))
			settle(t, dead, "told", told)
			flush(t, dead)
			dead.stop()
		}
		k := openFake(t, s, o)
		for range 2 { // twice is once
			if err := k.Recover(t.Context(), spends); err != nil {
				t.Fatal(err)
			}
		}
		reserve(t, k, claim("next", 10))
		settle(t, k, "next", 7)
		flush(t, k)
		if r := s.last(allKey); r.Spent != told+50+100+7 || r.leased() != 0 {
			t.Errorf("%s: %d spent, %d leased", what, r.Spent, r.leased())
		}
		k.stop()
		// The next processes find in the spool what is booked already, and what came since.
		spends := append(spends, Spend{Claim: claim("since", 10), Cost: 9})
		for i := range 3 {
			again := openFake(t, s, Options{Limits: o.Limits, Now: after(time.Minute + time.Duration(i))})
			if err := again.Recover(t.Context(), spends[i:]); err != nil {
				t.Fatal(err)
			}
			again.stop()
		}
		if r := s.last(allKey); r.Spent != told+50+100+7+9 {
			t.Errorf("%s: %d spent after the next starts", what, r.Spent)
		}
	}
}

// A gateway that is killed soon after its start leaves a spool that still holds what that start booked.
func TestWhatAStartBookedTheNextOneDoesNotBookAgain(t *testing.T) {
	s := newFakeShared()
	killed(t, s)
	o := Options{Limits: []Limit{global("all", 100_000, ActionRefuse)}}
	spends := []Spend{{Claim: claim("untold", 100), Cost: 50}, {Claim: claim("open", 100), Cost: 100}}
	spent := s.last(allKey).Spent
	for i := range 4 {
		o.Now = after(time.Second + time.Duration(i))
		k := openFake(t, s, o)
		if err := k.Recover(t.Context(), spends); err != nil {
			t.Fatal(err)
		}
		reserve(t, k, claim("next", 1000)) // what it leases for that would pay for all of the spool
		k.stop()
		spends = append(spends, Spend{Claim: claim(strconv.Itoa(i), 10), Cost: 9})
	}
	if r := s.last(allKey); r.Spent != spent+50+100+3*9 {
		t.Errorf("%d spent, want %d", r.Spent, spent+50+100+3*9)
	}
}

func TestTheLeaseOfAnotherReplicaIsNotRecovered(t *testing.T) {
	s := newFakeShared()
	killed(t, s)
	before := s.last(allKey).leased()
	k := openFake(t, s, Options{Replica: "r", Limits: []Limit{global("all", 100_000, ActionRefuse)}, Now: after(time.Second)})
	if err := k.Recover(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := s.last(allKey).leased(); got != before {
		t.Errorf("r took r1's lease: %d, then %d", before, got)
	}
}

func ledger(lines ...Line) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func line(tenant string, cost sluice.MicroUSD, at time.Time) Line {
	return Line{Tenant: tenant, KeyID: "k1", Model: "large", Cost: cost, At: at}
}

func TestSpendIsRebuiltFromTheLedgerOnceNobodyIsAlive(t *testing.T) {
	s := newFakeShared()
	killed(t, s)
	each := Limit{Name: "each", Scope: ScopeTenant, Match: "*", Period: Month, Limit: 1000, Action: ActionRefuse}
	b := &Books{shared: s, limits: []Limit{global("all", 100_000, ActionRefuse), each}}
	lines := ledger(line("acme", 60, noon), line("acme", 50, noon), line("zoo", 7, noon.AddDate(0, 0, -1)), line("acme", 999, noon.AddDate(0, -1, 0)))

	alive, err := b.Rebuild(t.Context(), lines, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if all := alive[0]; !all.Live || all.After != 110 || s.last(allKey).leased() == 0 {
		t.Errorf("while a replica may be alive: %+v", all)
	}
	done, err := b.Rebuild(t.Context(), lines, noon.Add(leaseLost+time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if all := done[0]; all.Live || all.After != 110 || all.Dropped == 0 || s.last(allKey).leased() != 0 {
		t.Errorf("when none is: %+v", all)
	}
	states, err := b.Show(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]sluice.MicroUSD{}
	for _, st := range states {
		got[st.Budget+" "+st.Subject] = st.Spent
	}
	if got["all "] != 110 || got["each acme"] != 110 || got["each zoo"] != 7 {
		t.Errorf("shown: %v", got)
	}
}

func TestBurnRateSaysHowFastABudgetGoesComparedToItsPeriod(t *testing.T) {
	s := stateOf(record{Spent: 500}, global("all", 1000, ActionRefuse), "", noon.Add(-6*time.Hour-30*time.Minute))
	if s.Share != 0.5 || s.BurnRate != 2 { // half of the money in a quarter of the day
		t.Errorf("state %+v", s)
	}
	if s := stateOf(record{Spent: 100}, global("all", 1000, ActionRefuse), "", noon.Truncate(24*time.Hour)); s.BurnRate != 2 {
		t.Errorf("at the first instant: %+v", s)
	}
}

func TestTheUnspentBudgetsOfTheConfigurationAreShownToo(t *testing.T) {
	b := &Books{shared: newFakeShared(), limits: []Limit{
		global("all", 1000, ActionRefuse), {Name: "each", Scope: ScopeTenant, Match: "*", Period: Day, Limit: 1, Action: ActionWarn},
	}}
	states, err := b.Show(t.Context(), noon)
	if err != nil || len(states) != 1 || states[0].Left != 1000 {
		t.Errorf("states %+v, %v", states, err)
	}
}
