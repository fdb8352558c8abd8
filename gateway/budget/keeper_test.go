package budget

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestAClaimThatFitsIsReservedAndSettledWithWhatItCost(t *testing.T) {
	s := newFakeShared()
	k := openFake(t, s, Options{Limits: []Limit{global("all", 1000, ActionRefuse)}})
	if v := reserve(t, k, claim("a", 400)); v.Decision != OK {
		t.Fatalf("verdict %+v", v)
	}
	settle(t, k, "a", 150)
	flush(t, k)
	if r := s.last("all.all.2026-03-16"); r.Spent != 150 {
		t.Errorf("the record says %d spent, want 150", r.Spent)
	}
	if st := k.State("acme", "k1", "large"); st[0].Spent != 150 || st[0].Share != 0.15 {
		t.Errorf("state %+v", st[0])
	}
}

func TestWhatIsSettledIsOwedUntilItIsStored(t *testing.T) {
	k := openFake(t, newFakeShared(), Options{Limits: []Limit{global("all", 1000, ActionRefuse)}})
	reserve(t, k, claim("a", 400))
	if k.Owed() {
		t.Error("nothing is spent yet, and something is owed")
	}
	settle(t, k, "a", 150)
	if !k.Owed() {
		t.Error("what was spent is nowhere else, and nothing is owed")
	}
	flush(t, k)
	if k.Owed() {
		t.Error("stored, and still owed")
	}
}

func TestWhatDoesNotFitIsRefusedWithTheBudgetsName(t *testing.T) {
	k := openFake(t, newFakeShared(), Options{Limits: []Limit{global("roomy", 10_000, ActionRefuse), global("all", 1000, ActionRefuse)}})
	reserve(t, k, claim("a", 600))
	v := reserve(t, k, claim("b", 600))
	if v.Decision != Refuse || v.Budget != "all" || v.Left != 400 || v.Unreachable {
		t.Errorf("verdict %+v", v)
	}
	if want := time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC); !v.ResetsAt.Equal(want) {
		t.Errorf("resets at %v", v.ResetsAt)
	}
	if v := reserve(t, k, claim("c", 400)); !v.Reserved() {
		t.Errorf("what is left can't be had: %+v", v)
	}
}

func TestARefusedClaimHoldsNothingInItsOtherBudgets(t *testing.T) {
	small := Limit{Name: "small", Scope: ScopeTenant, Match: "acme", Period: Day, Limit: 100, Action: ActionRefuse}
	k := openFake(t, newFakeShared(), Options{Limits: []Limit{small, global("big", 1000, ActionRefuse)}})
	if v := reserve(t, k, claim("a", 500)); v.Decision != Refuse || v.Budget != "small" {
		t.Fatalf("verdict %+v", v)
	}
	other := claim("b", 1000)
	other.Tenant = "other"
	if v := reserve(t, k, other); !v.Reserved() {
		t.Errorf("the other tenant: %+v", v)
	}
}

func TestABudgetThatWarnsCapsNothing(t *testing.T) {
	k := openFake(t, newFakeShared(), Options{Limits: []Limit{global("soft", 100, ActionWarn)}})
	for i, want := range []Decision{OK, Warn, Warn} {
		id := strconv.Itoa(i)
		if v := reserve(t, k, claim(id, 90)); v.Decision != want {
			t.Errorf("claim %d: %+v, want %s", i, v, want)
		}
		settle(t, k, id, 90)
	}
}

func TestADowngradingBudgetKeepsItsLastShareForTheMediumModelAndNeverPassesItsCap(t *testing.T) {
	l := global("down", 1000, ActionDowngrade)
	l.WarnAt = 0.5
	k := openFake(t, newFakeShared(), Options{Limits: []Limit{l}})
	reserve(t, k, claim("a", 500))
	if v := reserve(t, k, claim("b", 100)); v.Decision != Downgrade || v.Budget != "down" {
		t.Errorf("past half of it: %+v", v)
	}
	c := claim("b", 500)
	c.Downgraded = true
	if v := reserve(t, k, c); v.Decision != Warn {
		t.Errorf("downgraded, and it fits: %+v", v)
	}
	c.ID = "c"
	if v := reserve(t, k, c); v.Decision != Refuse {
		t.Errorf("downgraded, and it does not fit: %+v", v)
	}
}

func TestBudgetsForEachTenantDoNotMeet(t *testing.T) {
	l := Limit{Name: "each", Scope: ScopeTenant, Match: "*", Period: Hour, Limit: 100, Action: ActionRefuse}
	k := openFake(t, newFakeShared(), Options{Limits: []Limit{l}})
	a, b := claim("a", 100), claim("b", 100)
	b.Tenant = "other *.> tenant"
	if v := reserve(t, k, a); !v.Reserved() {
		t.Errorf("acme: %+v", v)
	}
	if v := reserve(t, k, b); !v.Reserved() {
		t.Errorf("the other: %+v", v)
	}
	a.ID = "c"
	if v := reserve(t, k, a); v.Decision != Refuse || v.Subject != "acme" {
		t.Errorf("acme again: %+v", v)
	}
}

func TestOnlyTheBudgetsOfTheClaimAreConcerned(t *testing.T) {
	limit := func(name string, s Scope, match string) Limit {
		return Limit{Name: name, Scope: s, Match: match, Period: Month, Limit: 10, Action: ActionRefuse}
	}
	k := openFake(t, newFakeShared(), Options{Limits: []Limit{
		limit("t", ScopeTenant, "other"), limit("m", ScopeModel, "medium"), limit("k", ScopeKey, "k2"),
	}})
	if v := reserve(t, k, claim("a", 100)); v.Decision != OK || v.Budget != "" {
		t.Errorf("verdict %+v", v)
	}
	c := claim("b", 100)
	c.Own = []Limit{limit("own-month", ScopeKey, "k1")}
	if v := reserve(t, k, c); v.Decision != Refuse || v.Budget != "own-month" {
		t.Errorf("the key's own budget: %+v", v)
	}
}

