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
		left, ok := c.layout.running()
		if !ok {
			return nil
		}
		s = left // started again by a user who is gone by now
	}
	return s.end(ctx)
}

// end stops the server and waits for it; ctx ends its patience with a shutdown that is clean.
func (s server) end(ctx context.Context) error {
	if !s.alive() {
		return nil
	}
	if err := s.signal(syscall.SIGINT); err != nil { // fast: clients are cut off, the data is put in order
		return err
	}
	if s.wait(ctx, shutdownTimeout) {
		return nil
	}
	// Immediate: takes no time, and the next start recovers. The caller's patience is of no matter to it.
	if err := s.signal(syscall.SIGQUIT); err != nil {
		return err
	}
	if s.wait(context.WithoutCancel(ctx), 5*time.Second) {
		return nil
	}
	return fmt.Errorf("stop Postgres: process %d does not end", s.pid)
}

func (s server) signal(what syscall.Signal) error {
	if err := syscall.Kill(s.pid, what); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop Postgres (process %d): %w", s.pid, err)
	}
	return nil
}

// wait waits for the process to end; false where it is still there after that time, or when ctx ends.
func (s server) wait(ctx context.Context, atMost time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
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
