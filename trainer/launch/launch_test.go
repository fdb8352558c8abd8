package launch_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
	"sluice/trainer/board"
	"sluice/trainer/launch"
)

// patience is how long a worker may be silent.
const patience = 2 * time.Second

// This test binary is the command: it tells the job's end as a worker does.
const (
	envLog  = "SLUICE_TEST_LAUNCHED_LOG"
	envKind = "SLUICE_TEST_LAUNCHED_KIND"
)

func TestMain(m *testing.M) {
	if os.Getenv(envLog) == "" {
		m.Run()
		return
	}
	if err := launched(context.Background(), os.Args[len(os.Args)-1]); err != nil {
		panic(err)
	}
}

func launched(ctx context.Context, jobID string) error {
	if jobID != os.Getenv("SLUICE_JOB_ID") {
		return fmt.Errorf("job %q on the command line, %q in the environment", jobID, os.Getenv("SLUICE_JOB_ID"))
	}
	nc, err := streams.Connect(os.Getenv(envLog), streams.ConnectOptions{})
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := streams.JetStream(nc)
	if err != nil {
		return err
	}
	b, err := open(ctx, js)
	if err != nil {
		return err
	}
	lease, err := b.Lease(ctx, jobID, fmt.Sprint("elsewhere ", os.Getpid()), patience)
	if err != nil {
		return err
	}
	if kind := os.Getenv(envKind); lease.Attempt == 1 && kind == "breaks" {
		_ = lease.Release(ctx)
		return fmt.Errorf("no GPU for %s", jobID)
	} else if lease.Attempt == 1 && kind == "gives back" {
		return lease.Release(ctx)
	} else if lease.Attempt == 1 && kind == "killed" {
		return nil // with the job in hand
	}
	if err := b.Tell(ctx, sluice.TrainingEvent{JobID: jobID, Kind: "refused", Attempt: lease.Attempt, Sequence: 1}); err != nil {
		return err
	}
	if os.Getenv(envKind) == "breaks at the end" {
		return fmt.Errorf("%s is over, and its worker broken", jobID)
	}
	return nil
}

func open(ctx context.Context, js jetstream.JetStream) (*board.Board, error) {
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		return nil, err
	}
	return board.Open(ctx, js, p, time.Now)
}

func TestEachJobIsCarriedToItsEndByTheCommand(t *testing.T) {
	for _, kind := range []string{"works", "breaks", "breaks at the end", "gives back", "killed"} {
		t.Run(kind, func(t *testing.T) {
			server := natstest.Start(t)
			js := server.JetStream()
			natstest.Apply(t, js, natstest.Options())
			b, err := open(t.Context(), js)
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv(envLog, server.URL())
			t.Setenv(envKind, kind)
			over := sluice.TrainingEvent{JobID: "job-0", Kind: "canceled", Attempt: 1, Sequence: 1} // none that a launcher ends after
			if err := b.Tell(t.Context(), over); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{over.JobID, "job-1"} {
				if _, err := b.Ask(t.Context(), sluice.TrainingJob{ID: id, Recipe: "default"}); err != nil {
					t.Fatal(err)
				}
			}
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = out.Close() }()
			l := launch.Launcher{
				Board: b, Command: []string{os.Args[0], "-test.run=^$", "{{.JobID}}"}, Patience: patience, Wait: time.Hour,
				Output: out, Now: time.Now, Log: slog.New(slog.DiscardHandler),
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if err := l.Run(ctx, true); err != nil || ctx.Err() != nil {
				t.Fatalf("%v, %v", err, ctx.Err())
			}
			e, _, err := b.Progress(t.Context(), "job-1")
			if want := map[string]int{"works": 1, "breaks": 2, "breaks at the end": 1, "gives back": 2, "killed": 2}[kind]; err != nil || e.Kind != "refused" || e.Attempt != want {
				t.Errorf("end %+v, %v; want attempt %d", e, err, want)
			}
		})
	}
}

// It was heard of when the launcher took the job, so that nothing was launched, and never after that.
func TestAWorkerThatFallsSilentRightThenIsNotWaitedForLikeOneThatIsToBegin(t *testing.T) {
	server := natstest.Start(t)
	js := server.JetStream()
	natstest.Apply(t, js, natstest.Options())
	b, err := open(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Ask(t.Context(), sluice.TrainingJob{ID: "job-1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Lease(t.Context(), "job-1", "killed", patience); err != nil {
		t.Fatal(err)
	}
	t.Setenv(envLog, server.URL())
	t.Setenv(envKind, "works")
	var late time.Duration
	l := launch.Launcher{
		Board: b, Command: []string{os.Args[0], "-test.run=^$", "{{.JobID}}"}, Patience: patience, Wait: time.Hour, Output: io.Discard,
		Now: func() time.Time { defer func() { late = patience }(); return time.Now().Add(late) }, Log: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := l.Run(ctx, true); err != nil {
		t.Fatal(err)
	}
	if e, _, err := b.Progress(t.Context(), "job-1"); err != nil || e.Kind != "refused" || e.Attempt != 2 {
		t.Errorf("end %+v, %v", e, err)
	}
}

func TestACommandIsExpandedWordByWord(t *testing.T) {
	job := sluice.TrainingJob{ID: "j; rm -rf /", Recipe: "qlora:gemma", Backend: "xla:cuda", TrainExamples: 12}
	got, err := launch.Expand([]string{"sbatch", "--export=JOB={{.JobID}}", "{{.Recipe}} {{.Backend}} {{.TrainExamples}}"}, job)
	if err != nil || strings.Join(got, "|") != "sbatch|--export=JOB=j; rm -rf /|qlora:gemma xla:cuda 12" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range [][]string{nil, {"{{.Nothing}}"}, {"{{"}} {
		if _, err := launch.Expand(bad, job); err == nil || !strings.Contains(err.Error(), "training.launcher") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
