package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/inflight"
	"sluice/llm"
	"sluice/streams"
)

// adoptEvery is how often a process looks for what dead ones of its data directory left; the first time is its start.
const adoptEvery = time.Minute

// callsInFlight is the journal of this process's calls, and the adoption of what dead processes left.
type callsInFlight struct {
	journal *inflight.Journal // nil: nothing could be opened
	m       *Main
	adopted atomic.Int64
	stop    context.CancelFunc
	done    chan struct{} // closed when the goroutine of openInFlight has ended
}

// openInFlight opens a journal beside those of other processes of the data directory, and adopts in the background
// what dead ones left. No failure keeps a stage from its work: it is logged. The caller closes the result when nothing
// calls models any more, and before the log.
func (m *Main) openInFlight(ctx context.Context, l *openedLog, p inflight.Purse) *callsInFlight {
	c := &callsInFlight{m: m, done: make(chan struct{})}
	dir := m.inFlightDir()
	// The data directory is open to pass through: root's Postgres runs as another user.
	err := os.MkdirAll(m.config.DataDir, 0o755) //nolint:gosec // see above
	if err == nil {
		c.journal, err = inflight.Open(inflight.Options{Dir: dir, Purse: p, Log: m.log})
	}
	if err != nil {
		m.log.Warn("if this process is killed, its calls in flight will be missing in the ledger", "error", err)
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	go c.adopt(ctx, l.JS, dir) // Close waits for it
	return c
}

// inFlightDir is where the calls are that go into the ledger of the log of this process: another log has another ledger.
func (m *Main) inFlightDir() string {
	name := "embedded"
	if url := m.config.NATS.URL; url != "" {
		name = sluice.HashID(url)
	}
	return filepath.Join(m.config.DataDir, "inflight", name)
}

// adopt looks for what dead processes left until ctx ends.
func (c *callsInFlight) adopt(ctx context.Context, js jetstream.JetStream, dir string) {
	defer close(c.done)
	publisher, err := streams.NewPublisher(js, streams.PublisherOptions{Log: c.m.log})
	if err != nil {
		c.m.log.Warn("calls that dead processes left stay to be published", "error", err)
		return
	}
	defer func() { _ = publisher.Close() }()
	a := inflight.Adoption{Dir: dir, Publisher: publisher, May: c.m.mayBill, Pay: payer(js)}
	tick := time.NewTicker(adoptEvery)
	defer tick.Stop()
	for told := ""; ; {
		c.m.beside.Do("adoption of calls", func() { told = c.look(ctx, a, told) })
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look adopts what there is and says so. It returns what has to wait, in words, and says that where it is not told yet.
func (c *callsInFlight) look(ctx context.Context, a inflight.Adoption, told string) string {
	round, cancel := context.WithTimeout(ctx, adoptEvery)
	defer cancel()
	got, err := a.Run(round)
	c.adopted.Add(int64(got.Calls))
	if got.Calls > 0 || got.Torn > 0 {
		c.m.log.Warn("a process was killed, or stopped while the log took nothing; its calls are in the ledger, those that a kill cut off at the most that they can cost",
			"calls", got.Calls, "missing", got.Missing, "cost", got.Cost.String(), "at_most", got.Bounds, "torn", got.Torn)
	}
	if got.Left == 0 && err == nil || ctx.Err() != nil {
		return ""
	}
	waits := fmt.Sprintf("%d: %v", got.Left, err)
	if waits != told {
		c.m.log.Warn("calls of a process that was killed, or stopped while the log took nothing, wait to be published", "calls", got.Left, "error", err)
	}
	return waits
}

// mayBill says whether this process may write lines of a stage into the ledger.
func (m *Main) mayBill(stage string) bool { return !m.restricted() || m.config.NATS.Role == stage }

// payer pays out of the purse of a process that can't any more.
func payer(js jetstream.JetStream) func(context.Context, inflight.Purse, string, sluice.MicroUSD) error {
	return func(ctx context.Context, p inflight.Purse, name string, cost sluice.MicroUSD) error {
		purse, err := streams.OpenPurse(ctx, js, p.Stage, p.Name, name)
		if err != nil {
			return err
		}
		_, err = purse.Pay(ctx, cost)
		return err
	}
}

// begun is what attempts are told to before they are made; nil of a nil one.
func (c *callsInFlight) begun() llm.Journal {
	if c == nil || c.journal == nil {
		return nil
	}
	return c.journal
}

// stored is what is told of lines that are stored; nil of a nil one.
func (c *callsInFlight) stored() func(callID string) {
	if c == nil || c.journal == nil {
		return nil
	}
	return c.journal.Stored
}

// count is how many calls of dead processes were adopted so far; none of a nil one.
func (c *callsInFlight) count() float64 {
	if c == nil {
		return 0
	}
	return float64(c.adopted.Load())
}

// Close ends the adoption and removes the journal, but for calls whose lines the log did not confirm.
func (c *callsInFlight) Close() error {
	c.stop()
	<-c.done
	if n := c.journal.Stats().Open; n > 0 {
		c.m.log.Warn("the log has not confirmed the lines of some calls; the next process here adopts them", "calls", n)
	}
	return c.journal.Close()
}
