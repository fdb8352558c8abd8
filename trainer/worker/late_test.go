package worker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
	"sluice/trainer/board"
	"sluice/trainer/snapshot"
	"sluice/trainer/worker"
)

// A worker that was suspended, or cut off from the log, for longer than the others' patience hears late that its job is
// another's.
func TestAWorkerThatHasNotHeardYetThatItsJobIsAnothersDoesNotEndIt(t *testing.T) {
	s := logSite(t)
	for id, recipe := range map[string]*counter{"promotes": {knows: "hash"}, "refuses": {knows: "nothing"}, "fails": {err: errors.New("loss is no number")}} {
		job := s.ask(t, id, examples(600, hard, numbered))
		taken := false
		recipe.step = func(context.Context, int) {
			if !taken {
				_, err := s.board.Lease(t.Context(), job.ID, "w2", 0)
				must(t, err)
			}
			taken = true
		}
		first := s.worker(t.TempDir(), "w1", recipe)
		first.Patience = time.Hour // its next sign of life is far
		if err := first.Do(t.Context(), job.ID); err == nil {
			t.Errorf("%s: the worker takes the job for done", id)
		}
		for _, e := range s.events(t, job.ID) {
			if board.Ended(e.Kind) {
				t.Errorf("%s: told %s", id, e.Kind)
			}
		}
		if who, _, err := s.board.Holder(t.Context(), job.ID); who != "w2" || err != nil {
			t.Errorf("%s: held by %q, %v", id, who, err)
		}
		if got := active(t, s); got != "" {
			t.Errorf("%s: %s is active", id, got)
		}
	}
}

// The worker before was suspended between its last sign of life and the end that it tells.
func TestAJobThatTheWorkerBeforeEndsLateEndsOnce(t *testing.T) {
	s := logSite(t)
	for id, knows := range map[string]string{"promotes": "hash", "refuses": "nothing"} {
		job := s.ask(t, id, examples(600, hard, numbered))
		lease, err := s.board.Lease(t.Context(), job.ID, "w1", 0)
		must(t, err)
		must(t, lease.Release(t.Context()))
		second := s.worker(t.TempDir(), "w2", &counter{knows: knows, step: func(_ context.Context, step int) {
			if step == steps-1 {
				must(t, s.board.Tell(t.Context(), sluice.TrainingEvent{JobID: job.ID, Kind: "refused", Attempt: 1, Sequence: 9}))
			}
		}})
		must(t, second.Do(t.Context(), job.ID))
		ends := 0
		for _, e := range s.events(t, job.ID) {
			if board.Ended(e.Kind) {
				ends++
			}
		}
		if left, err := os.ReadDir(second.Dir); ends != 1 || active(t, s) != "" || len(left) != 0 || err != nil {
			t.Errorf("%s: %d ends; %q is active; left on disk %v, %v", id, ends, active(t, s), left, err)
		}
	}
}

// The worker before promoted the job's model while this one measured its own, and died before it could tell.
func TestAPromotionDuringTheEvaluationIsTheJobsOwn(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(600, hard, numbered))
	must(t, s.worker(t.TempDir(), "w1", &counter{knows: "hash"}).Do(t.Context(), job.ID))
	version := active(t, s)
	history, err := s.registry.History(t.Context())
	must(t, err)
	stream, err := s.js.Stream(t.Context(), streams.StreamTraining)
	must(t, err)
	must(t, stream.DeleteMsg(t.Context(), mustLast(t, stream, job.ID)))
	kv, err := s.js.KeyValue(t.Context(), streams.BucketRouters)
	must(t, err)
	promoted, err := kv.Get(t.Context(), "active")
	must(t, err)
	must(t, kv.Purge(t.Context(), "active"))
	second := s.worker(t.TempDir(), "w2", &counter{knows: "hash"})
	second.Shelf = noting{note: func() {
		_, err := kv.Put(t.Context(), "active", promoted.Value())
		must(t, err)
	}}
	must(t, second.Do(t.Context(), job.ID))
	if end := last(t, s, job.ID); end.Kind != "promoted" || end.ModelVersion != version || len(history) != 1 {
		t.Errorf("end %+v, want %s promoted", end, version)
	}
}

// suspended is a recipe whose directory is known.
type suspended struct {
	counter
	dir string
}

func (r *suspended) Train(ctx context.Context, job sluice.TrainingJob, s *snapshot.Snapshot, dir string, tell func(worker.Progress)) (string, error) {
	r.dir = dir
	return r.counter.Train(ctx, job, s, dir, tell)
}

// Two workers of one machine: the first is suspended, and its job is the second's when it wakes. What it writes and
// removes then is nobody's, and does not stay.
func TestAWorkerThatWakesSpoilsNothingOfTheOneThatGoesOn(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	dir, asleep, wake := t.TempDir(), make(chan struct{}), make(chan struct{})
	recipe := &suspended{counter: counter{knows: "nothing"}}
	recipe.step = func(_ context.Context, step int) {
		if step == 3 {
			close(asleep)
			<-wake
			must(t, errors.Join(os.RemoveAll(recipe.dir), os.MkdirAll(recipe.dir, 0o755)))
		}
	}
	first := s.worker(dir, "w1", recipe)
	first.Patience = time.Hour
	done := make(chan error)
	go func() { done <- first.Do(t.Context(), job.ID) }()
	<-asleep
	var did []int
	second := s.worker(dir, "w2", &counter{knows: "nothing", step: func(_ context.Context, step int) {
		if did = append(did, step); step == 5 {
			close(wake)
			if err := <-done; err == nil {
				t.Error("the first worker takes the job for done")
			}
		}
	}})
	_, err := s.board.Lease(t.Context(), job.ID, "w2", 0)
	must(t, err)
	must(t, second.Do(t.Context(), job.ID))
	if end := last(t, s, job.ID); end.Kind != "refused" || end.Worker != "w2" || did[0] != 3 {
		t.Errorf("steps %v, end %+v", did, end)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left on disk: %v, %v", left, err)
	}
}

// A worker here was killed, and another machine carried its job to the end.
func TestWhatIsLeftHereOfAJobThatEndedElsewhereIsRemoved(t *testing.T) {
	s := logSite(t)
	elsewhere, next, waits := s.ask(t, "j1", examples(60, hard, numbered)), s.ask(t, "j2", examples(60, hard, numbered)), s.ask(t, "j3", examples(60, hard, numbered))
	w := s.worker(t.TempDir(), "w1", &counter{knows: "nothing"})
	for _, id := range []string{elsewhere.ID, waits.ID, "models", "no job's"} {
		must(t, os.MkdirAll(filepath.Join(w.Dir, id, "1"), 0o755))
	}
	must(t, s.worker(t.TempDir(), "w2", &counter{knows: "nothing"}).Do(t.Context(), elsewhere.ID))
	must(t, w.Do(t.Context(), next.ID))
	entries, err := os.ReadDir(w.Dir)
	must(t, err)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, ","); got != "j3,models,no job's" {
		t.Errorf("left %s", got)
	}
}

// noting is a shelf that calls note before a router is registered.
type noting struct {
	shelf
	note func()
}

func (n noting) Note(dir string, metrics map[string]float64) error {
	n.note()
	return n.shelf.Note(dir, metrics)
}

// mustLast is the sequence of the last event of a job.
func mustLast(t *testing.T, stream jetstream.Stream, jobID string) uint64 {
	t.Helper()
	m, err := stream.GetLastMsgForSubject(t.Context(), streams.ToldFilter(jobID))
	must(t, err)
	return m.Sequence
}
