package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"time"

	"sluice/consumers/monitor"
	"sluice/consumers/training"
	"sluice/operate"
)

// statusCmd shows the ring on one screen.
type statusCmd struct {
	Watch    bool          `help:"Go on until interrupted, redrawing."`
	JSON     bool          `name:"json" help:"One JSON object; with --watch one a line."`
	Interval time.Duration `min:"0" default:"1s" help:"Time between two looks; rates are measured over it."`
}

// Run looks twice, a moment apart, since a rate needs two looks.
func (c *statusCmd) Run(ctx context.Context, m *Main) (err error) {
	if c.Interval <= 0 {
		return usagef("status: --interval must be above 0")
	}
	l, err := m.openLog(ctx, "status", toLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if l.server != nil {
		fmt.Fprintf(m.Stderr, "nothing runs on the log of %s at the moment: this is what rests there\n", m.config.DataDir)
	}
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	var before operate.Status
	for looks := 0; ; looks++ {
		s, err := operate.Look(ctx, l.JS, m.allStages(), before, time.Now().UTC())
		if err != nil {
			return err
		}
		s.Store.DiskFree, s.Store.DiskSize = m.disk()
		if looks > 0 {
			if err := c.show(m, l.URL, s); err != nil || !c.Watch {
				return err
			}
		}
		before = s
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// disk is the room on the disk under the embedded server's store; zero where the log is somebody else's.
func (m *Main) disk() (free, size uint64) {
	var fs syscall.Statfs_t
	if m.config.NATS.URL != "" || syscall.Statfs(m.config.DataDir, &fs) != nil {
		return 0, 0
	}
	return fs.Bavail * uint64(fs.Bsize), fs.Blocks * uint64(fs.Bsize)
}

// stageNames lists the offline ring's stages in its order.
func (m *Main) stageNames() []string {
	return slices.DeleteFunc(m.allStages(), func(s string) bool { return s == training.Name || s == monitor.Name })
}

// allStages lists every stage, those beside the offline ring last.
func (m *Main) allStages() []string {
	var names []string
	for _, s := range m.config.Stages.All() {
		names = append(names, s.Name)
	}
	return names
}

func (c *statusCmd) show(m *Main, url string, s operate.Status) error {
	if c.JSON {
		return printJSON(m.Stdout, s)
	}
	if c.Watch && isTerminal(m.Stdout) {
		fmt.Fprint(m.Stdout, "\x1b[H\x1b[2J")
	}
	fmt.Fprintf(m.Stdout, "%s  %s\n", url, s.At.Format(time.RFC3339))
	drawStages(m.Stdout, s)
	drawStreams(m.Stdout, s)
	return nil
}

func drawStages(w io.Writer, s operate.Status) {
	t := newTable(w, "stage", "waiting", "in hand", "again", "per second", "deliveries", "dead", "copies").numbers(2, 3, 4, 5, 6, 7)
	for _, r := range s.Stages {
		if len(r.Durables) == 0 { // without a reader the log counts nothing that waits
			t.row(r.Stage, "-", "-", "-", "-", "-", count(r.Dead), "never ran")
			continue
		}
		copies := "idle or working"
		if r.Waiting == 0 && r.InFlight == 0 {
			copies = "none seen"
		}
		t.row(r.Stage, count(r.Lag), count(r.InFlight), count(r.Redelivered), fmt.Sprintf("%.1f", r.PerSecond),
			count(r.Settled), count(r.Dead), copies)
	}
	t.flush()
	for _, r := range s.Stages {
		if r.Dead > 0 {
			fmt.Fprintf(w, "dead of %s: %s\n", r.Stage, deadReasons(r))
		}
	}
}

func deadReasons(r operate.StageStatus) string {
	var reasons []string
	for _, reason := range sortedKeys(r.DeadReason) {
		reasons = append(reasons, fmt.Sprintf("%s %d", reason, r.DeadReason[reason]))
	}
	return strings.Join(reasons, ", ")
}

func drawStreams(w io.Writer, s operate.Status) {
	t := newTable(w, "stream", "messages", "size", "limit", "full", "last message").numbers(2, 3, 4, 5)
	for _, r := range s.Streams {
		limit, full, last := "none", "", "never"
		if r.MaxBytes > 0 {
			limit, full = size(uint64(r.MaxBytes)), fmt.Sprintf("%.0f%%", 100*r.Full())
		}
		if !r.Last.IsZero() {
			last = r.Last.Format(time.RFC3339)
		}
		t.row(r.Stream, count(r.Messages), size(r.Bytes), limit, full, last)
	}
	limit := "none"
	if s.Store.MaxBytes > 0 {
		limit = size(uint64(s.Store.MaxBytes))
	}
	t.footer("on disk", "", size(s.Store.Bytes), limit, "", "")
	t.flush()
	if s.Store.DiskSize > 0 {
		fmt.Fprintf(w, "disk: %s of %s are free\n", size(s.Store.DiskFree), size(s.Store.DiskSize))
	}
}
