package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/config"
	"sluice/gateway/budget"
	"sluice/internal/natstest"
	"sluice/streams"
)

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

func TestAKeyIsMadeListedAndRevokedOnTheCommandLine(t *testing.T) {
	p := newProgram(t)
	out, _, status := p.run("keys", "create", "--name", "app", "--tenant", "acme", "--scope", "chat", "--expires", "90d",
		"--rate", "120", "--budget", "day=5", "--budget", "month=100.5:downgrade", "--json")
	made := decode[map[string]any](t, out)
	secret, _ := made["secret"].(string)
	id, _ := made["id"].(string)
	if status != statusDone || !strings.HasPrefix(secret, "sk-sluice-"+id+"-") {
		t.Fatalf("status %d: %s", status, out)
	}
	list, _, _ := p.run("keys", "list", "--json")
	if strings.Contains(list, secret[len(secret)-52:]) || !strings.Contains(list, `"limit_microusd":100500000`) || !strings.Contains(list, id) {
		t.Errorf("listed: %s", list)
	}
	if table, _, _ := p.run("keys", "list"); !strings.Contains(table, "acme") || !strings.Contains(table, "until ") {
		t.Errorf("listed:\n%s", table)
	}
	for range 2 {
		if out, _, status := p.run("keys", "revoke", id); status != statusDone || !strings.Contains(out, id+" is revoked") {
			t.Errorf("status %d: %s", status, out)
		}
	}
	if table, _, _ := p.run("keys", "list"); !strings.Contains(table, "revoked ") {
		t.Errorf("listed:\n%s", table)
	}
	if _, stderr, status := p.run("keys", "revoke", "nobody"); status != statusFailed || !strings.Contains(stderr, "no such key") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

func TestAKeyThatMakesNoSenseIsRefusedWithTheReason(t *testing.T) {
	for _, text := range []string{"day", "day=", "=5x", "day=-1"} {
		if err := new(ownBudget).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a budget", text)
		}
	}
	for _, text := range []string{"", "0d", "-1h", "soon"} {
		if err := new(lifetime).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a span", text)
		}
	}
}

func TestBudgetsAreRebuiltFromTheLedgerOnTheCommandLine(t *testing.T) {
	p := newProgram(t)
	set := []string{"--set", `budgets.limits=[{name: all, limit: 10, period: month}, {name: each, scope: key, match: "*", limit: 1, period: month}]`}
	p.withLog(func(ctx context.Context, l *openedLog) {
		for i, c := range []sluice.Call{
			{Stage: "gateway", KeyID: "k1", Cost: 2500, StartedAt: time.Now()},
			{Stage: "gateway", KeyID: "k2", Cost: 500, StartedAt: time.Now()},
			{Stage: "judge", Cost: 99, StartedAt: time.Now()},
		} {
			c.ID = "c" + string(rune('0'+i))
			m, err := streams.BilledFact(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.JS.Publish(ctx, m.Subject, m.Data); err != nil {
				t.Fatal(err)
			}
		}
	})
	if out, stderr, status := p.run(append(set, "budgets", "rebuild")...); status != statusDone || !strings.Contains(out, "$0.003000") {
		t.Fatalf("status %d: %s%s", status, out, stderr)
	}
	out, _, _ := p.run(append(set, "budgets", "show", "--json")...)
	spent := map[string]sluice.MicroUSD{}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		s := decode[budget.State](t, line)
		spent[s.Budget+" "+s.Subject] = s.Spent
	}
	if spent["all "] != 3000 || spent["each k1"] != 2500 || spent["each k2"] != 500 {
		t.Errorf("spent %v", spent)
	}
	if out, _, _ := p.run(append(set, "budgets")...); !strings.Contains(out, "everybody") || !strings.Contains(out, "$10.000000") {
		t.Errorf("shown:\n%s", out)
	}
}

// withLog opens the program's embedded log for do, as a running process would.
func (p *program) withLog(do func(context.Context, *openedLog), sets ...string) {
	p.t.Helper()
	m := p.opened(sets...)
	l, err := m.openLog(p.t.Context(), "test", toRun)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	do(p.t.Context(), l)
}

