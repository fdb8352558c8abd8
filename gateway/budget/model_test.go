package budget

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
)

// model is several replicas, one budget, and what must be true of them whatever the network does.
type model struct {
	s     *fakeShared
	limit sluice.MicroUSD
	key   string
	ks    []*Keeper
	open  []map[string]sluice.MicroUSD // by replica
	born  int
	// spent is what calls really cost, of all replicas, the dead ones included.
	spent sluice.MicroUSD
	// spool is what each replica reserved and has not recovered: the amount, or the cost once settled.
	spool []map[string]sluice.MicroUSD
	next  int
	// crashed is true once a process died: what it had not told may then be booked twice.
	crashed, immortal bool
}

func (m *model) start(t *rapid.T, i int) {
	m.born++
	at := noon.Add(time.Duration(m.born) * time.Nanosecond) // each process has a start of its own
	k, err := open(t.Context(), m.s, always, Options{
		Replica: fmt.Sprintf("r%d", i), Limits: []Limit{global("all", m.limit, ActionRefuse)},
		Every: time.Hour, Now: func() time.Time { return at },
	})
	if err != nil {
		t.Fatal(err)
	}
	m.ks[i], m.open[i] = k, map[string]sluice.MicroUSD{}
}

func (m *model) halt(i int) {
	m.ks[i].stop()
	m.ks[i].ticking.Wait()
	m.ks[i].flights.Wait()
}

func (m *model) pick(t *rapid.T) int { return rapid.IntRange(0, len(m.ks)-1).Draw(t, "replica") }

func (m *model) reserve(t *rapid.T) {
	i := m.pick(t)
	m.next++
	c := claim(fmt.Sprint(m.next), sluice.MicroUSD(rapid.IntRange(1, 300).Draw(t, "amount")))
	v, err := m.ks[i].Reserve(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if v.Reserved() {
		m.open[i][c.ID], m.spool[i][c.ID] = c.Amount, c.Amount
	}
}

func (m *model) settle(t *rapid.T) {
	i := m.pick(t)
	for id, amount := range m.open[i] {
		cost := sluice.MicroUSD(rapid.IntRange(0, int(amount)).Draw(t, "cost"))
		if err := m.ks[i].Settle(t.Context(), id, cost); err != nil {
			t.Fatal(err)
		}
		delete(m.open[i], id)
		m.spool[i][id] = cost
		m.spent += cost
		return
	}
}

// crash kills a replica and starts it again; its spool is replayed, or not.
func (m *model) crash(t *rapid.T) {
	i := m.pick(t)
	if m.immortal {
		t.Skip("nobody dies")
	}
	m.halt(i)
	m.crashed = true
	var spends []Spend
	for id, cost := range m.spool[i] {
		if amount, open := m.open[i][id]; open {
			m.spent += amount // for all we know the call was made
		}
		spends = append(spends, Spend{Claim: claim(id, cost), Cost: cost})
	}
	m.start(t, i)
	if rapid.Bool().Draw(t, "spool") {
		was := m.s.setTrouble(nil)
		err := m.ks[i].Recover(t.Context(), spends)
		m.s.setTrouble(was)
		if err != nil {
			t.Fatal(err)
		}
		m.spool[i] = map[string]sluice.MicroUSD{}
	}
}

func (m *model) flush(t *rapid.T) { _ = m.ks[m.pick(t)].Flush(t.Context()) }

// check: nothing ever passed the cap, in the log or in truth.
func (m *model) check(t *rapid.T) {
	held := m.spent
	for _, open := range m.open {
		for _, amount := range open {
			held += amount
		}
	}
	if held > m.limit {
		t.Fatalf("%d are spent or held of %d", held, m.limit)
	}
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if worst := m.s.worst[m.key]; worst > m.limit {
		t.Fatalf("the record held %d of %d", worst, m.limit)
	}
	if h := m.s.history[m.key]; len(h) > 0 && h[len(h)-1].Overrun != 0 {
		t.Fatalf("an overrun of %d", h[len(h)-1].Overrun)
	}
}

// Whatever claims, settlements, crashes, lost requests, lost answers and stale reads come in whatever
// order: the cap holds, and what the log knows is never less than the truth.
func TestTheCapHoldsWhateverTheNetworkAndTheReplicasDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{s: newFakeShared(), limit: sluice.MicroUSD(rapid.IntRange(100, 5000).Draw(t, "limit")), key: "all.all.2026-03-16"}
		n := rapid.IntRange(1, 4).Draw(t, "replicas")
		m.ks, m.open, m.spool = make([]*Keeper, n), make([]map[string]sluice.MicroUSD, n), make([]map[string]sluice.MicroUSD, n)
		for i := range n {
			m.spool[i] = map[string]sluice.MicroUSD{}
			m.start(t, i)
		}
		faulty := rapid.IntRange(0, 60).Draw(t, "percent of requests in trouble")
		seed := rapid.Uint64().Draw(t, "seed")
		rnd := rand.New(rand.NewPCG(seed, 1)) // under the fake's lock
		m.s.setTrouble(func() trouble {
			if rnd.IntN(100) >= faulty {
				return fine
			}
			return trouble(1 + rnd.IntN(4))
		})
		m.immortal = rapid.Bool().Draw(t, "nobody dies")
		t.Repeat(map[string]func(*rapid.T){
			"reserve": m.reserve, "settle": m.settle, "crash": m.crash, "flush": m.flush, "": m.check,
		})
		m.s.setTrouble(nil)
		for i := range n {
			if err := m.ks[i].Close(t.Context()); err != nil && !errors.Is(err, errClosed) {
				t.Fatal(err)
			}
		}
		if r := m.s.last(m.key); r.Spent+r.leased() < m.spent {
			t.Fatalf("the log knows of %d+%d, %d are spent", r.Spent, r.leased(), m.spent)
		}
		if r := m.s.last(m.key); !m.crashed && r.Spent != m.spent {
			t.Fatalf("nobody died, and the log says %d where %d are spent", r.Spent, m.spent)
		}
		m.check(t)
	})
}
