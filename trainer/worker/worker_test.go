package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice"
	"sluice/evaluation"
	"sluice/routing"
	"sluice/streams"
	"sluice/trainer/board"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
	"sluice/trainer/worker"
)

func results(t *testing.T, s *site, jobID string) worker.Results {
	t.Helper()
	var r worker.Results
	for _, e := range s.events(t, jobID) {
		if e.Kind == "evaluated" {
			must(t, json.Unmarshal([]byte(e.Details), &r))
		}
	}
	return r
}

func active(t *testing.T, s *site) string {
	t.Helper()
	state, err := s.registry.State(t.Context())
	must(t, err)
	return state.Active.Version
}

func TestAModelThatIsSurelyBetterIsPromoted(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(600, hard, numbered))
	must(t, s.worker(t.TempDir(), "w1", &counter{knows: "hash"}).Run(t.Context(), true))
	all := s.events(t, job.ID)
	if got := kinds(all); got != "1:started 1:evaluated 1:registered 1:promoted " {
		t.Errorf("told %s", got)
	}
	end := all[len(all)-1]
	if end.ModelVersion == "" || active(t, s) != end.ModelVersion || !strings.Contains(end.Message, "better") {
		t.Errorf("end %+v; active %s", end, active(t, s))
	}
	r := results(t, s, job.ID)
	if x, ok := r.Report.Line("trained"); !ok || r.Report.Rows != 200 || r.Promoted != "trained" || *x.APGR < 0.7 {
		t.Errorf("results %+v", r)
	}
	if err := s.worker(t.TempDir(), "w2", &counter{err: errors.New("asked again")}).Do(t.Context(), job.ID); err != nil {
		t.Errorf("a job that is over: %v", err)
	}
}

// Accuracy is taken where as many queries go to the large model as training has Complex ones, and needs that share.
func TestTheGateJudgesByTheNumberThatWasChosen(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(600, hard, numbered))
	w := s.worker(t.TempDir(), "w1", &counter{knows: "hash"})
	w.Gate.Metric = "accuracy"
	must(t, w.Run(t.Context(), true))
	if end := last(t, s, job.ID); end.Kind != "promoted" || !strings.Contains(end.Message, "the difference of accuracy") {
		t.Errorf("end %+v", end)
	}
	r := results(t, s, job.ID)
	for _, name := range []string{"knn", "logistic", "trained"} {
		if x, ok := r.Report.Line(name); !ok || x.ECE == nil {
			t.Errorf("%s has no calibration error: %+v", name, x)
		}
	}
}

func TestAModelThatKnowsNothingIsKeptWithTheReason(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(600, hard, numbered))
	must(t, s.worker(t.TempDir(), "w1", &counter{knows: "nothing"}).Run(t.Context(), true))
	end := last(t, s, job.ID)
	if end.Kind != "refused" || !strings.Contains(end.Message, "not surely better") || active(t, s) != "" {
		t.Errorf("end %+v", end)
	}
	if _, err := s.registry.Get(t.Context(), end.ModelVersion); err != nil {
		t.Errorf("it was not kept: %v", err)
	}
}

func TestASimpleControlIsPromotedWhereItWins(t *testing.T) {
	s := logSite(t)
	text := func(i int) string {
		return map[bool]string{true: "Prove the lemma of ", false: "Where is the town "}[i%4 == 1] + numbered(i)
	}
	job := s.ask(t, "j1", examples(600, func(text string) bool { return strings.HasPrefix(text, "Prove") }, text))
	must(t, s.worker(t.TempDir(), "w1", &counter{knows: "nothing"}).Run(t.Context(), true))
	end := last(t, s, job.ID)
	if end.Kind != "promoted" || strings.HasPrefix(end.ModelVersion, "counted") || active(t, s) != end.ModelVersion {
		t.Errorf("end %+v, results %+v", end, results(t, s, job.ID))
	}
}

