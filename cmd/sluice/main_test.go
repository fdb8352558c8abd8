package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/pgtest"
	"sluice/postgres"
)

// program is the whole program on free ports, in a directory of the test's own.
type program struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newProgram(t *testing.T) *program {
	t.Helper()
	return &program{t: t, dir: t.TempDir(), env: map[string]string{"SLUICE_LISTEN": "127.0.0.1:0"}}
}

// output collects what several goroutines write.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// command makes a Main of its own for one command line.
func (p *program) command(args ...string) (m *Main, stdout, stderr *output) {
	p.t.Helper()
	stdout, stderr = &output{}, &output{}
	m = &Main{Stdout: stdout, Stderr: stderr, Getenv: func(name string) string { return p.env[name] }}
	if err := m.ParseFlags(append([]string{"--data-dir", p.dir}, args...)); err != nil {
		p.t.Fatalf("sluice %s: %v", strings.Join(args, " "), err)
	}
	return m, stdout, stderr
}

// run runs a command to its end and returns what it printed and its exit status.
func (p *program) run(args ...string) (stdout, stderr string, status int) {
	p.t.Helper()
	m, out, errs := p.command(args...)
	status = m.report(m.Run(p.t.Context()))
	return out.String(), errs.String(), status
}

// must is run for a command that is expected to succeed.
func (p *program) must(args ...string) (stdout string) {
	p.t.Helper()
	out, errs, status := p.run(args...)
	if status != statusDone {
		p.t.Fatalf("sluice %s: status %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return out
}

// serve runs a command that serves until the test ends, or until stop is called, which returns its status.
func (p *program) serve(args ...string) (where Where, stop func() int) {
	p.t.Helper()
	m, out, errs := p.command(args...)
	ctx, cancel := context.WithCancel(p.t.Context())
	ready, done := make(chan Where, 1), make(chan int, 1)
	m.Ready = func(w Where) { ready <- w }
	go func() { done <- m.report(m.Run(ctx)) }() // owned by stop, which the test's end calls
	stop = sync.OnceValue(func() int {
		cancel()
		return <-done
	})
	p.t.Cleanup(func() { stop() })
	select {
	case where = <-ready:
	case status := <-done:
		done <- status
		p.t.Fatalf("sluice %s ended with status %d before it was ready\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return where, stop
}

// TestMain removes the files of the tests' Postgres.
func TestMain(m *testing.M) { pgtest.Main(m) }

// withTables gives the program a migrated database of its own, so that it need not start a cluster.
func (p *program) withTables() *program {
	p.t.Helper()
	p.env["DATABASE_URL"] = pgtest.New(p.t)
	return p
}

// db opens the program's database.
func (p *program) db() *postgres.DB {
	p.t.Helper()
	db, err := postgres.Connect(p.t.Context(), p.env["DATABASE_URL"], "test", 2)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(db.Close)
	return db
}

// countOf runs a query that gives one number.
func countOf(t *testing.T, db *postgres.DB, sql string, args ...any) int {
	t.Helper()
	table, err := db.Table(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	n, ok := table.Rows[0][0].(int64)
	if !ok {
		t.Fatalf("%s gave %v", sql, table.Rows)
	}
	return int(n)
}

// eventually asks again and again until the answer is yes, for at most a minute.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !yes() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("a minute passed without: %s", what)
		case <-t.Context().Done():
			t.Fatalf("the test ended without: %s", what)
		}
	}
}
