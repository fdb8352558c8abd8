package chaos

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/inflight"
	emu "sluice/llm/emulator"
	"sluice/streams"
)

// ledger reads a stage's lines off the log, by id. A line that is there twice fails the test.
func (r *rig) ledger(stage string) map[string]sluice.Call {
	r.t.Helper()
	lines := map[string]sluice.Call{}
	for m, err := range streams.Scan(r.t.Context(), r.js, streams.StreamCalls, streams.Window{Filter: "calls.billed." + stage + ".>"}) {
		if err != nil {
			r.t.Fatal(err)
		}
		line, err := streams.Decode[sluice.Call](m.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		if _, twice := lines[line.ID]; twice {
			r.t.Errorf("call %s has two lines", line.ID)
		}
		lines[line.ID] = line
	}
	return lines
}

// underway waits until the provider has so many requests in hand.
func (r *rig) underway(ctx context.Context, n int) {
	r.t.Helper()
	for got := -1; got != n; got = r.emulator.all(r.t).Underway {
		if ctx.Err() != nil {
			r.t.Fatalf("the provider has %d requests in hand, want %d", got, n)
		}
		r.after(ctx, 5*time.Millisecond)
	}
}

// billed waits until the ledger has as many lines of answers as the provider has had requests for them.
func (r *rig) billed(ctx context.Context) (map[string]sluice.Call, int) {
	r.t.Helper()
	for {
		requests := int(r.emulator.books(r.t, emu.KindAnswer).Requests)
		lines := r.ledger("answer")
		if len(lines) >= requests || ctx.Err() != nil {
			return lines, requests
		}
		r.after(ctx, 50*time.Millisecond)
	}
}

// Every call that the provider has begun is one line of the ledger, though the processes that made them were killed
// while it was at work: those lines are estimated, and all of them together are never below its books. A shared
// purse is paid as much.
func TestACallThatWasUnderWayAtAKillIsInTheLedgerOnce(t *testing.T) {
	const (
		copies, concurrency = 2, 8
		inFlight            = copies * concurrency * 2 // both arms
		kills               = 3
		queries             = (kills + 2) * copies * concurrency
	)
	r := startRig(t, shape{nodes: 1, concurrency: concurrency, idle: true})
	r.emulator.slow(t, 25*time.Second) // none ends before its kill
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	r.accepted(ctx, queries)
	var answers []*worker
	for i := range copies {
		answers = append(answers, &worker{spec: r.spec(fmt.Sprintf("answer %d", i+1), "consume", "answer", "--max-spend", "1000", "--purse", "night")})
	}
	start := func() {
		for _, w := range answers {
			w.start(t)
		}
	}
	start()
	for kill := range kills {
		r.underway(ctx, inFlight)
		for len(r.ledger("answer")) < kill*inFlight { // those of the kills before are found
			r.after(ctx, 20*time.Millisecond)
		}
		r.after(ctx, 300*time.Millisecond) // and have been paid by now
		for _, w := range answers {
			w.child.Kill()
		}
		r.underway(ctx, 0)
		if kill == kills-1 {
			r.emulator.slow(t, 700*time.Millisecond)
		}
		start()
	}
	r.underway(ctx, inFlight)
	for _, w := range answers { // with calls under way: they are finished, and billed for what they used
		if err := w.child.Stop(); err != nil {
			t.Error(err)
		}
	}
	r.emulator.slow(t, 0)
	start()
	r.stored(ctx, streams.StreamAnswers, 2*queries)
	lines, requests := r.billed(ctx)
	for _, w := range answers {
		if err := w.child.Stop(); err != nil {
			t.Error(err)
		}
	}
	if len(lines) != requests {
		t.Errorf("the provider had %d requests, the ledger has %d lines", requests, len(lines))
	}
	r.judgeKilled(lines, kills*inFlight)
}

// judgeKilled holds the lines against the provider's books.
func (r *rig) judgeKilled(lines map[string]sluice.Call, want int) {
	r.t.Helper()
	killed := 0
	var cost sluice.MicroUSD
	for _, l := range lines {
		cost += l.Cost
		switch {
		case l.Error == inflight.Killed:
			killed++
			if !l.CostEstimated || l.Outcome != sluice.OutcomeBroken || l.Cost == 0 || l.QueryKey == "" || l.Pair == "" || l.Tier == "" {
				r.t.Errorf("%+v", l)
			}
		case l.Outcome != sluice.OutcomeOK || l.CostEstimated:
			r.t.Errorf("%+v", l)
		}
	}
	if killed != want {
		r.t.Errorf("%d calls were found after kills, %d were under way at them", killed, want)
	}
	due := r.emulator.total(r.t)
	if int64(cost) < due {
		r.t.Errorf("the ledger costs %d, the provider's books say %d", cost, due)
	}
	purse, err := streams.OpenPurse(r.t.Context(), r.js, "answer", "night", "nobody")
	if err != nil {
		r.t.Fatal(err)
	}
	paid, err := purse.Pay(r.t.Context(), 0)
	if err != nil || paid != cost {
		r.t.Errorf("the purse has paid %s, the ledger costs %s, %v", paid, cost, err)
	}
	r.t.Logf("%d lines, %d of them found after kills; they cost %s, by the provider's books %s; the purse paid %s",
		len(lines), killed, cost, sluice.MicroUSD(due), paid)
}
