package budget

import (
	"errors"
	"iter"
	"strconv"
	"testing"

	"sluice"
	"sluice/internal/natstest"
)

// Whoever may publish anything names the subject that the server answers on, and so may have it answer under the key of
// a budget.
func TestWhatTheServerWasMadeToWriteIsNoBudgetOfWhichNothingIsSpent(t *testing.T) {
	js := natstest.Log(t)
	b, err := openBucket(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	limits := []Limit{global("all", 1000, ActionRefuse)}
	k := openFake(t, b, Options{Limits: limits})
	reserve(t, k, claim("a", 900))
	settle(t, k, "a", 900)
	flush(t, k)
	for i, litter := range []string{`{"stream":"QUERIES","seq":5}`, `{"budget":"other","scope":"global"}`, `not JSON`} {
		if _, err := b.kv.PutString(t.Context(), "all.all.2026-03-16", litter); err != nil {
			t.Fatal(err)
		}
		fresh := openFake(t, b, Options{Limits: limits, Replica: "fresh" + strconv.Itoa(i)})
		if v := reserve(t, fresh, claim("b", 900)); v.Decision != Refuse || !v.Unreachable {
			t.Errorf("%s: %+v", litter, v)
		}
	}
	if _, err := b.kv.PutString(t.Context(), "a.b.2026-03-16", `{}`); err != nil { // the place of no budget
		t.Fatal(err)
	}
	next := openFake(t, b, Options{Limits: limits, Replica: "r2"})
	if err := next.Recover(t.Context(), nil); err != nil {
		t.Errorf("a gateway does not start: %v", err)
	}
	books := &Books{shared: b, limits: limits}
	if _, err := books.Show(t.Context(), noon); !errors.Is(err, errForeign) {
		t.Errorf("shown: %v", err)
	}
	var ledger iter.Seq2[Line, error] = func(yield func(Line, error) bool) { yield(Line{Cost: 900, At: noon}, nil) }
	if _, err := books.Rebuild(t.Context(), ledger, noon); err != nil {
		t.Fatal(err)
	}
	if v := reserve(t, k, claim("c", 900)); v.Decision != Refuse || v.Unreachable || v.Left > 100 {
		t.Errorf("rebuilt: %+v", v)
	}
	if all, err := books.Show(t.Context(), noon); err != nil || len(all) != 1 || all[0].Spent != sluice.MicroUSD(900) {
		t.Errorf("%+v, %v", all, err)
	}
	if keys, err := b.keys(t.Context(), windows(noon)); err != nil || len(keys) != 1 {
		t.Errorf("records %v, %v", keys, err)
	}
}

func TestWhatStandsForOneTenantsBudgetRefusesNoOther(t *testing.T) {
	js := natstest.Log(t)
	b, err := openBucket(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	each := Limit{Name: "each", Scope: ScopeTenant, Match: "*", Period: Day, Limit: 1000, Action: ActionRefuse}
	if _, err := b.kv.PutString(t.Context(), recordKey(each, "littered", "2026-03-16"), `{"stream":"QUERIES","seq":5}`); err != nil {
		t.Fatal(err)
	}
	k := openFake(t, b, Options{Limits: []Limit{each}, RefuseAway: true})
	for _, tenant := range []string{"littered", "other"} {
		c := claim(tenant, 1)
		c.Tenant = tenant
		if v := reserve(t, k, c); (v.Decision == OK) != (tenant == "other") {
			t.Errorf("%s: %+v", tenant, v)
		}
	}
}
