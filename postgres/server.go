package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a running postmaster.
type server struct {
	pid int
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
	pid   int
	ready bool
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
	return pidFile{pid: pid, ready: line(8) == "ready"}, true
}

// running finds the postmaster of this cluster, whoever started it. A pid file whose process is gone, or
// is by now another program, is stale.
func (l layout) running() (server, bool) {
	f, ok := l.readPIDFile()
	if !ok {
		return server{}, false
	}
	s := server{pid: f.pid}
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
	if s, ok, err := c.attach(ctx); err != nil || ok {
		return s, err
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

// attach finds the server that runs and waits until it is ready; false where none does. One that is shutting
// down, since the process that started it has just been killed, is waited for until it is gone.
func (c *Cluster) attach(ctx context.Context) (server, bool, error) {
	s, ok := c.layout.running()
	if !ok {
		return server{}, false, nil
	}
	if err := c.ready(ctx, s); errors.Is(err, errEnded) {
		return server{}, false, nil
	} else if err != nil {
		return server{}, false, err
	}
	c.opts.debug("using the Postgres that runs", "pid", s.pid, "dir", c.layout.dir)
	return s, true, nil
}

// errEnded is a server that ended while it was waited for.
var errEnded = errors.New("the server ended before it was ready")

// errGone is a cluster whose directory was deleted while it was in use.
var errGone = errors.New("the cluster's directory is gone")

// launch starts the server. After a SIGKILL of the last one its children hold the shared memory for a
// moment, or it is a process itself that nobody has waited for yet, as its socket's lock says: the server refuses to
// share either, and it is tried again.
func (c *Cluster) launch(ctx context.Context) (server, error) {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		s, err := c.launchOnce(ctx)
		if err == nil || !strings.Contains(err.Error(), "still in use") && !strings.Contains(err.Error(), `.lock" already exists`) {
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
	ending := syscall.SIGINT // a fast shutdown: clients are cut off, the data is put in order
	if c.opts.Fast {
		ending = syscall.SIGQUIT // an immediate one
	}
	cmd.SysProcAttr = processAttributes(c.layout.account, ending)
	cmd.Stdout, cmd.Stderr = out, out
	s, err := spawn(cmd)
	if err != nil {
		return server{}, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	if err := c.ready(ctx, s); err != nil {
		err = fmt.Errorf("%w; its log (%s) ends:\n%s", err, out.Name(), tailOf(out.Name(), from))
		return server{}, errors.Join(err, s.end(context.WithoutCancel(ctx))) // it is nobody else's yet
	}
	return s, nil
}

// spawn starts the server. A goroutine waits for its end; shutdown waits for that one, unless others go on using the
// server.
func spawn(cmd *exec.Cmd) (server, error) {
	done, started := make(chan struct{}), make(chan error, 1)
	go func() {
		// The kernel ties the child to this thread's life; a thread that is not let go ends with its goroutine, and
		// takes with it whatever else is tied to it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return server{}, err
	}
	return server{pid: cmd.Process.Pid, done: done}, nil
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
			return errEnded
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for Postgres (process %d): %w", s.pid, context.Cause(ctx))
		}
	}
}
