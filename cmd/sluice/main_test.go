package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
)

// program is the whole program on free ports, in a directory of the test's own.
type program struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newProgram(t *testing.T) *program {
	t.Helper()
	return &program{t: t, dir: t.TempDir(), env: map[string]string{}}
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
	if err := m.ParseFlags(append(args, "--data-dir", p.dir)); err != nil {
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
