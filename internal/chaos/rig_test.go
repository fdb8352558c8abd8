package chaos

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/internal/pgtest"
	"sluice/internal/process"
	"sluice/postgres"
	"sluice/streams"
)

// stages are the ring's consumers in its order.
var stages = []string{"intake", "answer", "judge", "label", "analysis", "record"}

// shape says what a run consists of.
type shape struct {
	// nodes is how many NATS servers there are: 1, or 3 with every stream on all of them.
	nodes int
	// copies is how many processes each stage has; one where it is not named.
	copies map[string]int
	// concurrency is that of answer, judge and analysis.
	concurrency int
	// timeout is that of one call; zero: a generous one.
	timeout time.Duration
	// emulator are flags of the emulated provider.
	emulator []string
	// config is more of sluice.yaml.
	config string
	// idle leaves the stages unstarted.
	idle bool
}

// rig is a whole ring of processes.
type rig struct {
	t        *testing.T
	shape    shape
	dir      string
	env      []string
	nodes    []*natsNode
	pg       *postgres.Cluster
	emulator *emulator
	workers  []*worker
	js       jetstream.JetStream
}

// worker is one copy of a stage, which may be killed and started again.
type worker struct {
	stage string
	spec  process.Spec
	child *process.Child
}

func (w *worker) start(t *testing.T) { t.Helper(); w.child = process.Start(t, w.spec) }

// startRig starts everything and applies streams and migrations.
func startRig(t *testing.T, s shape) *rig {
	t.Helper()
	r := &rig{t: t, shape: s, dir: t.TempDir()}
	r.nodes = startNATS(t, s.nodes)
	r.pg = pgtest.Cluster(t) // it starts itself again when it is killed
	r.emulator = startEmulator(t, r.dir, s.emulator)
	r.configure()
	r.run("streams", "apply")
	r.run("migrate", "up")
	r.connect()
	for _, stage := range stages {
		for i := range max(1, s.copies[stage]) {
			w := &worker{stage: stage, spec: r.spec(fmt.Sprintf("%s %d", stage, i+1), "consume", stage)}
			r.workers = append(r.workers, w)
			if !s.idle {
				w.start(t)
			}
		}
	}
	return r
}

// configure writes the sluice.yaml of every process of the rig.
func (r *rig) configure() {
	r.t.Helper()
	model := func(name string) string {
		return fmt.Sprintf("  - {name: %s, base_url: %q, concurrency: 64, timeout: %s}\n", name, r.emulator.url,
			cmp.Or(r.shape.timeout, 30*time.Second))
	}
	stage := func(name string) string {
		return fmt.Sprintf("  %s: {concurrency: %d, attempts: 20}\n", name, r.shape.concurrency)
	}
	yaml := "models:\n" + model("gemini-2.5-flash") + model("gemini-2.5-pro") +
		"stages:\n" + stage("answer") + stage("judge") + stage("analysis") +
		// A killed worker's work goes to another one soon: a run waits for that many times.
		"nats: {replicas: " + strconv.Itoa(r.shape.nodes) + ", ack_wait: 3s}\n" +
		"data_dir: " + r.dir + "\n" + r.shape.config
	if err := os.WriteFile(filepath.Join(r.dir, "sluice.yaml"), []byte(yaml), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.env = []string{"NATS_URL=" + urls(r.nodes), "DATABASE_URL=" + r.pg.URL(""), "GEMINI_API_KEY=chaos"}
}

func (r *rig) spec(name string, args ...string) process.Spec {
	return process.Spec{Name: name, Path: binaries.Sluice(r.t), Args: args, Env: r.env, Dir: r.dir}
}

// run runs a command to its end.
func (r *rig) run(args ...string) string {
	r.t.Helper()
	c := process.Start(r.t, r.spec(fmt.Sprint(args), args...))
	if err := c.Wait(r.t.Context()); err != nil {
		r.t.Fatalf("sluice %v: %v\n%s", args, err, c.Output())
	}
	return c.Output()
}

func (r *rig) connect() {
	r.t.Helper()
	nc, err := streams.Connect(urls(r.nodes), streams.ConnectOptions{Name: "chaos"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	if r.js, err = streams.JetStream(nc); err != nil {
		r.t.Fatal(err)
	}
}

// publish asks query i of the run, again and again until the log confirms it: an upstream that does its
// part.
func (r *rig) publish(ctx context.Context, i int) error {
	subject, err := streams.AskedSubject("chaos")
	if err != nil {
		return err
	}
	id := queryID(i)
	msg := nats.NewMsg(subject)
	msg.Data = fmt.Appendf(nil, `{"query":"What is the %s entry of the catalogue?","id":%q,"ground_truth":["entry %d"]}`, id, id, i)
	for {
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := r.js.PublishMsg(short, msg, jetstream.WithMsgID(id))
		cancel()
		if err == nil {
			return nil
		}
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("publish %s: %w", id, err)
		}
	}
}

func queryID(i int) string { return "q" + strconv.Itoa(i) }
