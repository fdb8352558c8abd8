package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/gateway/micro"
	"sluice/internal/natstest"
)

// decidedBy asks a gateway over and over until the reply is decided as wanted, and says how long the last took.
func decidedBy(t *testing.T, url, what string, yes func(explained) bool) time.Duration {
	t.Helper()
	var took time.Duration
	eventually(t, what, func() bool {
		began := time.Now()
		status, reply := chat(t, url, "Which river flows through Baghdad?")
		took = time.Since(began)
		var d explained
		if err := json.Unmarshal([]byte(reply), &d); err != nil || status != http.StatusOK {
			t.Fatalf("status %d: %s", status, reply)
		}
		return yes(d)
	})
	return took
}

// A router's process of its own serves what is promoted, to gateways that ask it over NATS. A promotion needs no
// restart of either and fails no request. While no copy is there the static map decides and the decision says why;
// a copy that hangs costs the deadline and no more.
func TestAServedRouterFollowsPromotionsAndItsAbsenceIsTold(t *testing.T) {
	log := natstest.Start(t)
	natstest.Apply(t, log.JetStream(), natstest.Options())
	gateway, router := newProgram(t), newProgram(t)
	gateway.env["NATS_URL"], router.env["NATS_URL"] = log.URL(), log.URL()
	first, second := importControl(t, router, 1), importControl(t, router, 2)
	router.must("model", "promote", first)
	_, stopRouter := router.serve("route", "serve")
	where, stop := gateway.serve(
		"gateway", "--upstream", "emulator", "--set", "gateway.router=nats", "--set", "gateway.log_decisions=false", "--set", "routing.circuit.pause=100ms",
		"--set", "routing.deadline=3s", // none of a busy machine's pauses
	)
	by := func(version string) func(explained) bool {
		return func(d explained) bool { return d.Sluice.RouterVersion == version && d.Sluice.RouterFault == "" }
	}
	decidedBy(t, where.Gateway, first+" decides", by(first))

	var faults atomic.Int64
	end := load(t, where.Gateway, func(status int, reply string) {
		if status != http.StatusOK || strings.Contains(reply, `"router_fault":"`) {
			faults.Add(1)
		}
	})
	router.must("model", "promote", second)
	decidedBy(t, where.Gateway, second+" decides", by(second))
	end()
	if n := faults.Load(); n > 0 {
		t.Errorf("%d requests failed or had no router while one was promoted", n)
	}

	if status := stopRouter(); status != statusDone {
		t.Errorf("route serve ended with status %d", status)
	}
	decidedBy(t, where.Gateway, "the static map decides, since no router is there", func(d explained) bool {
		return d.Sluice.RouterVersion == "static" && d.Sluice.RouterFault == "unavailable"
	})
	_, stopRouter = router.serve("route", "serve")
	decidedBy(t, where.Gateway, second+" decides again", by(second))
	stopRouter()

	nc := log.Connect()
	hung, err := nc.QueueSubscribe(micro.SubjectRouter, "sluice", func(*nats.Msg) {}) // as one that was stopped or is overrun
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	if took := decidedBy(t, where.Gateway, "the static map decides, since the router says nothing", func(d explained) bool {
		return d.Sluice.RouterVersion == "static" && d.Sluice.RouterFault == "deadline"
	}); took > 15*time.Second {
		t.Errorf("it took %v, with a deadline of 3s", took)
	}
	if err := hung.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	for _, d := range decisionsIn(t, log.URL()) {
		if d.RouterFault != "" && d.RouterVersion != "static" || d.Outcome != "ok" {
			t.Errorf("decision %+v", d)
		}
	}
	stop()
}
