package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/natstest"
	"sluice/internal/pgtest"
	"sluice/internal/process"
)

// engine stands in for a container engine: it runs the services of compose.yaml as processes on loopback,
// with the names of other services replaced by where they really are.
type engine struct {
	t       *testing.T
	compose composeFile
	dir     string
	names   *strings.Replacer
	db      string
	gateway served
	running map[string]int // copies of each service that start started
}

func startEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{t: t, compose: loadCompose(t), dir: t.TempDir(), running: map[string]int{}}
	nats, emulator, gateway := natstest.FreePort(t), natstest.FreePort(t), natstest.FreePort(t)
	e.gateway.url = "http://127.0.0.1:" + strconv.Itoa(gateway)
	e.db = pgtest.Cluster(t).URL("")
	e.names = strings.NewReplacer(
		"nats://nats:4222", "nats://127.0.0.1:"+strconv.Itoa(nats),
		"postgres://sluice:${POSTGRES_PASSWORD:-sluice}@postgres:5432/sluice", e.db,
		"${SLUICE_UPSTREAM:-models}", "http://127.0.0.1:"+strconv.Itoa(emulator), // as compose.yaml's comment has it
		"0.0.0.0", "127.0.0.1",
		"8086", strconv.Itoa(emulator), "8080", strconv.Itoa(gateway), "9464", "0",
		"${GEMINI_API_KEY:-}", "", "${OPENAI_API_KEY:-}", "",
	)
	e.nats(nats)
	return e
}

// nats runs the log's service: its own command line, on a port of the test's.
func (e *engine) nats(port int) {
	e.t.Helper()
	args := []string{"-a", "127.0.0.1", "-p", strconv.Itoa(port)}
	for _, a := range e.compose.Services["nats"].Command {
		switch a {
		case "/data":
			a = filepath.Join(e.dir, "jetstream")
		case "8222":
			a = strconv.Itoa(natstest.FreePort(e.t))
		}
		args = append(args, a)
	}
	c := process.Start(e.t, process.Spec{Name: "nats", Path: binaries.NATSServer(e.t), Args: args})
	if err := c.WaitFor(e.t.Context(), "Server is ready"); err != nil {
		e.t.Fatal(err)
	}
}

// start runs one copy of a service; other arguments take the place of its command.
func (e *engine) start(name string, args ...string) *process.Child {
	e.t.Helper()
	s := e.compose.Services[name]
	if len(args) == 0 {
		for _, a := range s.Command {
			args = append(args, e.names.Replace(a))
		}
	}
	e.running[name]++
	var env []string
	for k, v := range s.Environment {
		env = append(env, k+"="+e.names.Replace(v))
	}
	return process.Start(e.t, process.Spec{Name: name, Path: binaries.Sluice(e.t), Args: args, Env: env, Dir: e.dir})
}

// once runs a service to its end.
func (e *engine) once(name string, args ...string) string {
	e.t.Helper()
	c := e.start(name, args...)
	if err := c.Wait(e.t.Context()); err != nil {
		e.t.Fatalf("service %s: %v\n%s", name, err, c.Output())
	}
	return c.Output()
}

// What compose.yaml runs carries queries round both rings and trains a router: each service a process, two of them
// twice, as `--scale answer=2 --scale worker=2` has it; each ends cleanly when it is told to, and none is left out.
func TestComposeServicesCarryQueriesRoundAndTrain(t *testing.T) {
	t.Parallel()
	e := startEngine(t)
	e.once("streams")
	e.once("migrate")
	running := []*process.Child{e.start("emulator"), e.start("answer"), e.start("worker")}
	for _, service := range slices.Concat(stages, []string{"trainer", "worker"}) {
		running = append(running, e.start(service))
	}
	gateway := e.start("gateway")
	running = append(running, gateway)
	const n = 60 // a training wants 40 of them
	file := filepath.Join(e.dir, "questions.csv")
	rows := "metadata,problem,answer\n"
	for i := range n {
		rows += fmt.Sprintf("{},What is entry %d of the list?,entry %d\n", i, i)
	}
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	e.once("sluice", "publish", "--format", "simpleqa", file)
	e.rows(n, "SELECT count(*) FROM examples")
	e.once("sluice", "--set", "training.min_train=40", "--set", "training.min_test=1", "train", "now")
	secret := regexp.MustCompile(`sk-sluice-\S+`).FindString(e.once("sluice", "keys", "create", "--name", "app"))
	if err := gateway.WaitFor(t.Context(), "the gateway is up"); err != nil {
		t.Fatal(err)
	}
	e.gateway.until(t, secret, "an answer", func(r said) bool { return r.status == http.StatusOK })
	e.rows(1, "SELECT count(*) FROM decisions WHERE outcome = 'ok'")
	e.rows(1, "SELECT count(*) FROM training_runs WHERE status IN ('promoted', 'refused')")
	if out := e.once("sluice"); !strings.Contains(out, "answer") {
		t.Errorf("status does not speak of the answer stage:\n%s", out)
	}
	for _, c := range running {
		if err := c.Stop(); err != nil {
			t.Errorf("%v\n%s", err, c.Output())
		}
	}
	for name, s := range e.compose.Services {
		if s.ours() && e.running[name] == 0 {
			t.Errorf("service %s was never run", name)
		}
	}
}

// rows waits until a query of the tables counts n, or more.
func (e *engine) rows(n int, sql string) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 3*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, e.db)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for got := 0; got < n; <-tick.C {
		if err := conn.QueryRow(ctx, sql).Scan(&got); err != nil {
			e.t.Fatalf("%s: %v; %d of %d so far", sql, err, got, n)
		}
	}
}
