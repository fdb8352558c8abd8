// Package process runs real programs in tests: it builds them once, starts them as children that can't
// outlive the test, waits for what they print, and ends them gently or by SIGKILL.
//
// A command line enters; a running [Child] leaves. The package knows nothing of what the programs do,
// and nothing but tests imports it.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopTimeout is how long a child may take to end after SIGTERM.
const stopTimeout = 20 * time.Second

// Spec says what to run.
type Spec struct {
	// Name is what failures call the child.
	Name string
	Path string
	Args []string
	// Env is the child's whole environment beside PATH and HOME: a test's child must not find the
	// developer's database.
	Env []string
	// Dir is the working directory; empty for the test's own.
	Dir string
	// Credential, where set, is the user that the child runs as.
	Credential *syscall.Credential
}

// Child is a running program. It is killed when the test ends, if not before; a failed test logs the
// end of its output.
type Child struct {
	spec Spec
	cmd  *exec.Cmd
	out  *output       // both streams
	std  *output       // standard output alone
	done chan struct{} // closed by the goroutine of Start when the process has ended
	err  error         // of Wait; read after done
}

// Start runs the program.
func Start(tb testing.TB, spec Spec) *Child {
	tb.Helper()
	c := &Child{spec: spec, out: newOutput(), std: newOutput(), done: make(chan struct{})}
	// Not CommandContext: the test's context ends before its clean-ups, and how a child ends is the
	// point of these tests.
	c.cmd = exec.Command(spec.Path, spec.Args...) //nolint:noctx // see above
	// A gateway takes a free port unless told otherwise: tests run side by side.
	c.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "SLUICE_LISTEN=127.0.0.1:0"}, spec.Env...)
	c.cmd.Dir = spec.Dir
	c.cmd.Stdout, c.cmd.Stderr = io.MultiWriter(c.std, c.out), c.out
	// Grandchildren may hold the pipes a little longer than the child lives.
	c.cmd.WaitDelay = stopTimeout
	// Its own group, so that a Ctrl-C at the terminal reaches the test alone; and no orphan if the test
	// itself is killed.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: spec.Credential}
	started := make(chan error, 1)
	go func() { // owned by c: ends with the process, which the clean-up below kills
		// The kernel ties the child to the life of the thread that starts it, not of the process: this one is
		// kept for it alone, and let go afterwards, since a thread that ends with its goroutine takes with it
		// whatever else was tied to it before.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		tb.Fatalf("start %s: %v", spec.Name, err)
	}
	tb.Cleanup(func() {
		c.Kill()
		if tb.Failed() {
			tb.Logf("the last output of %s:\n%s", spec.Name, c.out.tail(4<<10))
		}
	})
	return c
}

// PID is the process's id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Name is what the Spec called it.
func (c *Child) Name() string { return c.spec.Name }

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Running says whether the process has not ended yet.
func (c *Child) Running() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// Kill ends the process by SIGKILL and waits for its end. On an ended process it does nothing.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill() // "already finished" is what we want
	<-c.done
}

// Stop asks the process to end (SIGTERM) and waits. It returns an error unless the process ended by
// itself with exit status 0 in time.
func (c *Child) Stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.spec.Name, err)
	}
	select {
	case <-c.done:
	case <-time.After(stopTimeout):
		c.Kill()
		return fmt.Errorf("stop %s: still running %s after SIGTERM", c.spec.Name, stopTimeout)
	}
	if c.err != nil {
		return fmt.Errorf("stop %s: %w", c.spec.Name, c.err)
	}
	return nil
}

// Wait waits for the process to end by itself; the error is that of a non-zero exit status.
func (c *Child) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("%s has not ended: %w", c.spec.Name, context.Cause(ctx))
	}
}

// WaitFor waits until the child has printed the text.
func (c *Child) WaitFor(ctx context.Context, text string) error {
	for {
		more := c.out.changed()
		if strings.Contains(c.out.String(), text) {
			return nil
		}
		select {
		case <-more:
		case <-c.done:
			if strings.Contains(c.out.String(), text) {
				return nil
			}
			return fmt.Errorf("%s ended (%s) before it printed %q\n%s", c.spec.Name, c.cmd.ProcessState, text, c.out.tail(2<<10))
		case <-ctx.Done():
			return fmt.Errorf("%s has not printed %q: %w\n%s", c.spec.Name, text, context.Cause(ctx), c.out.tail(2<<10))
		}
	}
}

// Output is everything that the child has printed, on both of its streams.
func (c *Child) Output() string { return c.out.String() }

// Stdout is what the child has printed on its standard output.
func (c *Child) Stdout() string { return c.std.String() }

// output collects what a child prints and tells who waits that there is more.
type output struct {
	mu   sync.Mutex
	buf  []byte
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, p...)
	close(o.more)
	o.more = make(chan struct{})
	return len(p), nil
}

// changed is closed at the next write.
func (o *output) changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.more
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.buf)
}

func (o *output) tail(n int) string {
	s := o.String()
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}
