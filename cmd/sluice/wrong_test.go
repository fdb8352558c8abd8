package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestAWordThatItsFlagHasNoUseForIsAWrongCommandLine(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"keys create --scope root", "root"},
		{"keys create --budget week=5", `period is "week"`},
		{"keys create --budget day=0", "limit is not above 0"},
		{"keys create --budget day=5:explode", `action is "explode"`},
		{"keys create --budget day=5,day=6", "two budgets by the day"},
		{"keys create --name " + strings.Repeat("x", 201), "more than 200 bytes"},
		{"gateway --listen nonsense", "host:port"},
		{"up --listen 127.0.0.1:70000", "host:port"},
		{"consume record --metrics-listen nonsense", "host:port"},
		{"route serve --metrics-listen nonsense", "host:port"},
		{"bench gateway --sync sometimes", "--sync"},
		{"bench train --backend abacus", "--backend"},
		{"eval run --draws 99", "want at least 100, got 99"},
		{"rules test q.txt --spent=-1", "want at least 0, got -1 (see sluice rules test --help)"},
		{"model canary v1 --share 3", "above 0 and at most 1"},
		{"model canary v1 --share NaN", "above 0 and at most 1"},
	} {
		var errs bytes.Buffer
		m := &Main{Stdout: &errs, Stderr: &errs, Getenv: func(string) string { return "" }}
		if status := m.report(m.ParseFlags(strings.Fields(c.args))); status != statusUsage || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: status %d, want %q in\n%s", c.args, status, c.want, errs.String())
		}
	}
	for _, args := range []string{
		"keys create --scope admin --expires 90d --budget day=5,month=100:downgrade", "gateway --listen :0", "up --listen [::1]:8080",
		"consume record --metrics-listen=", "bench gateway --sync none", "model canary", "model canary v1 --share 1",
	} {
		var errs bytes.Buffer
		m := &Main{Stdout: &errs, Stderr: &errs, Getenv: func(string) string { return "" }}
		if err := m.ParseFlags(strings.Fields(args)); err != nil {
			t.Errorf("%s: %v", args, err)
		}
	}
}
