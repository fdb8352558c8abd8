package chaos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/gateway/budget"
	"sluice/internal/natstest"
	"sluice/internal/process"
	"sluice/postgres"
)

// gatewayLoad asks a gateway that is killed again and again, and remembers what was answered whole.
type gatewayLoad struct {
	url      string
	answered atomic.Int64
	more     chan struct{} // holds one element where there was another answer

	mu  sync.Mutex
	ids []string
}

// ask asks once; an answer that did not come whole is none.
func (l *gatewayLoad) ask(ctx context.Context, n int) {
	stream := n%2 == 0
	body := fmt.Sprintf(`{"model":"auto","stream":%t,"messages":[{"role":"user","content":"Which is number %d?"}]}`, stream, n)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	whole := err == nil && resp.StatusCode == http.StatusOK && (!stream || strings.HasSuffix(string(text), "data: [DONE]\n\n"))
	if !whole {
		return
	}
	l.mu.Lock()
	l.ids = append(l.ids, resp.Header.Get("X-Sluice-Decision-Id"))
	l.mu.Unlock()
	l.answered.Add(1)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// await waits until so many answers have come.
func (l *gatewayLoad) await(t *testing.T, n int64) {
	t.Helper()
	for l.answered.Load() < n {
		select {
		case <-l.more:
		case <-t.Context().Done():
			t.Fatalf("the test ended with %d answers", l.answered.Load())
		}
	}
}

func TestEveryAnswerOfAKilledGatewayHasItsDecisionOnce(t *testing.T) {
	r := startRig(t, shape{
		nodes: 1, concurrency: 8, idle: true, emulator: []string{"--latency", "5ms"},
		config: "budgets: {limits: [{name: house, scope: global, limit: 50, period: month, action: refuse}]}\n",
	})
	addr := fmt.Sprintf("127.0.0.1:%d", natstest.FreePort(t))
	gateway := &worker{spec: r.spec("gateway", "gateway", "--listen", addr)}
	start := func() {
		gateway.start(t)
		if err := gateway.child.WaitFor(t.Context(), "the gateway is up"); err != nil {
			t.Fatal(err)
		}
	}
	start()
	monitor := &worker{spec: r.spec("monitor", "consume", "monitor")}
	monitor.start(t)
	record := process.Start(t, r.spec("record", "consume", "record"))
	load := &gatewayLoad{url: "http://" + addr, more: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var number atomic.Int64
	for range 8 {
		clients.Go(func() {
			for ctx.Err() == nil {
				load.ask(ctx, int(number.Add(1)))
			}
		})
	}
	const kills = 6
	for range kills {
		load.await(t, load.answered.Load()+60)
		gateway.child.Kill()
		monitor.child.Kill()
		start()
		monitor.start(t)
	}
	load.await(t, load.answered.Load()+60)
	stop()
	clients.Wait()
	if err := gateway.child.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d answers came whole through %d kills", len(load.ids), kills)
	bookedInFull(t, r, decidedOnce(t, r, load.ids))
	for _, child := range []*process.Child{monitor.child, record} {
		if err := child.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// decidedOnce checks the tables: every answer has its decision, nothing is there twice, every attempt of a decision
// is in the ledger once, and the ledger is not below the provider's books. It returns what all of them cost.
func decidedOnce(t *testing.T, r *rig, ids []string) (cost int64) {
	t.Helper()
	db, err := postgres.Connect(t.Context(), r.pg.URL(""), "chaos", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stream, err := r.js.Stream(t.Context(), "DECISIONS")
	if err != nil {
		t.Fatal(err)
	}
	count := func(sql string, args ...any) int64 {
		table, err := db.Table(t.Context(), sql, args...)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := table.Rows[0][0].(int64)
		return n
	}
	stored := int64(stream.CachedInfo().State.Msgs)
	const decided, attempts = `SELECT count(*) FROM decisions`, `SELECT coalesce(sum(cardinality(call_ids)), 0)::bigint FROM decisions`
	const lines = `SELECT count(*) FROM calls WHERE stage = 'gateway'`
	for deadline := time.Now().Add(time.Minute); count(decided) < stored || count(lines) < count(attempts); {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d decisions and %d of their %d calls are in the tables", count(decided), stored, count(lines), count(attempts))
		}
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // another process's work; nothing signals it
	}
	if n, want := count(lines), count(attempts); n != want {
		t.Errorf("the ledger has %d calls of the gateway, the decisions %d", n, want)
	}
	if n := count(`SELECT count(DISTINCT id) FROM decisions WHERE id = ANY($1)`, ids); n != int64(len(ids)) {
		t.Errorf("%d of %d answers have a decision", n, len(ids))
	}
	if all, distinct := count(`SELECT count(*) FROM decisions`), count(`SELECT count(DISTINCT id) FROM decisions`); all != distinct {
		t.Errorf("%d rows of %d decisions", all, distinct)
	}
	settled := count(`SELECT count(*) FROM decisions WHERE error LIKE '%killed%'`)
	t.Logf("%d decisions, %d of them settled after a kill", stored, settled)
	if settled == 0 {
		t.Error("no request was in hand when a gateway was killed: this test would find nothing")
	}
	cost = count(`SELECT sum(cost_microusd)::bigint FROM decisions`)
	if ledger := count(`SELECT sum(cost_microusd)::bigint FROM calls WHERE stage = 'gateway'`); ledger != cost {
		t.Errorf("the decisions cost %d, their lines of the ledger %d", cost, ledger)
	}
	if due := r.emulator.total(t); cost < due {
		t.Errorf("the decisions cost %d, the provider's books say %d", cost, due)
	}
	return cost
}

// bookedInFull checks that what a killed gateway spent and had told nobody is spent of the budget too (Invariant 7).
func bookedInFull(t *testing.T, r *rig, cost int64) {
	t.Helper()
	books, err := budget.OpenBooks(t.Context(), r.js, nil)
	if err != nil {
		t.Fatal(err)
	}
	states, err := books.Show(t.Context(), time.Now())
	if err != nil || len(states) != 1 {
		t.Fatalf("%+v, %v; want one budget", states, err)
	}
	house := states[0]
	t.Logf("the ledger has %d, of the budget %d are spent and %d reserved", cost, house.Spent, house.Reserved)
	if int64(house.Spent) < cost || house.Spent+house.Reserved > house.Limit {
		t.Errorf("the ledger has %d, of the budget's %d are %d spent and %d reserved", cost, house.Limit, house.Spent, house.Reserved)
	}
}

// total is what the emulator billed, lost replies included.
func (e *emulator) total(t *testing.T) int64 {
	t.Helper()
	b := e.all(t)
	return int64(b.Total.Cost + b.Total.LostCost)
}
