package budget

import (
	"strconv"
	"testing"
	"time"

	"sluice"
	"sluice/internal/natstest"
)

// A claim and its settlement under three budgets, on a real log.
func BenchmarkReserveAndSettle(b *testing.B) {
	js := natstest.Log(b)
	limits := []Limit{
		global("all", 1<<50, ActionRefuse),
		{Name: "each", Scope: ScopeTenant, Match: "*", Period: Hour, Limit: 1 << 50, Action: ActionRefuse},
		{Name: "key", Scope: ScopeKey, Match: "*", Period: Month, Limit: 1 << 50, Action: ActionDowngrade},
	}
	k, err := Open(b.Context(), js, Options{Replica: "r1", Limits: limits})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = k.Close(b.Context()) }()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		id := strconv.Itoa(i)
		v, err := k.Reserve(b.Context(), Claim{ID: id, Tenant: "acme", KeyID: "k1", Model: "m", Amount: sluice.MicroUSD(2000), At: time.Now()})
		if err != nil || !v.Reserved() {
			b.Fatal(v, err)
		}
		if err := k.Settle(b.Context(), id, 700); err != nil {
			b.Fatal(err)
		}
	}
	st := k.Stats()
	b.ReportMetric(float64(st.Local)/float64(i), "local/op")
}