func TestTheSecondModelMustBeatTheFirst(t *testing.T) {
	s := logSite(t)
	s.ask(t, "j1", examples(600, hard, numbered))
	dir := t.TempDir()
	must(t, s.worker(dir, "w1", &counter{knows: "hash"}).Run(t.Context(), true))
	first := active(t, s)
	s.ask(t, "j2", examples(660, hard, numbered))
	must(t, s.worker(dir, "w1", &counter{knows: "hash"}).Run(t.Context(), true))
	end := last(t, s, "j2")
	if end.Kind != "refused" || active(t, s) != first || end.ModelVersion == first || results(t, s, "j2").Incumbent != first {
		t.Errorf("end %+v; active %s, was %s", end, active(t, s), first)
	}
}

func TestACanceledJobEndsAtOnceAndForGood(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	begun := make(chan struct{}, 1)
	w := s.worker(t.TempDir(), "w1", &counter{step: func(ctx context.Context, _ int) {
		begun <- struct{}{}
		<-ctx.Done()
	}})
	done := make(chan error)
	go func() { done <- w.Run(t.Context(), true) }()
	<-begun
	over, err := s.board.Cancel(t.Context(), job.ID, "test", "no GPU left", w.Patience)
	must(t, err)
	if over {
		t.Error("the job of a worker that works was ended over its head")
	}
	must(t, <-done)
	if end := last(t, s, job.ID); end.Kind != "canceled" || !strings.Contains(end.Message, "no GPU left") {
		t.Errorf("end %+v", end)
	}
	early := s.ask(t, "j2", examples(60, hard, numbered))
	left := filepath.Join(w.Dir, early.ID)
	must(t, os.MkdirAll(left, 0o755))
	over, err = s.board.Cancel(t.Context(), early.ID, "test", "never mind", w.Patience)
	must(t, err)
	if end := last(t, s, early.ID); !over || end.Kind != "canceled" {
		t.Errorf("nobody has it in hand, and it is not over: %+v", end)
	}
	next := s.ask(t, "j3", examples(60, hard, numbered))
	w.Recipe = &counter{knows: "nothing"}
	must(t, w.Run(t.Context(), true))
	if _, err := os.Stat(left); err == nil {
		t.Error("the checkpoints of the canceled job stay")
	}
	if end := last(t, s, next.ID); end.Kind != "refused" {
		t.Errorf("one training was to be done, and the one that was over before counted as it: %+v", end)
	}
	if got := kinds(s.events(t, early.ID)); got != "1:canceled " {
		t.Errorf("canceled before it began: %s", got)
	}
}

func TestARecipeThatFailsOrPanicsHasFailedForGood(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	must(t, s.worker(t.TempDir(), "w1", &counter{err: errors.New("loss is not a number")}).Run(t.Context(), true))
	if end := last(t, s, job.ID); end.Kind != "failed" || !strings.Contains(end.Message, "not a number") {
		t.Errorf("end %+v", end)
	}
	job = s.ask(t, "j2", examples(60, hard, numbered))
	must(t, s.worker(t.TempDir(), "w1", &counter{step: func(context.Context, int) { panic("shapes differ") }}).Run(t.Context(), true))
	if end := last(t, s, job.ID); end.Kind != "failed" || !strings.Contains(end.Message, "shapes differ") {
		t.Errorf("end %+v", end)
	}
}

func TestARecipeThatLacksSomethingForNowIsDoneAgain(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	err := s.worker(t.TempDir(), "w1", &counter{err: fmt.Errorf("base model: %w", worker.ErrAway)}).Do(t.Context(), job.ID)
	if got := kinds(s.events(t, job.ID)); !errors.Is(err, worker.ErrAway) || got != "1:started " {
		t.Errorf("%v, told %s", err, got)
	}
	must(t, s.worker(t.TempDir(), "w2", &counter{knows: "nothing"}).Do(t.Context(), job.ID))
	if end := last(t, s, job.ID); end.Kind != "refused" || end.Attempt != 2 {
		t.Errorf("end %+v", end)
	}
}

func TestASnapshotThatIsGoneOrAnotherFailsTheJob(t *testing.T) {
	s := logSite(t)
	gone := s.ask(t, "gone", examples(60, hard, numbered))
	must(t, s.registry.Objects().Delete(t.Context(), gone.Snapshot))
	other := s.ask(t, "other", examples(60, hard, numbered))
	other.ID, other.SnapshotDigest = "other2", "00"
	_, err := s.board.Ask(t.Context(), other)
	must(t, err)
	w := s.worker(t.TempDir(), "w1", &counter{knows: "nothing"})
	for _, id := range []string{"gone", "other2"} {
		must(t, w.Do(t.Context(), id))
		if end := last(t, s, id); end.Kind != "failed" {
			t.Errorf("%s ended %+v", id, end)
		}
	}
}

