package chaos

import (
	"context"
	"testing"
	"time"

	"sluice"
	emu "sluice/llm/emulator"
	"sluice/streams"
)

// A stage that is stopped while the log is away has answers in hand that are paid for and can be stored nowhere. Whoever
// starts next asks again, and the ledger has both at what they cost: to the cent what the provider's books say.
func TestAStageThatIsStoppedWhileTheLogIsAwayIsBilledWhatItsCallsCost(t *testing.T) {
	quick(t)
	const concurrency, queries = 8, 16
	r := startRig(t, shape{nodes: 1, concurrency: concurrency, idle: true, emulator: []string{"--latency", "700ms"}})
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	r.accepted(ctx, queries)
	w := &worker{spec: r.spec("answer 1", "consume", "answer")}
	w.start(t)
	r.underway(ctx, 2*concurrency)
	r.nodes[0].child.Kill()
	r.underway(ctx, 0)
	asked := int(r.emulator.books(t, emu.KindAnswer).Requests)
	if err := w.child.Stop(); err != nil {
		t.Error(err)
	}
	r.nodes[0].start(t)
	w.start(t)
	r.stored(ctx, streams.StreamAnswers, 2*queries)
	lines, requests := r.billed(ctx)
	if err := w.child.Stop(); err != nil {
		t.Error(err)
	}
	var cost sluice.MicroUSD
	for _, l := range lines {
		if cost += l.Cost; l.CostEstimated || l.Outcome != sluice.OutcomeOK {
			t.Errorf("%+v", l)
		}
	}
	if due := r.emulator.total(t); len(lines) != requests || int64(cost) != due || asked < 2*concurrency {
		t.Errorf("%d requests, %d lines; they cost %d, by the provider's books %d", requests, len(lines), cost, due)
	}
	t.Logf("%d requests for %d answers, %d of them before the stop", requests, 2*queries, asked)
}
