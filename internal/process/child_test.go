package process_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice/internal/process"
)

func shell(t *testing.T, script string) *process.Child {
	t.Helper()
	return process.Start(t, process.Spec{Name: "sh", Path: "/bin/sh", Args: []string{"-c", script}})
}

func TestStopIsCleanOnlyForAnExitOfZero(t *testing.T) {
	t.Parallel()
	gentle := shell(t, `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
	if err := gentle.WaitFor(t.Context(), "ready"); err != nil {
		t.Fatal(err)
	}
	if err := gentle.Stop(); err != nil {
		t.Error(err)
	}
	if out := gentle.Output(); out != "ready\nbye\n" {
		t.Errorf("output %q", out)
	}

	rude := shell(t, `trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done`)
	if err := rude.WaitFor(t.Context(), "ready"); err != nil {
		t.Fatal(err)
	}
	if err := rude.Stop(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("stop of a child that exits with 3: %v", err)
	}
}

func TestKillEndsAChildThatIgnoresSignals(t *testing.T) {
	t.Parallel()
	c := shell(t, `trap '' TERM INT; echo ready; while :; do sleep 0.01; done`)
	if err := c.WaitFor(t.Context(), "ready"); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	if c.Running() {
		t.Error("running after SIGKILL")
	}
	c.Kill() // once more is harmless
}

func TestWaitForTellsWhatWasPrintedInstead(t *testing.T) {
	t.Parallel()
	c := shell(t, `echo something else; exit 1`)
	err := c.WaitFor(t.Context(), "ready")
	if err == nil || !strings.Contains(err.Error(), "something else") || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("error %v", err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	silent := shell(t, `while :; do sleep 0.01; done`)
	if err := silent.WaitFor(ctx, "ready"); err == nil || !strings.Contains(err.Error(), `"ready"`) {
		t.Errorf("error %v", err)
	}
}

func TestStandardOutputIsToldApart(t *testing.T) {
	t.Parallel()
	c := shell(t, `echo result; echo prose >&2`)
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Stdout() != "result\n" || !strings.Contains(c.Output(), "prose") {
		t.Errorf("standard output %q, both %q", c.Stdout(), c.Output())
	}
}

func TestTheEnvironmentIsNotInherited(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://of-the-developer")
	c := process.Start(t, process.Spec{Name: "env", Path: "/usr/bin/env", Env: []string{"NATS_URL=nats://of-the-test"}})
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out := c.Output(); strings.Contains(out, "DATABASE_URL") || !strings.Contains(out, "NATS_URL=nats://of-the-test") {
		t.Errorf("environment:\n%s", out)
	}
}