func TestAWorkerThatIsStoppedGivesItsJobBackAndTheNextGoesOn(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	err := s.worker(dir, "w1", &counter{step: func(_ context.Context, step int) {
		if step == 3 {
			stop()
		}
	}}).Run(ctx, true)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a worker that was to do one training and did none says %v", err)
	}
	var did []int
	must(t, s.worker(dir, "w2", &counter{knows: "nothing", step: func(_ context.Context, step int) { did = append(did, step) }}).Run(t.Context(), true))
	if len(did) != steps-3 || did[0] != 3 {
		t.Errorf("the second worker did steps %v", did)
	}
	if got := kinds(s.events(t, job.ID)); got != "1:started 2:requeued 2:started 2:evaluated 2:registered 2:refused " {
		t.Errorf("told %s", got)
	}
}

// stopping is a shelf that is cut off while it opens or keeps an artifact.
type stopping struct {
	shelf
	open, keep func()
}

func (s stopping) Open(ctx context.Context, dir string) (routing.Router, error) {
	if s.open != nil {
		s.open()
		return nil, fmt.Errorf("its first decision: %w", ctx.Err())
	}
	return s.shelf.Open(ctx, dir)
}

func (s stopping) Keep(ctx context.Context, job sluice.TrainingJob, snap *snapshot.Snapshot, c evaluation.Router, dir string) (string, error) {
	if s.keep != nil {
		s.keep()
		return "", fmt.Errorf("its threshold: %w", ctx.Err())
	}
	return s.shelf.Keep(ctx, job, snap, c, dir)
}

func TestAWorkerThatIsStoppedWhileItMeasuresGivesItsJobBack(t *testing.T) {
	s := logSite(t)
	for id, cutOff := range map[string]func(stop func()) stopping{
		"open": func(stop func()) stopping { return stopping{open: stop} },
		"keep": func(stop func()) stopping { return stopping{keep: stop} },
	} {
		job := s.ask(t, id, examples(60, hard, numbered))
		ctx, stop := context.WithCancel(t.Context())
		w := s.worker(t.TempDir(), "w1", &counter{knows: "nothing"})
		w.Shelf = cutOff(stop)
		if err := w.Do(ctx, job.ID); err == nil {
			t.Errorf("%s: the job is over", id)
		}
		if end := last(t, s, job.ID); board.Ended(end.Kind) {
			t.Errorf("%s: told %s: %s", id, end.Kind, end.Message)
		}
		must(t, s.worker(t.TempDir(), "w2", &counter{knows: "nothing"}).Do(t.Context(), job.ID))
		if end := last(t, s, job.ID); end.Kind != "refused" || end.Attempt != 2 {
			t.Errorf("%s: end %+v", id, end)
		}
	}
}

func TestADiskThatIsFullIsNoFaultOfTheJob(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	full := fmt.Errorf("train: checkpoint: %w", &os.PathError{Op: "write", Path: "kept", Err: syscall.ENOSPC})
	if err := s.worker(t.TempDir(), "w1", &counter{err: full}).Do(t.Context(), job.ID); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the worker says %v", err)
	}
	must(t, s.worker(t.TempDir(), "w2", &counter{knows: "nothing"}).Do(t.Context(), job.ID))
	if end := last(t, s, job.ID); end.Kind != "refused" || end.Attempt != 2 {
		t.Errorf("end %+v", end)
	}
}

func TestADiskThatStaysFullIsToldOfAndEndsTheJob(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	w := s.worker(t.TempDir(), "w1", &counter{err: &os.PathError{Op: "write", Path: "kept", Err: syscall.ENOSPC}})
	var said strings.Builder
	w.Log, w.Attempts, w.Patience = slog.New(slog.NewTextHandler(&said, nil)), 2, time.Second
	must(t, w.Run(t.Context(), true))
	if end := last(t, s, job.ID); end.Kind != "failed" || end.Attempt != 2 || !strings.Contains(end.Message, "no space") {
		t.Errorf("end %+v", end)
	}
	if n := strings.Count(said.String(), "given back"); n != 1 || !strings.Contains(said.String(), "level=WARN") {
		t.Errorf("given back %d times in the log:\n%s", n, said.String())
	}
}

