// Package worker trains: it takes one job after the other off the queue and carries each to its end.
//
// A job and its snapshot enter; events, a registered artifact and, if the gate says so, a promotion leave. A
// job belongs to one worker at a time, by a lease; a worker that is killed falls silent, and whoever takes the
// job next goes on from the checkpoint if it has that on its disk, else from the job's beginning. A refused
// promotion is an end like any other, and says why.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sluice"
	"sluice/evaluation"
	"sluice/routing"
	"sluice/trainer/board"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
)

// Progress is how far a recipe got; its kind is "progress", "checkpoint" or "stage_done".
type Progress struct {
	Kind, Stage  string
	Step, Steps  int
	Loss, Margin float64
	Message      string
}

// ErrAway says that a recipe could not have what it needs for now, which is no fault of its job: it is to be done
// again.
var ErrAway = errors.New("not to be had at the moment")

// ErrStuck says that a recipe hangs and can't be stopped: its worker's process must end. Another one goes on from the
// last checkpoint.
var ErrStuck = errors.New("it hangs")

// Recipe makes an artifact of a job's train rows.
type Recipe interface {
	// Train returns the artifact's directory. It goes on from what it left in dir, keeps what it needs for that
	// there, and ends soon after ctx does. The same job and rows make the same router.
	Train(ctx context.Context, job sluice.TrainingJob, s *snapshot.Snapshot, dir string, tell func(Progress)) (artifact string, err error)
}

// Shelf turns artifacts into routers, and fitted controls into artifacts.
type Shelf interface {
	Open(ctx context.Context, dir string) (routing.Router, error)
	// Keep writes a control that was fitted on the train rows below dir and returns the artifact's directory.
	// errors.ErrUnsupported says that this kind of control is none that serves.
	Keep(ctx context.Context, job sluice.TrainingJob, s *snapshot.Snapshot, control evaluation.Router, dir string) (artifact string, err error)
	// Note adds what was measured to an artifact's manifest; the version stays.
	Note(dir string, metrics map[string]float64) error
}

// Worker does jobs.
type Worker struct {
	Board    *board.Board
	Registry *registry.Registry
	Recipe   Recipe
	Shelf    Shelf
	// Dir keeps checkpoints, one directory a job, and opened artifacts.
	Dir string
	// Name is this process's among all workers.
	Name string
	// Patience is how long a worker may be silent before its job is another's.
	Patience time.Duration
	// Attempts is how many of a job may come to nothing, for no fault of its own or because their worker was killed,
	// until it has failed; zero: 5.
	Attempts int
	Gate     evaluation.Gate
	Now      func() time.Time
	Log      *slog.Logger
}

// Run takes jobs off the queue until ctx is done, one at a time; once ends it after the first, and ctx's error says
// that none was done. What becomes of a job is told in its events; an [ErrStuck] is returned, and the process must end.
func (w *Worker) Run(ctx context.Context, once bool) error {
	var done bool
	var stuck error
	err := w.Board.Work(ctx, w.Patience, w.Log, func(taken *board.Taken) bool {
		done, stuck = w.take(ctx, taken)
		return done && once || stuck != nil
	})
	if once && !done && stuck == nil {
		err = errors.Join(err, ctx.Err())
	}
	return errors.Join(err, stuck)
}

// take does a job of the queue; false where another worker has it in hand, or where it was over before.
func (w *Worker) take(ctx context.Context, taken *board.Taken) (done bool, stuck error) {
	err, stuck := w.do(ctx, taken.Job, taken.Working)
	var held *board.HeldError
	before := errors.Is(err, errOver)
	if last := context.WithoutCancel(ctx); err == nil || before {
		last, cancel := context.WithTimeout(last, 10*time.Second)
		defer cancel()
		if err := taken.Done(last); err != nil {
			w.Log.Warn("the queue was not told that a job is done; it will be handed out and found done", "job", taken.Job.ID, "error", err)
		}
		return !before, stuck
	}
	pause := time.Duration(0)
	switch {
	case ctx.Err() != nil:
	case stuck != nil: // the next worker is another process
	case errors.As(err, &held):
		pause = w.Patience / 2
	default:
		pause = 2 * time.Second
		if ofTheMachine(err) {
			pause = w.Patience / 2
		}
		w.Log.Warn("a training was given back", "job", taken.Job.ID, "error", err)
	}
	if err := taken.Back(pause); err != nil {
		w.Log.Debug("the queue was not told that a job is given back; it finds out", "error", err)
	}
	return false, stuck
}