// opened is a Main with its configuration, as a command finds it.
func (p *program) opened(sets ...string) *Main {
	p.t.Helper()
	m, _, stderr := p.command("version")
	var err error
	if m.config, err = config.Load("", m.Getenv, append(sets, "data_dir="+p.dir)); err != nil {
		p.t.Fatal(err)
	}
	if m.log, err = newLogger(stderr, "info", "text", m.config.Secrets.Redact); err != nil {
		p.t.Fatal(err)
	}
	return m
}

func TestTheEmbeddedServerLetsOtherProcessesInAsTheirRolesAlone(t *testing.T) {
	p := newProgram(t)
	p.withLog(func(ctx context.Context, l *openedLog) {
		info, err := os.Stat(passwordPath(filepath.Join(p.dir, "nats"), streams.RoleJudge))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the judge's password: %v, %v", info, err)
		}
		if nc, err := streams.Connect(l.URL, streams.ConnectOptions{}); err == nil {
			nc.Close()
			t.Error("a stranger is let in")
		}
		if _, err := p.opened().openLog(ctx, "stranger", toLook); err == nil || !strings.Contains(err.Error(), "nats.authorize; set that here too") {
			t.Errorf("a stranger is told %v", err)
		}
		wrong := strings.Replace(l.URL, "nats://", "nats://judge:hunter2@", 1)
		if _, err := p.opened().dial(wrong, l.URL, "judge"); err == nil || !strings.Contains(err.Error(), "belong into NATS_URL") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("with a wrong password: %v", err)
		}
		judge, err := p.opened("nats.authorize=true", "nats.role=judge").openLog(ctx, "judge", toRun)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = judge.Close() }()
		if _, err := judge.JS.Stream(ctx, streams.StreamAnswers); err != nil {
			t.Errorf("the judge's input: %v", err)
		}
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if _, err := judge.JS.Stream(short, streams.StreamCalls); err == nil {
			t.Error("the judge looks into the ledger")
		}
		operator, err := p.opened("nats.authorize=true").openLog(ctx, "operator", toRun)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = operator.Close() }()
		if _, err := operator.JS.Stream(ctx, streams.StreamCalls); err != nil {
			t.Errorf("the operator: %v", err)
		}
	}, "nats.authorize=true")
}

func TestTheEmbeddedServerSpeaksTLSWithProcessesThatShowACertificate(t *testing.T) {
	p := newProgram(t)
	ca := natstest.NewAuthority(t)
	cert, key := ca.Issue("server", x509.ExtKeyUsageServerAuth)
	mine, myKey := ca.Issue("client", x509.ExtKeyUsageClientAuth)
	p.withLog(func(ctx context.Context, l *openedLog) {
		joined, err := p.opened("nats.tls_ca="+ca.File, "nats.tls_cert="+mine, "nats.tls_key="+myKey).openLog(ctx, "join", toLook)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = joined.Close() }()
		if state, err := joined.NC.TLSConnectionState(); err != nil || !state.HandshakeComplete {
			t.Errorf("it does not speak TLS: %v", err)
		}
		if nc, err := streams.Connect(l.URL, streams.ConnectOptions{CAFile: ca.File}); err == nil {
			nc.Close()
			t.Error("without a certificate it is let in")
		}
	}, "nats.embedded_cert="+cert, "nats.embedded_key="+key, "nats.embedded_client_ca="+ca.File)
}

func TestThePermissionsOfEveryRoleArePrinted(t *testing.T) {
	p := newProgram(t)
	out, _, status := p.run("streams", "permissions")
	if status != statusDone {
		t.Fatal(status)
	}
	var known []string
	for _, r := range streams.Roles() {
		known = append(known, string(r))
		if !strings.Contains(out, "user: "+string(r)+", password: $"+streams.PasswordVariable(r)) {
			t.Errorf("no user %s", r)
		}
	}
	c := config.Default()
	c.NATS.Role = "nobody"
	if err := c.Validate(); err == nil || !strings.HasSuffix(err.Error(), "want one of "+strings.Join(known, ", ")) {
		t.Errorf("the log knows the roles %v, the configuration others: %v", known, err)
	}
}
