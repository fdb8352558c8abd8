package chaos

import (
	"context"
	"testing"
	"time"

	emu "sluice/llm/emulator"
)

// A fifth of all calls fail, evenly by 429, 500, 503, silence and cut replies: every query completes.
func TestEveryQueryCompletesOnAFaultyProvider(t *testing.T) {
	quick(t)
	s := sizeOf(size{queries: 500, limit: 2 * time.Minute}, size{queries: 20000, limit: 30 * time.Minute})
	r := startRig(t, shape{
		nodes: 1, concurrency: 48, timeout: 3 * time.Second, emulator: []string{"--faults", "0.2", "--hang-for", "1m"},
	})
	ctx, cancel := context.WithTimeout(t.Context(), s.limit)
	defer cancel()
	for i := range s.queries {
		if err := r.publish(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.complete(ctx, s.queries); err != nil {
		t.Fatal(err)
	}
	o := r.outcome(s.queries)
	o.nothingLostNothingTwice()
	o.ledgerBalances(nil)

	failed := o.count("SELECT count(*) FROM calls WHERE outcome <> 'ok'")
	all := o.count("SELECT count(*) FROM calls")
	t.Logf("%d of %d calls failed", failed, all)
	if share := float64(failed) / float64(all); share < 0.15 || share > 0.25 {
		t.Errorf("%.0f%% of the calls failed: the provider was to fail one in five", 100*share)
	}
	for _, outcome := range []string{"rate_limited", "server_error", "timeout", "broken"} {
		if o.count("SELECT count(*) FROM calls WHERE outcome = '"+outcome+"'") == 0 {
			t.Errorf("no call ended as %s", outcome)
		}
	}
	var requests int64
	for _, kind := range []emu.Kind{emu.KindAnswer, emu.KindVerdict, emu.KindAnalysis} {
		requests += r.emulator.books(t, kind).Requests
	}
	if int64(all) != requests {
		t.Errorf("the provider served %d requests, the ledger has %d lines", requests, all)
	}
}