// Do does one job that the queue need not know of, as a launcher asks for. The error is a board.HeldError
// where another worker has it in hand.
func (w *Worker) Do(ctx context.Context, jobID string) error {
	job, err := w.Board.Job(ctx, jobID)
	if err != nil {
		return err
	}
	err, stuck := w.do(ctx, job, func() error { return nil })
	if stuck != nil || errors.Is(err, errOver) {
		return stuck
	}
	return err
}

var (
	errOver      = errors.New("the job was over before")
	errLeaseLost = errors.New("another worker has taken the job")
	errCanceled  = errors.New("canceled")
)

// over is errOver for a job that is over; what a worker left of it here that was killed goes.
func (w *Worker) over(ctx context.Context, jobID string) error {
	last, told, err := w.Board.Progress(ctx, jobID)
	if err != nil || !told || !board.Ended(last.Kind) {
		return err
	}
	_ = os.RemoveAll(filepath.Join(w.Dir, jobID))
	return errOver
}

// do carries a job to its end. nil means that it is over, well or not, errOver that it was so before; another error
// that it is to be done again. stuck is an ErrStuck, whether the job is over by it or not.
func (w *Worker) do(ctx context.Context, job sluice.TrainingJob, working func() error) (err, stuck error) {
	if err := w.over(ctx, job.ID); err != nil {
		return err, nil
	}
	lease, err := w.Board.Lease(ctx, job.ID, w.Name, w.Patience)
	if err != nil {
		return err, nil
	}
	// Whoever had it may have carried it to its end since: it tells first and lets go then.
	if err := w.over(ctx, job.ID); err != nil {
		return errors.Join(err, lease.Release(ctx)), nil
	}
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a := &attempt{w: w, job: job, lease: lease, dir: filepath.Join(w.Dir, job.ID, strconv.Itoa(lease.Attempt))}
	watched := w.watch(work, stop, a, working)
	err = a.run(work)
	stop(nil)
	<-watched
	if errors.Is(err, ErrStuck) {
		stuck = fmt.Errorf("training %s: %w; this process ends, since nothing else stops it: start it again", job.ID, err)
	}
	err = a.end(ctx, context.Cause(work), err)
	w.tidy(ctx)
	return err, stuck
}

// tidy removes what workers left here of jobs that are over: one that was killed, whose job another machine carried to
// its end, or that woke up after its job was.
func (w *Worker) tidy(ctx context.Context) {
	entries, err := os.ReadDir(w.Dir)
	if err != nil {
		return // there is nothing, or whoever writes here finds out
	}
	for _, e := range entries {
		if _, err := w.Board.Job(ctx, e.Name()); err == nil {
			_ = w.over(ctx, e.Name()) // what can't be found out now is so the next time
		}
	}
}

// watch keeps the lease and hears of a cancellation until ctx ends; then the channel is closed.
func (w *Worker) watch(ctx context.Context, stop context.CancelCauseFunc, a *attempt, working func() error) <-chan struct{} {
	done, canceled := make(chan struct{}), make(chan struct{})
	go func() { // ends with ctx; joined by the other
		defer close(canceled)
		reason, yes, err := w.Board.AwaitCancel(ctx, a.job.ID)
		if err != nil {
			w.Log.Warn("a cancellation would not be heard", "job", a.job.ID, "error", err)
		}
		if yes {
			stop(fmt.Errorf("%w: %s", errCanceled, reason))
		}
	}()
	go func() { // ends with ctx; do waits for it
		defer close(done)
		defer func() { <-canceled }()
		tick := time.NewTicker(w.Patience / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := working(); err != nil {
				w.Log.Debug("sign of life not sent", "error", err)
			}
			err := a.beat(ctx)
			if errors.Is(err, board.ErrLost) {
				stop(errLeaseLost)
				return
			}
			if err != nil && ctx.Err() == nil {
				w.Log.Warn("lease not renewed; trying again", "job", a.job.ID, "error", err)
			}
		}
	}()
	return done
}