func TestAWorkerWhoseJobIsAnothersSaysNothingMore(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	begun := make(chan struct{})
	first := s.worker(t.TempDir(), "w1", &counter{step: func(ctx context.Context, _ int) {
		close(begun)
		<-ctx.Done()
	}})
	done := make(chan error)
	go func() { done <- first.Do(t.Context(), job.ID) }()
	<-begun
	second := s.worker(t.TempDir(), "w2", &counter{knows: "nothing"})
	second.Patience = time.Nanosecond
	if _, err := s.board.Lease(t.Context(), job.ID, "w2", 0); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("the first worker takes the job for done")
	}
	for _, e := range s.events(t, job.ID) {
		if e.Kind != "started" {
			t.Errorf("told %+v", e)
		}
	}
}

// A worker that promoted its model and was killed before it could tell.
func TestAPromotionThatWasNotToldIsToldByTheNextWorker(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(600, hard, numbered))
	must(t, s.worker(t.TempDir(), "w1", &counter{knows: "hash"}).Run(t.Context(), true))
	stream, err := s.js.Stream(t.Context(), streams.StreamTraining)
	must(t, err)
	end, err := stream.GetLastMsgForSubject(t.Context(), streams.ToldFilter(job.ID))
	must(t, err)
	must(t, stream.DeleteMsg(t.Context(), end.Sequence))
	must(t, s.worker(t.TempDir(), "w2", &counter{knows: "hash"}).Do(t.Context(), job.ID))
	again := last(t, s, job.ID)
	if again.Kind != "promoted" || again.Attempt != 2 || again.ModelVersion != active(t, s) {
		t.Errorf("end %+v", again)
	}
	history, err := s.registry.History(t.Context())
	if err != nil || len(history) != 1 {
		t.Errorf("promoted %d times, %v", len(history), err)
	}
}

// Somebody rolled the model back while nobody had told that it was promoted.
func TestAModelThatWasRolledBackIsNotPromotedAgainByTheNextWorker(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(600, hard, numbered))
	must(t, s.worker(t.TempDir(), "w1", &counter{knows: "hash"}).Run(t.Context(), true))
	version := active(t, s)
	stream, err := s.js.Stream(t.Context(), streams.StreamTraining)
	must(t, err)
	end, err := stream.GetLastMsgForSubject(t.Context(), streams.ToldFilter(job.ID))
	must(t, err)
	must(t, stream.DeleteMsg(t.Context(), end.Sequence))
	_, err = s.registry.Rollback(t.Context(), version, "it is worse")
	must(t, err)
	must(t, s.worker(t.TempDir(), "w2", &counter{knows: "hash"}).Do(t.Context(), job.ID))
	if got := active(t, s); got != "" {
		t.Errorf("%s is active", got)
	}
	if again := last(t, s, job.ID); again.Kind != "promoted" || again.Attempt != 2 || again.ModelVersion != version {
		t.Errorf("end %+v", again)
	}
}

// The first worker tells the end and lets go between the second one's look and its lease.
func TestAJobThatEndsWhileItIsTakenIsNotDoneAgain(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	lease, err := s.board.Lease(t.Context(), job.ID, "w1", time.Hour)
	must(t, err)
	between := func() time.Time { // asked when a lease is looked at
		if lease != nil {
			must(t, s.board.Tell(t.Context(), sluice.TrainingEvent{JobID: job.ID, Kind: "refused", Attempt: 1, Sequence: 1}))
			lease = nil
		}
		return time.Now().Add(2 * time.Hour)
	}
	late := s.worker(t.TempDir(), "w2", &counter{err: errors.New("asked again")})
	late.Board, err = board.Open(t.Context(), s.js, s.board.Publisher, between)
	must(t, err)
	must(t, late.Do(t.Context(), job.ID))
	if got := kinds(s.events(t, job.ID)); got != "1:refused " {
		t.Errorf("told %s", got)
	}
	if who, _, err := s.board.Holder(t.Context(), job.ID); who != "" || err != nil {
		t.Errorf("held by %q, %v", who, err)
	}
}

