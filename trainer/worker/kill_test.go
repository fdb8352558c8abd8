package worker_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/internal/natstest"
	"sluice/internal/process"
	"sluice/streams"
)

// These make this test binary a worker: the log's URL, the directory, and the step that it never ends.
const (
	envLog  = "SLUICE_TEST_WORKER_LOG"
	envDir  = "SLUICE_TEST_WORKER_DIR"
	envHang = "SLUICE_TEST_WORKER_HANG"
)

func TestMain(m *testing.M) {
	if os.Getenv(envLog) == "" {
		m.Run()
		return
	}
	if err := work(context.Background()); err != nil {
		panic(err)
	}
}

func work(ctx context.Context) error {
	nc, err := streams.Connect(os.Getenv(envLog), streams.ConnectOptions{Name: "worker"})
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := streams.JetStream(nc)
	if err != nil {
		return err
	}
	s, err := openSite(ctx, js)
	if err != nil {
		return err
	}
	recipe := &counter{knows: "hash", step: func(ctx context.Context, step int) {
		fmt.Fprintf(os.Stdout, "step %d\n", step)
		if fmt.Sprint(step) == os.Getenv(envHang) {
			<-ctx.Done()
		}
	}}
	w := s.worker(os.Getenv(envDir), fmt.Sprint("process ", os.Getpid()), recipe)
	w.Attempts = 2
	return w.Run(ctx, true)
}

func child(t *testing.T, url, dir, hang string) *process.Child {
	t.Helper()
	return process.Start(t, process.Spec{
		Name: "worker", Path: os.Args[0], Args: []string{"-test.run=^$"},
		Env: []string{envLog + "=" + url, envDir + "=" + dir, envHang + "=" + hang},
	})
}

func TestAKilledWorkersJobIsGoneOnWithAndEndsWithTheSameModel(t *testing.T) {
	version := func(kill bool) (string, *site) {
		server := natstest.Start(t)
		js := server.JetStream()
		natstest.Apply(t, js, natstest.Options())
		s := newSite(t, js)
		job := s.ask(t, "j1", examples(600, hard, numbered))
		dir := t.TempDir()
		if kill {
			first := child(t, server.URL(), dir, "5")
			must(t, first.WaitFor(t.Context(), "step 5\n"))
			first.Kill()
		}
		second := child(t, server.URL(), dir, "")
		must(t, second.Wait(t.Context()))
		if kill && strings.Contains(second.Stdout(), "step 4\n") || kill != strings.HasPrefix(second.Stdout(), "step 5\n") {
			t.Errorf("killed %v: the last worker did\n%s", kill, second.Stdout())
		}
		end := last(t, s, job.ID)
		if end.Kind != "promoted" || active(t, s) != end.ModelVersion {
			t.Fatalf("end %+v", end)
		}
		return end.ModelVersion, s
	}
	want, _ := version(false)
	got, s := version(true)
	if got != want {
		t.Errorf("killed: model %s, else %s", got, want)
	}
	if told := kinds(s.events(t, "j1")); told != "1:started 2:requeued 2:started 2:evaluated 2:registered 2:promoted " {
		t.Errorf("told %s", told)
	}
}

// Each worker is killed at the same step, by a machine without memory for it, say.
func TestAJobThatTakesItsWorkersDownFailsOnceItsAttemptsAreSpent(t *testing.T) {
	server := natstest.Start(t)
	js := server.JetStream()
	natstest.Apply(t, js, natstest.Options())
	s := newSite(t, js)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	dir := t.TempDir()
	for range 2 {
		w := child(t, server.URL(), dir, "5")
		must(t, w.WaitFor(t.Context(), "step 5\n"))
		w.Kill()
	}
	third := child(t, server.URL(), dir, "5")
	must(t, third.Wait(t.Context()))
	end := last(t, s, job.ID)
	if end.Kind != "failed" || !strings.Contains(end.Message, "2 attempts are spent") || !strings.Contains(end.Message, "(process ") {
		t.Errorf("end %+v", end)
	}
	if told := kinds(s.events(t, job.ID)); told != "1:started 2:requeued 2:started 3:failed " {
		t.Errorf("told %s", told)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left on disk: %v, %v", left, err)
	}
}
