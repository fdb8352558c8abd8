package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// ColdOptions describe the benchmark of a cold start.
type ColdOptions struct {
	// Command is the program with the arguments that run the whole ring ("up") until it is stopped.
	Command []string
	// Env is its environment.
	Env []string
	// ServerFile is where the program writes {"url", "pid"} of its log.
	ServerFile string
	// Idle is how long the ring is left alone before its memory is read.
	Idle time.Duration
	// Starts is how many cold starts are measured, after one that makes the Postgres cluster.
	Starts int
}

// Cold is what a cold start takes.
type Cold struct {
	// FirstLabelSeconds lists, for each start, the time from the start of the process to the first label of
	// a query that was published as soon as the log took it.
	FirstLabelSeconds []float64 `json:"first_label_s"`
	// IdleRSS is the resident memory of the idle process, without Postgres, in MiB.
	IdleRSS float64 `json:"idle_rss_mb"`
	// IdleOwn is what of it is memory of the process's own. The rest are pages of the program's file, of which the
	// kernel maps more or fewer around those that were used, as it happens to hold them.
	IdleOwn float64 `json:"idle_own_mb"`
}

// RunCold starts the program again and again. Where ctx ends the error is ctx's, however the program took that.
func RunCold(ctx context.Context, o ColdOptions) (Cold, error) {
	var c Cold
	for i := range o.Starts + 1 {
		p, alive, err := o.start(ctx)
		if err != nil {
			return c, err
		}
		took, err := p.firstLabel(alive, i)
		if err == nil && i == o.Starts {
			c.IdleRSS, c.IdleOwn, err = p.idle(alive, o.Idle)
		}
		if err != nil && errors.Is(context.Cause(alive), errEnded) {
			err = errEnded // whatever failed because of that
		}
		err = errors.Join(err, p.stop())
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		if err != nil {
			return c, fmt.Errorf("cold start %d: %w", i, err)
		}
		if i > 0 { // the first one makes the cluster
			c.FirstLabelSeconds = append(c.FirstLabelSeconds, round(took.Seconds()))
		}
	}
	return c, nil
}

// program is the ring as a process of its own.
type program struct {
	o       ColdOptions
	cmd     *exec.Cmd
	said    bytes.Buffer // to standard error; complete once it has ended
	started time.Time
	// ended is closed when the program has ended, and how says in what way.
	ended chan struct{}
	how   error
}

// errEnded says that the program ended before it was told to.
var errEnded = errors.New("the program ended by itself")

// start starts the program. Its context is ctx until the program ends; whoever started it must stop it.
func (o ColdOptions) start(ctx context.Context) (*program, context.Context, error) {
	p := &program{o: o, cmd: command(ctx, o.Command), started: time.Now(), ended: make(chan struct{})}
	p.cmd.Env = o.Env
	p.cmd.Stderr = &p.said
	if err := p.cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %v: %w", o.Command, err)
	}
	alive, end := context.WithCancelCause(ctx)
	go func() { // ends with the program; stop waits for it
		defer close(p.ended)
		p.how = p.cmd.Wait()
		end(errEnded)
	}()
	return p, alive, nil
}

// command is a program that ends with ctx, as by Ctrl-C. It hears of that once, since it would break off at the second
// time: by its Cancel alone, and not from the terminal.
func command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = sync.OnceValue(func() error { return cmd.Process.Signal(syscall.SIGTERM) })
	cmd.WaitDelay = time.Minute
	return cmd
}

// stop ends the program as Ctrl-C does. What it said is told where it failed.
func (p *program) stop() error {
	if err := p.cmd.Cancel(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %v: %w", p.o.Command, err)
	}
	if <-p.ended; p.how != nil {
		return fmt.Errorf("%v: %w: %s", p.o.Command, p.how, bytes.TrimSpace(p.said.Bytes()))
	}
	return nil
}

// firstLabel publishes query i as soon as the log takes it and waits for its label.
func (p *program) firstLabel(ctx context.Context, i int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	nc, err := p.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	// A label is seen as it is published: no consumer's delay is added.
	labels, err := nc.SubscribeSync(labelSubjects())
	if err != nil {
		return 0, fmt.Errorf("watch labels: %w", err)
	}
	js, err := streams.JetStream(nc)
	if err != nil {
		return 0, err
	}
	id := fmt.Sprintf("cold start %d at %d", i, time.Now().UnixNano())
	query, err := streams.AskedMessage(source, id, streams.Asked{Query: "What is the capital of " + id + "?"}, false)
	if err != nil {
		return 0, err
	}
	msg := &nats.Msg{Subject: query.Subject, Data: query.Data, Header: nats.Header{streams.HeaderContentType: {query.ContentType}}}
	// Until its stream is there, the log does not take it.
	if err := streams.Insist(ctx, func() error {
		_, err := js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
		return err
	}); err != nil {
		return 0, fmt.Errorf("publish the first query: %w", err)
	}
	if _, err := labels.NextMsgWithContext(ctx); err != nil {
		return 0, fmt.Errorf("wait for the first label: %w", err)
	}
	return time.Since(p.started), nil
}

// labelSubjects are those of every label.
func labelSubjects() string {
	for _, c := range streams.Configs(streams.DefaultOptions()) {
		if c.Name == streams.StreamLabels {
			return c.Subjects[0]
		}
	}
	panic("bench: no stream of labels") // a stream of streams.Configs that has gone
}

// connect waits for the program's log.
func (p *program) connect(ctx context.Context) (*nats.Conn, error) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		var at struct {
			URL string `json:"url"`
			PID int    `json:"pid"`
		}
		if data, err := os.ReadFile(filepath.Clean(p.o.ServerFile)); err == nil && json.Unmarshal(data, &at) == nil &&
			at.PID == p.cmd.Process.Pid {
			return streams.Connect(at.URL, streams.ConnectOptions{Name: "bench cold"})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the log of %v: %w", p.o.Command, context.Cause(ctx))
		}
	}
}

// idle leaves the ring alone, then reads its memory.
func (p *program) idle(ctx context.Context, d time.Duration) (all, own float64, err error) {
	if err := streams.Pause(ctx, d); err != nil {
		return 0, 0, err
	}
	m, err := memoryOf(p.cmd.Process.Pid)
	return round(m.now), round(m.own), err
}
