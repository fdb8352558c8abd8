package postgres

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

const (
	// lookEvery is how often a server that is not our child is looked at.
	lookEvery = 500 * time.Millisecond
	// shutdownTimeout is how long a fast shutdown may take before an immediate one follows.
	shutdownTimeout = 30 * time.Second
)

// keep starts the server again when it dies, until ctx ends. Clients see broken connections meanwhile; what was
// committed is there.
func (c *Cluster) keep(ctx context.Context) {
	defer close(c.kept)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		c.mu.Lock()
		s := c.server
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-s.done: // nil, and so never, where it is not our child
		case <-look.C:
		}
		if s.alive() || ctx.Err() != nil {
			continue
		}
		c.opts.log("Postgres ended: starting it again", "pid", s.pid, "dir", c.layout.dir)
		if err := c.revive(ctx); errors.Is(err, errGone) {
			c.opts.log("Postgres can't be started again", "error", err)
			return
		} else if err != nil {
			c.opts.log("Postgres can't be started again yet", "error", err)
			select {
			case <-look.C:
			case <-ctx.Done():
			}
		}
	}
}

func (c *Cluster) revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	unlock, err := lockFile(ctx, c.layout.file("lock"))
	if err != nil {
		return err
	}
	defer unlock()
	s, err := c.ensure(ctx, false)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.server = s
	c.mu.Unlock()
	return nil
}

// shutdown stops the server: at once for clients, cleanly for the data. The caller holds both locks.
func (c *Cluster) shutdown(ctx context.Context) error {
	c.mu.Lock()
	s := c.server
	c.mu.Unlock()
	if !s.alive() {
		if left, ok := c.layout.running(); ok { // started again by a user who is gone by now
			s = left
		} else {
			return nil
		}
	}
	patience, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} { // fast, then immediate
		if err := syscall.Kill(s.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop Postgres (process %d): %w", s.pid, err)
		}
		if s.wait(patience) {
			return nil
		}
		// An immediate shutdown takes no time: the caller's patience is of no matter to it.
		var stop context.CancelFunc
		patience, stop = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop() //nolint:revive // twice at most
	}
	return fmt.Errorf("stop Postgres: process %d does not end", s.pid)
}

// wait waits for the process to end; false where ctx ended first.
func (s server) wait(ctx context.Context) bool {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for s.alive() {
		select {
		case <-s.done:
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
