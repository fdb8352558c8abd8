package acceptance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
}

func startEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{t: t, compose: loadCompose(t), dir: t.TempDir()}
	nats, emulator := natstest.FreePort(t), natstest.FreePort(t)
	e.db = pgtest.Cluster(t).URL("")
	e.names = strings.NewReplacer(
		"nats://nats:4222", "nats://127.0.0.1:"+strconv.Itoa(nats),
		"postgres://sluice:${POSTGRES_PASSWORD:-sluice}@postgres:5432/sluice", e.db,
		"${SLUICE_UPSTREAM:-models}", "http://127.0.0.1:"+strconv.Itoa(emulator), // as compose.yaml's comment has it
		"0.0.0.0", "127.0.0.1",
		"8086", strconv.Itoa(emulator), "9464", "0",
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

// What compose.yaml runs carries queries round the ring: each service a process, the answer service twice,
// as `--scale answer=2` has it; and each ends cleanly when it is told to.
func TestComposeServicesCarryQueriesRound(t *testing.T) {
	t.Parallel()
	e := startEngine(t)
	e.once("streams")
	e.once("migrate")
	emulator := e.start("emulator")
	services := []*process.Child{e.start("answer")}
	for _, stage := range stages {
		services = append(services, e.start(stage))
	}

	const n = 25
	file := filepath.Join(e.dir, "questions.csv")
	rows := "metadata,problem,answer\n"
	for i := range n {
		rows += fmt.Sprintf("{},What is entry %d of the list?,entry %d\n", i, i)
	}
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	e.once("sluice", "publish", "--format", "simpleqa", file)
	e.examples(n)
	if out := e.once("sluice"); !strings.Contains(out, "answer") {
		t.Errorf("status does not speak of the answer stage:\n%s", out)
	}
	for _, c := range append(services, emulator) {
		if err := c.Stop(); err != nil {
			t.Errorf("%v\n%s", err, c.Output())
		}
	}
}

// examples waits until n examples are in Postgres.
func (e *engine) examples(n int) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, e.db)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for got := 0; got != n; <-tick.C {
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM examples").Scan(&got); err != nil {
			e.t.Fatalf("%v; %d of %d examples so far", err, got, n)
		}
	}
}
