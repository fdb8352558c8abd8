package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a running postmaster.
type server struct {
	pid, port int
	// done is closed when the process has ended; nil where it is not our child.
	done chan struct{}
}

// alive says whether the process is still there.
func (s server) alive() bool {
	if s.pid == 0 {
		return false
	}
	if s.done != nil {
		select {
		case <-s.done:
			return false
		default:
			return true
		}
	}
	err := syscall.Kill(s.pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// pidFile is what a postmaster writes of itself.
type pidFile struct {
	pid, port int
	ready     bool
}

// readPIDFile reads postmaster.pid: process, data directory, start time, port, socket directory, address,
// shared memory, state, one a line.
func (l layout) readPIDFile() (pidFile, bool) {
	data, err := os.ReadFile(filepath.Join(l.data, "postmaster.pid"))
	if err != nil {
		return pidFile{}, false
	}
	lines := strings.Split(string(data), "\n")
	line := func(n int) string {
		if n > len(lines) {
			return ""
		}
		return strings.TrimSpace(lines[n-1])
	}
	pid, err := strconv.Atoi(line(1))
	if err != nil || pid <= 0 {
		return pidFile{}, false
	}
	port, _ := strconv.Atoi(line(4)) // not written yet: 0
	return pidFile{pid: pid, port: port, ready: line(8) == "ready"}, true
}

// running finds the postmaster of this cluster, whoever started it. A pid file whose process is gone, or
// is by now another program, is stale.
func (l layout) running() (server, bool) {
	f, ok := l.readPIDFile()
	if !ok {
		return server{}, false
	}
	s := server{pid: f.pid, port: f.port}
	return s, s.alive() && l.isPostmaster(f.pid)
}

// isPostmaster looks at the process's command line; where the system shows none, the pid file is believed.
func (l layout) isPostmaster(pid int) bool {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return runtime.GOOS != "linux"
	}
	return bytes.Contains(cmdline, []byte("postgres")) && bytes.Contains(cmdline, []byte(l.data))
}

// ensure attaches to the running server or starts one; with create it makes the cluster if there is none.
// The caller holds "lock".
func (c *Cluster) ensure(ctx context.Context, create bool) (server, error) {
	if s, ok := c.layout.running(); ok {
		if err := c.ready(ctx, s); err != nil {
			return server{}, err
		}
		c.opts.log("using the Postgres that runs", "pid", s.pid, "dir", c.layout.dir)
		f, _ := c.layout.readPIDFile()
		s.port = f.port
		return s, nil
	}
	made, err := c.layout.major()
	if err != nil {
		return server{}, err
	}
	if made == 0 && !create {
		return server{}, errGone
	}
	if c.bin.dir == "" {
		s := search{opts: c.opts, account: c.layout.account, major: made, cache: cacheDir(c.opts, c.layout.account)}
		if c.bin, err = s.find(ctx); err != nil {
			return server{}, err
		}
	}
	if made == 0 {
		if err := c.initialise(ctx); err != nil {
			return server{}, err
		}
	}
	return c.launch(ctx)
}

// errGone is a cluster whose directory was deleted while it was in use.
var errGone = errors.New("the cluster's directory is gone")

// launch starts the server. After a SIGKILL of the last one its children hold the shared memory for a
// moment, which the server refuses to share: it is tried again.
func (c *Cluster) launch(ctx context.Context) (server, error) {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		s, err := c.launchOnce(ctx)
		if err == nil || !strings.Contains(err.Error(), "still in use") {
			return s, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return server{}, fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		}
	}
}

func (c *Cluster) launchOnce(ctx context.Context) (server, error) {
	if _, stale := c.layout.readPIDFile(); stale { // nobody runs, and we hold "lock"
		if err := os.Remove(filepath.Join(c.layout.data, "postmaster.pid")); err != nil {
			return server{}, fmt.Errorf("remove a stale pid file: %w", err)
		}
	}
	out, err := openLog(c.layout.file("postgres.log"))
	if err != nil {
		return server{}, err
	}
	defer func() { _ = out.Close() }() // the child has its own handle
	from, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return server{}, fmt.Errorf("the server's log: %w", err)
	}
	cmd := c.bin.command(context.WithoutCancel(ctx), c.layout.account, "postgres", c.arguments()...)
	cmd.SysProcAttr = processAttributes(c.layout.account, c.opts.Fast)
	cmd.Stdout, cmd.Stderr = out, out
	s := server{port: c.layout.port, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() { // ends with the server; shutdown waits for it, unless others go on using the server
		if c.opts.Fast {
			runtime.LockOSThread() // the kernel ties the child to this thread's life
		}
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(s.done)
		}
	}()
	if err := <-started; err != nil {
		return server{}, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	s.pid = cmd.Process.Pid
	if err := c.ready(ctx, s); err != nil {
		return server{}, fmt.Errorf("%w; its log (%s) ends:\n%s", err, out.Name(), tailOf(out.Name(), from))
	}
	return s, nil
}

// ready waits until the server says in its pid file that it takes connections.
func (c *Cluster) ready(ctx context.Context, s server) error {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		if f, ok := c.layout.readPIDFile(); ok && f.pid == s.pid && f.ready {
			return nil
		}
		if !s.alive() {
			return errors.New("the server ended while it started")
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for Postgres (process %d): %w", s.pid, context.Cause(ctx))
		}
	}
}
