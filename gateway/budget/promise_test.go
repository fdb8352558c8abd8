package budget

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
)

const dollar = sluice.MicroUSD(1_000_000)

// storm is replicas that spend one budget as fast as they can.
type storm struct {
	keepers []*Keeper
	spent   atomic.Int64
	made    atomic.Int64
	refused atomic.Int64
	away    atomic.Int64
}

func newStorm(t *testing.T, replicas int, js func() jetstream.JetStream, limits ...Limit) *storm {
	t.Helper()
	s := &storm{}
	for i := range replicas {
		k, err := Open(t.Context(), js(), Options{Replica: fmt.Sprintf("r%d", i), Limits: limits, Every: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = k.Close(context.WithoutCancel(t.Context())) })
		s.keepers = append(s.keepers, k)
	}
	return s
}

// run makes the requests, at once, spread over the replicas; each claims up to most and costs less.
func (s *storm) run(t *testing.T, requests int, at time.Time, most int64) {
	t.Helper()
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() {
			k := s.keepers[i%len(s.keepers)]
			amount := 1 + rand.N(most)
			c := Claim{ID: fmt.Sprintf("c%d-%d", i, rand.Uint64()), Tenant: "acme", KeyID: "k1", Model: "m", Amount: sluice.MicroUSD(amount), At: at}
			v, err := k.Reserve(t.Context(), c)
			switch {
			case err != nil:
				t.Error(err)
			case v.Unreachable:
				s.away.Add(1)
			case !v.Reserved():
				s.refused.Add(1)
			default:
				cost := amount - rand.N(amount/2+1)
				s.spent.Add(cost)
				s.made.Add(1)
				if err := k.Settle(t.Context(), c.ID, sluice.MicroUSD(cost)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// booked closes the keepers and reads what the log says is spent: again where a replica's word is not that of the last
// of them yet.
func (s *storm) booked(t *testing.T, js jetstream.JetStream, limits ...Limit) State {
	t.Helper()
	for _, k := range s.keepers {
		if err := k.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	books, err := OpenBooks(t.Context(), js, limits)
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; {
		states, err := books.Show(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(states, func(st State) bool { return st.Budget == limits[0].Name })
		switch {
		case i >= 0 && (int64(states[i].Spent) == s.spent.Load() || time.Since(began) > 10*time.Second):
			return states[i]
		case i < 0 && time.Since(began) > 10*time.Second:
			t.Fatalf("states %+v", states)
		}
	}
}

func (s *storm) check(t *testing.T, st State) {
	t.Helper()
	t.Logf("%d calls made, %d refused, %d while away; %v spent", s.made.Load(), s.refused.Load(), s.away.Load(), st.Spent)
	if st.Spent > dollar || sluice.MicroUSD(s.spent.Load()) > dollar {
		t.Errorf("spent %v, booked %v, of one dollar", sluice.MicroUSD(s.spent.Load()), st.Spent)
	}
	if int64(st.Spent) != s.spent.Load() {
		t.Errorf("the log says %v, calls cost %v", st.Spent, sluice.MicroUSD(s.spent.Load()))
	}
	for _, k := range s.keepers {
		if n := k.Stats().Overruns; n != 0 {
			t.Errorf("%d overruns", n)
		}
	}
}

var oneDollar = Limit{Name: "one", Scope: ScopeKey, Match: "k1", Period: Month, Limit: dollar, Action: ActionRefuse}

// The promise: ten replicas, a thousand requests at once, one dollar.
func TestTenReplicasAndAThousandRequestsSpendAtMostOneDollar(t *testing.T) {
	server := natstest.Start(t)
	natstest.Apply(t, server.JetStream(), natstest.Options())
	s := newStorm(t, 10, server.JetStream, oneDollar)
	s.run(t, 1000, time.Now(), 5000) // they ask for 2.5 dollars
	for range 10 {                   // whom a busy machine's log did not answer in time comes back
		s.run(t, int(s.away.Swap(0)), time.Now(), 5000)
	}
	st := s.booked(t, server.JetStream(), oneDollar)
	s.check(t, st)
	if st.Spent < dollar*6/10 {
		t.Errorf("only %v of a dollar could be spent", st.Spent)
	}
	if s.away.Load() != 0 {
		t.Errorf("%d claims could not ask", s.away.Load())
	}
}

func TestTheDollarHoldsWhileTheServerRestarts(t *testing.T) {
	server := natstest.Start(t)
	natstest.Apply(t, server.JetStream(), natstest.Options())
	s := newStorm(t, 10, server.JetStream, oneDollar)
	var restarts sync.WaitGroup
	restarts.Go(func() {
		for range 3 {
			server.Stop()
			server.Start()
		}
	})
	for range 5 {
		s.run(t, 200, time.Now(), 3000)
	}
	restarts.Wait()
	for _, k := range s.keepers { // whatever is left to tell is told once the server is back
		if err := retry(t, func() error { return k.Flush(t.Context()) }); err != nil {
			t.Error(err)
		}
	}
	s.run(t, 500, time.Now(), 3000)
	s.check(t, s.booked(t, server.JetStream(), oneDollar))
}

func TestTheDollarHoldsOnThreeServersWhoseReadsAreStaleAndOfWhichOneStops(t *testing.T) {
	cluster := natstest.StartCluster(t, 3)
	natstest.Apply(t, cluster.JetStream(), cluster.Options())
	i := 0
	s := newStorm(t, 10, func() jetstream.JetStream { i++; return cluster.Node(i % 3).JetStream() }, oneDollar)
	s.run(t, 1000, time.Now(), 5000)
	st := s.booked(t, cluster.JetStream(), oneDollar)
	s.check(t, st)
	if st.Spent < dollar/2 {
		t.Errorf("only %v of a dollar could be spent", st.Spent)
	}
	stopOne(t, cluster)
}

// stopOne storms another dollar while a server stops, which may be the leader of the record: writes are
// lost, late, or refused though nobody was first.
func stopOne(t *testing.T, cluster *natstest.Cluster) {
	t.Helper()
	other, i := oneDollar, 0
	other.Name = "another"
	s := newStorm(t, 10, func() jetstream.JetStream { i++; return cluster.Node(i % 2).JetStream() }, other)
	s.run(t, 50, time.Now(), 1000)
	var stopping sync.WaitGroup
	stopping.Go(cluster.Node(2).Stop)
	for range 4 {
		s.run(t, 150, time.Now(), 3000)
	}
	stopping.Wait()
	for _, k := range s.keepers {
		if err := retry(t, func() error { return k.Flush(t.Context()) }); err != nil {
			t.Error(err)
		}
	}
	s.check(t, s.booked(t, cluster.Node(0).JetStream(), other))
}

// retry tries for a minute; each try waits by itself.
func retry(t *testing.T, do func() error) error {
	t.Helper()
	for began := time.Now(); ; {
		if err := do(); err == nil || time.Since(began) > time.Minute {
			return err
		}
	}
}
