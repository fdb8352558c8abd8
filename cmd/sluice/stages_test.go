package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"sluice/internal/pgtest"
	"sluice/operate"
)

// A copy that was started without the DATABASE_URL of the others takes a part of the facts into tables of its own.
func TestACopyThatWritesToOtherTablesIsToldOf(t *testing.T) {
	p := newProgram(t).withTables()
	log, _ := p.serve("consume", "intake")
	p.env["NATS_URL"] = log.NATS
	begins := func(stage string) (said string) {
		t.Helper()
		m, _, errs := p.command("consume", stage, "--set", "monitor.metrics_listen=")
		ctx, cancel := context.WithCancel(t.Context())
		ready, done := make(chan string, 1), make(chan int, 1)
		m.Ready = func(Where) { ready <- errs.String() }
		go func() { done <- m.report(m.Run(ctx)) }() // owned by the clean-up
		t.Cleanup(func() { cancel(); <-done })
		select {
		case said = <-ready:
		case status := <-done:
			done <- status
			t.Fatalf("consume %s ended with status %d: %s", stage, status, errs)
		}
		eventually(t, stage+" asks for messages", func() bool {
			var look operate.Status
			if err := json.Unmarshal([]byte(p.must("status", "--json")), &look); err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(look.Stages, func(s operate.StageStatus) bool { return s.Stage == stage && s.Waiting > 0 })
		})
		return said
	}
	ours := p.env["DATABASE_URL"]
	for _, stage := range []string{"record", "training", "monitor"} {
		p.env["DATABASE_URL"] = ours
		for range 2 {
			if said := begins(stage); strings.Contains(said, "another configuration") {
				t.Errorf("a copy of %s that writes to the same tables: %s", stage, said)
			}
		}
		p.env["DATABASE_URL"] = pgtest.New(t)
		if said := begins(stage); strings.Count(said, "another configuration") != 1 || !strings.Contains(said, "database ") {
			t.Errorf("a copy of %s that writes to other tables: %s", stage, said)
		}
	}
}