func TestACallThatEndsInTheNextPeriodWasSpentInItsOwn(t *testing.T) {
	now := time.Date(2026, 3, 16, 12, 59, 59, 0, time.UTC)
	s := newFakeShared()
	l := global("hourly", 1000, ActionRefuse)
	l.Period = Hour
	var mu sync.Mutex
	k := openFake(t, s, Options{Limits: []Limit{l}, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	c := claim("a", 1000)
	c.At = now
	reserve(t, k, c)
	mu.Lock()
	now = now.Add(2 * time.Second)
	mu.Unlock()
	c.ID, c.At = "b", now
	if v := reserve(t, k, c); !v.Reserved() {
		t.Errorf("the new hour is not fresh: %+v", v)
	}
	settle(t, k, "a", 700)
	flush(t, k)
	if r := s.last("hourly.all.2026-03-16T12"); r.Spent != 700 || r.leased() != 0 {
		t.Errorf("the old hour: %+v", r)
	}
}

func TestACallThatCostMoreThanItsBoundIsBookedAndCounted(t *testing.T) {
	s := newFakeShared()
	k := openFake(t, s, Options{Limits: []Limit{global("all", 1000, ActionRefuse)}})
	reserve(t, k, claim("a", 1000))
	settle(t, k, "a", 1300)
	flush(t, k)
	r := s.last("all.all.2026-03-16")
	if r.Spent != 1300 || r.Overrun != 300 || k.Stats().Overruns != 1 {
		t.Errorf("record %+v, stats %+v", r, k.Stats())
	}
	if v := reserve(t, k, claim("b", 1)); v.Decision != Refuse {
		t.Errorf("after the overrun: %+v", v)
	}
}

func TestAClaimIsSettledOnce(t *testing.T) {
	k := openFake(t, newFakeShared(), Options{Limits: []Limit{global("all", 1000, ActionRefuse)}})
	reserve(t, k, claim("a", 400))
	if v := reserve(t, k, claim("a", 400)); v.Decision != OK || k.Stats().Open != 1 {
		t.Errorf("claimed again: %+v", v)
	}
	settle(t, k, "a", 1)
	if err := k.Settle(t.Context(), "a", 1); !errors.Is(err, ErrUnknownClaim) {
		t.Errorf("settled again: %v", err)
	}
	if err := k.Settle(t.Context(), "b", -1); err == nil {
		t.Error("a negative cost is booked")
	}
}

func TestMostClaimsAskNobody(t *testing.T) {
	s := newFakeShared()
	start := time.Now()
	k := openFake(t, s, Options{
		Limits: []Limit{global("all", 1_000_000_000, ActionRefuse)}, Now: func() time.Time { return noon.Add(time.Since(start)) },
	})
	for i := range 20_000 {
		id := strconv.Itoa(i)
		if v := reserve(t, k, claim(id, 100)); v.Decision != OK {
			t.Fatalf("claim %d: %+v", i, v)
		}
		settle(t, k, id, 50)
	}
	if st := k.Stats(); st.Local < 19_800 {
		t.Errorf("%d of 20000 claims were decided in memory", st.Local)
	}
}

func TestLeasesShrinkAsTheCapComesNearAndAreReturnedWhenClaimsStop(t *testing.T) {
	s := newFakeShared()
	now := noon
	var mu sync.Mutex
	k := openFake(t, s, Options{Limits: []Limit{global("all", 100_000, ActionRefuse)}, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	for i := range 900 {
		id := strconv.Itoa(i)
		reserve(t, k, claim(id, 100))
		settle(t, k, id, 100)
	}
	flush(t, k)
	r := s.last("all.all.2026-03-16")
	if rest := 100_000 - r.Spent; r.Spent != 90_000 || r.leased() > rest/leaseParts+1 {
		t.Errorf("near the cap %d are leased with %d to go", r.leased(), rest)
	}
	mu.Lock()
	now = now.Add(idleFor + time.Second)
	mu.Unlock()
	k.sweep()
	flush(t, k)
	k.flights.Wait()
	if r := s.last("all.all.2026-03-16"); r.leased() != 0 {
		t.Errorf("idle, %d are still leased", r.leased())
	}
}

func TestClosingGivesBackWhatIsFreeAndKeepsWhatIsHeld(t *testing.T) {
	s := newFakeShared()
	k := openFake(t, s, Options{Limits: []Limit{global("all", 100_000, ActionRefuse)}})
	reserve(t, k, claim("a", 100))
	reserve(t, k, claim("b", 200))
	settle(t, k, "a", 30)
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := s.last("all.all.2026-03-16"); r.Spent != 30 || r.leased() != 200 {
		t.Errorf("record %+v", r)
	}
	if _, err := k.Reserve(t.Context(), claim("c", 1)); err == nil {
		t.Error("a closed keeper decides")
	}
}

func TestAnInvalidLimitIsNamed(t *testing.T) {
	l := global("all", 0, ActionRefuse)
	if _, err := open(t.Context(), newFakeShared(), always, Options{Replica: "r1", Limits: []Limit{l}}); err == nil {
		t.Error("a limit of nothing is taken")
	}
	if _, err := open(t.Context(), newFakeShared(), always, Options{}); err == nil {
		t.Error("a keeper without a name opens")
	}
}
