package operate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/operate"
	"sluice/streams"
)

const watcher = "monitor-v1-decisions"

func gatewayCall(id string) sluice.Call {
	return sluice.Call{ID: id, Stage: sluice.StageGateway, Cost: 7, StartedAt: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
}

// taken is a decision of somebody with some calls.
func taken(t *testing.T, id, tenant string, calls ...string) streams.Message {
	t.Helper()
	q := sluice.Query{Key: sluice.QueryKey(tenant, "", id), Text: id, Tenant: tenant}
	d := sluice.Decision{ID: id, Query: q}
	for _, c := range calls {
		d.Calls = append(d.Calls, gatewayCall(c))
	}
	return must(t)(streams.TakenFact(d))
}

// gatewayLines are the ids that GatewayLines yields, in order of their names.
func gatewayLines(t *testing.T, js jetstream.JetStream, since time.Time) []string {
	t.Helper()
	var ids []string
	for line, err := range operate.GatewayLines(t.Context(), js, watcher, since) {
		if err != nil || line.Cost != 7 {
			t.Fatalf("%+v, %v", line, err)
		}
		ids = append(ids, line.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestAGatewaysLineCountsOnceWhetherTheMonitorHasEnteredItOrNot(t *testing.T) {
	js := natstest.Log(t)
	p, ok := publisher(t, js), must(t)
	publish(t, p, taken(t, "d1", "acme", "c1", "c2"), taken(t, "d2", "acme", "c3"), taken(t, "d3", "acme"))
	if got := gatewayLines(t, js, time.Time{}); !slices.Equal(got, []string{"c1", "c2", "c3"}) {
		t.Fatalf("before there is a monitor: %v", got)
	}
	// A monitor that has settled the first decision, and has entered but not settled the second.
	c, err := js.CreateConsumer(t.Context(), streams.StreamDecisions, jetstream.ConsumerConfig{Durable: watcher, AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	publish(t, p, ok(streams.BilledFact(gatewayCall("c1"))), ok(streams.BilledFact(gatewayCall("c2"))), ok(streams.BilledFact(gatewayCall("c3"))),
		ok(streams.BilledFact(gatewayCall("of-before"))), ok(streams.BilledFact(sluice.Call{ID: "judges", Stage: "judge"})),
		taken(t, "d4", "acme", "c4"))
	if got := gatewayLines(t, js, time.Time{}); !slices.Equal(got, []string{"c1", "c2", "c3", "c4", "of-before"}) {
		t.Errorf("beside a monitor: %v", got)
	}
	if got := gatewayLines(t, js, time.Now().Add(time.Hour)); len(got) > 0 { // c4 waits, and is from before
		t.Errorf("since later on: %v", got)
	}
	// A monitor that is behind everything.
	rest, err := c.Fetch(3, jetstream.FetchMaxWait(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for m := range rest.Messages() {
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := gatewayLines(t, js, time.Time{}); !slices.Equal(got, []string{"c1", "c2", "c3", "of-before"}) {
		t.Errorf("when all is settled: %v", got)
	}
}

// What the monitor refuses to enter is no cost of a gateway before it does so either.
func TestALineThatNoGatewayMayWriteCountsNeitherBeforeTheMonitorNorAfter(t *testing.T) {
	js := natstest.Log(t)
	d := sluice.Decision{ID: "d1", Calls: []sluice.Call{gatewayCall("c1"), {ID: "c2", Stage: "judge", Cost: 7}}}
	publish(t, publisher(t, js), must(t)(streams.TakenFact(d)), taken(t, "d2", "acme", "c3"))
	if got := gatewayLines(t, js, time.Time{}); !slices.Equal(got, []string{"c3"}) {
		t.Errorf("lines %v", got)
	}
}

func TestForgettingADecisionLosesNoneOfItsCents(t *testing.T) {
	js := natstest.Log(t)
	publish(t, publisher(t, js), taken(t, "d1", "acme", "c1", "c2"), taken(t, "d2", "other", "c3"))
	if _, err := operate.Forget(t.Context(), js, publisher(t, js), &tables{}, operate.Person{Tenant: "acme"}, time.Second, nil); err != nil {
		t.Fatal(err)
	}
	if n := messages(t, js, streams.StreamDecisions); n != 1 {
		t.Errorf("%d decisions are left, want 1", n)
	}
	if n := messages(t, js, streams.StreamCalls); n != 2 {
		t.Errorf("%d lines are in the ledger, want those of the decision that went", n)
	}
	if got := gatewayLines(t, js, time.Time{}); !slices.Equal(got, []string{"c1", "c2", "c3"}) {
		t.Errorf("lines %v", got)
	}
}
