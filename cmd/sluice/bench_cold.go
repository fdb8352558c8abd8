package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice/bench"
)

type benchColdCmd struct {
	Starts int           `min:"1" default:"5" help:"Cold starts to measure, after one that makes the Postgres cluster."`
	Idle   time.Duration `min:"0" default:"5s" help:"How long the ring is left alone before its memory is read."`
	JSON   bool          `name:"json" help:"Print one JSON object."`
}

// Run measures this very binary.
func (c *benchColdCmd) Run(ctx context.Context, m *Main) (err error) {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this binary: %w", err)
	}
	dir, err := benchDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	result, err := bench.RunCold(ctx, bench.ColdOptions{
		Command:    []string{self, "up", "--upstream", "emulator", "--data-dir", dir, "--log-level", "error", "--set", "gateway.listen=127.0.0.1:0"},
		Env:        []string{"PATH=" + m.Getenv("PATH"), "HOME=" + m.Getenv("HOME")},
		ServerFile: serverFilePath(filepath.Join(dir, "nats")),
		Idle:       c.Idle, Starts: c.Starts,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(m.Stdout, result)
	}
	t := newTable(m.Stdout).numbers(2)
	for i, s := range result.FirstLabelSeconds {
		t.row(fmt.Sprintf("start %d to the first label, s", i+1), number(s))
	}
	t.row("memory of the idle ring, MiB", number(result.IdleRSS))
	t.row("of it its own, MiB", number(result.IdleOwn))
	t.flush()
	return nil
}
