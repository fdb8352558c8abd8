package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/natstest"
	"sluice/streams"
)

// lacking is a server whose user of a role may do all that the role may but for what begins with what; it has its
// streams.
func lacking(t *testing.T, r streams.Role, what string) *program {
	t.Helper()
	p := newProgram(t)
	not := func(s string) bool { return strings.HasPrefix(s, what) }
	allowed := streams.PermissionsOf(r, stageVersion)
	allowed.Publish, allowed.Subscribe = slices.DeleteFunc(allowed.Publish, not), append(slices.DeleteFunc(allowed.Subscribe, not), "nothing") // none would be all
	server := natstest.StartWith(t, streams.ServerOptions{Users: []streams.User{
		{Name: string(r), Password: "p", Permissions: allowed},
		{Name: "operator", Password: "p", Permissions: streams.PermissionsOf(streams.RoleOperator, stageVersion)},
	}})
	nc, err := streams.Connect(server.URL(), streams.ConnectOptions{User: "operator", Password: "p"})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := streams.JetStream(nc)
	if err != nil {
		t.Fatal(err)
	}
	natstest.Apply(t, js, streams.DefaultOptions())
	if _, err := streams.ArmSecret(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	p.env["NATS_URL"] = strings.Replace(server.URL(), "nats://", "nats://"+string(r)+":p@", 1)
	p.env["SLUICE_NATS_ROLE"] = string(r)
	return p
}

func TestACommandThatLacksAPermissionEndsAndNamesIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		role      streams.Role
		lacks     string
		operation string
		args      []string
	}{
		"a stage's durable":    {streams.RoleLabel, "$JS.API.CONSUMER.CREATE.VERDICTS", "publish to", []string{"consume", "label"}},
		"a stage's messages":   {streams.RoleLabel, "$JS.API.CONSUMER.MSG.NEXT.VERDICTS", "publish to", []string{"consume", "label"}},
		"a stage's inbox":      {streams.RoleLabel, "_INBOX_label", "subscribe to", []string{"consume", "label"}},
		"a publisher's stream": {streams.RoleUpstream, "queries.asked", "publish to", []string{"publish"}},
		"a gateway's bucket":   {streams.RoleGateway, "$JS.API.STREAM.INFO.KV_keys", "publish to", []string{"gateway", "--upstream", "emulator"}},
		"a gateway's service":  {streams.RoleGateway, "route.", "subscribe to", []string{"gateway", "--upstream", "emulator"}},
		"a router's service":   {streams.RoleRouter, "router.", "subscribe to", []string{"route", "serve"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := lacking(t, c.role, c.lacks)
			m, _, _ := p.command(c.args...)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			err := m.Run(ctx)
			var refused *streams.PermissionError
			if ctx.Err() != nil || !errors.As(err, &refused) {
				t.Fatalf("it ended with %v", err)
			}
			for _, part := range []string{"the role " + string(c.role), c.operation + " \"" + c.lacks, "sluice streams permissions"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("it says %q, and nothing of %q", err, part)
				}
			}
		})
	}
}

func TestARefusalOfACommandThatServesIsToldNowAndThen(t *testing.T) {
	t.Parallel()
	var log output
	now := time.Unix(1e9, 0)
	ended := false
	r := refusals{log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return now }, end: func(error) { ended = true }, serving: true}
	for range 30 {
		r.hear(&streams.PermissionError{Operation: "publish", Subject: "labels.drawn.x", Role: streams.RoleLabel})
		now = now.Add(time.Second)
	}
	if lines := strings.Count(log.String(), "labels.drawn.x"); lines != 3 || r.Count() != 30 || ended || r.fatal() != nil {
		t.Errorf("%d lines, %d counted, ended %t: %s", lines, r.Count(), ended, log.String())
	}
}