// A cancellation that comes in the moment of the promotion comes too late: what decides must not be called canceled.
func TestACancellationThatIsTooLateLeavesThePromotionTold(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(600, hard, numbered))
	var stopped <-chan struct{}
	w := s.worker(t.TempDir(), "w1", &counter{knows: "hash", step: func(ctx context.Context, _ int) { stopped = ctx.Done() }})
	r, err := registry.Open(t.Context(), s.js, s.board, func() time.Time {
		if state, err := s.registry.State(t.Context()); err == nil && state.Active.Version != "" { // promoted and not told
			over, err := s.board.Cancel(t.Context(), job.ID, "test", "enough", time.Hour)
			if must(t, err); over {
				t.Error("a job that a worker has in hand was ended by its cancellation")
			}
			<-stopped
		}
		return time.Now()
	})
	must(t, err)
	w.Registry = r
	must(t, w.Do(t.Context(), job.ID))
	end := last(t, s, job.ID)
	if end.Kind != "promoted" || end.ModelVersion == "" || end.ModelVersion != active(t, s) {
		t.Errorf("end %+v; active %q", end, active(t, s))
	}
}

// seeing is a recipe that shows the rows that it was given.
type seeing struct {
	counter
	saw []snapshot.Row
}

func (r *seeing) Train(ctx context.Context, job sluice.TrainingJob, s *snapshot.Snapshot, dir string, tell func(worker.Progress)) (string, error) {
	r.saw = s.Train
	return r.counter.Train(ctx, job, s, dir, tell)
}

// A router that has learnt a test question's double is measured on what it knows.
func TestATrainRowThatNearlyRepeatsATestRowIsNotLearntFrom(t *testing.T) {
	s := logSite(t)
	double := func(i int) string { // every third row is of the test split; the one after it asks the same
		if i%60 == 1 {
			return "WHICH is the " + fmt.Sprint(i-1) + "th of them"
		}
		return numbered(i)
	}
	job := s.ask(t, "j1", examples(300, hard, double))
	recipe := &seeing{counter: counter{knows: "hash"}}
	must(t, s.worker(t.TempDir(), "w1", recipe).Run(t.Context(), true))
	if len(recipe.saw) != 195 {
		t.Errorf("learnt from %d rows, want 195 of 200", len(recipe.saw))
	}
	r := results(t, s, job.ID)
	if l := r.Report.Leaks; l == nil || l.SameText+l.NearText != 5 {
		t.Errorf("leaks %+v", l)
	}
}

// What hangs can't be stopped: the worker's process must end, and another one goes on.
func TestARecipeThatHangsEndsItsWorkerAndSpendsAnAttempt(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	for _, want := range []string{"1:started ", "1:started 2:requeued 2:started 2:failed "} {
		w := s.worker(t.TempDir(), "w", &counter{err: fmt.Errorf("%w: no end after 5m0s", worker.ErrStuck)})
		w.Attempts = 2
		if err := w.Run(t.Context(), false); !errors.Is(err, worker.ErrStuck) || !strings.Contains(err.Error(), job.ID) {
			t.Errorf("the worker ends with %v", err)
		}
		if got := kinds(s.events(t, job.ID)); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	}
	if end := last(t, s, job.ID); !strings.Contains(end.Message, "no end after") {
		t.Errorf("end %+v", end)
	}
}

// A worker that is stopped for a new release, say, does no harm to its job, however often.
func TestAttemptsThatWereGivenBackAreNotSpent(t *testing.T) {
	s := logSite(t)
	job := s.ask(t, "j1", examples(60, hard, numbered))
	for range 3 {
		ctx, stop := context.WithCancel(t.Context())
		w := s.worker(t.TempDir(), "w", &counter{step: func(context.Context, int) { stop() }})
		w.Attempts = 1
		must(t, w.Run(ctx, false))
	}
	w := s.worker(t.TempDir(), "w", &counter{knows: "nothing"})
	w.Attempts = 1
	must(t, w.Run(t.Context(), true))
	if end := last(t, s, job.ID); end.Kind != "refused" || end.Attempt != 4 {
		t.Errorf("end %+v", end)
	}
}
