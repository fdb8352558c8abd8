package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"sluice"
	"sluice/evaluation"
	"sluice/trainer/board"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
)

// attempt is one worker's way through one job.
type attempt struct {
	w     *Worker
	job   sluice.TrainingJob
	lease *board.Lease
	// dir is the attempt's own on this machine, below the job's, which is removed when the job is over.
	dir string

	// leaks counts train rows that were left out; nil for none.
	leaks *evaluation.Leaks

	mu       sync.Mutex
	sequence int
	// over is set once the event that ends the job is told.
	over bool
}

// faulty marks an error that is the job's own: the next worker would meet it too.
type faulty struct{ err error }

func (f *faulty) Error() string { return f.err.Error() }
func (f *faulty) Unwrap() error { return f.err }

// next numbers the attempt's next event.
func (a *attempt) next() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sequence++
	return a.sequence
}

// source is the attempt as the registry's events name it.
func (a *attempt) source() registry.Source {
	return registry.Source{JobID: a.job.ID, Attempt: a.lease.Attempt, Sequence: a.next(), Worker: a.w.Name}
}

// tell stores an event of the attempt.
func (a *attempt) tell(ctx context.Context, e sluice.TrainingEvent) error {
	e.JobID, e.Attempt, e.Sequence, e.Worker, e.At = a.job.ID, a.lease.Attempt, a.next(), a.w.Name, a.w.Now().UTC()
	return a.w.Board.Tell(ctx, e)
}

// run trains, measures, registers and promotes or refuses.
func (a *attempt) run(ctx context.Context) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	s, err := a.w.Registry.Objects().Snapshot(ctx, a.job.Snapshot, a.job.SnapshotDigest)
	if err != nil {
		if errors.Is(err, registry.ErrCorrupt) || errors.Is(err, registry.ErrNotThere) || errors.Is(err, snapshot.ErrDigest) {
			return &faulty{err}
		}
		return err
	}
	a.withoutLeaks(s)
	if err := a.takeOver(); err != nil {
		return fmt.Errorf("the job's directory: %w", err)
	}
	dir, err := a.train(ctx, s)
	if err != nil {
		return err
	}
	return a.judge(ctx, s, dir)
}

// takeOver makes the attempt's directory of what the last attempt on this machine left. Whoever that was may have been
// suspended and wake: what it still writes goes elsewhere.
func (a *attempt) takeOver() error {
	job := filepath.Dir(a.dir)
	entries, err := os.ReadDir(job)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	last := 0
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			last = max(last, n)
		}
	}
	if last > 0 && last < a.lease.Attempt {
		return os.Rename(filepath.Join(job, strconv.Itoa(last)), a.dir)
	}
	return os.MkdirAll(a.dir, 0o755) //nolint:gosec // models are no secret
}

// withoutLeaks takes train rows out that nearly say what a test row says: a result that is measured on rows that
// were learnt from is none. It is a function of the snapshot.
func (a *attempt) withoutLeaks(s *snapshot.Snapshot) {
	kept, leaks := evaluation.WithoutLeaks(s.TrainSamples(), s.TestSamples())
	if !leaks.Any() {
		return
	}
	a.leaks = &leaks
	keep := make(map[string]bool, len(kept))
	for _, sample := range kept {
		keep[sample.ID] = true
	}
	s.Train = slices.DeleteFunc(s.Train, func(r snapshot.Row) bool { return !keep[r.Key] })
}

// begin says who works; an attempt after the first says so too.
func (a *attempt) begin(ctx context.Context) error {
	if reason, yes, err := a.w.Board.Canceled(ctx, a.job.ID); err != nil || yes {
		if yes {
			err = fmt.Errorf("%w: %s", errCanceled, reason)
		}
		return err
	}
	if a.lease.Spent >= a.w.attempts() {
		return &faulty{a.killed()}
	}
	if a.lease.Attempt > 1 {
		words := fmt.Sprintf("worker %d takes it; the one before gave it back", a.lease.Attempt)
		if a.lease.After != "" {
			words = fmt.Sprintf("worker %d takes it; %s ended without a word", a.lease.Attempt, a.lease.After)
		}
		if err := a.tell(ctx, sluice.TrainingEvent{Kind: "requeued", Message: words}); err != nil {
			return err
		}
	}
	a.w.Log.Info("training", "job", a.job.ID, "attempt", a.lease.Attempt, "train", a.job.TrainExamples, "recipe", a.job.Recipe)
	return a.tell(ctx, sluice.TrainingEvent{Kind: "started", Message: fmt.Sprintf("%d train and %d test examples", a.job.TrainExamples, a.job.TestExamples)})
}

// killed says why a job that takes its workers down is tried no more.
func (a *attempt) killed() error {
	return fmt.Errorf("%d attempts are spent: the worker of the last one was killed, by a machine out of memory, say (%s ended without a word). "+
		"Fewer rows (training.max_train) or a larger machine help; sluice train now --seed N asks for it anew", a.lease.Spent, cmp.Or(a.lease.After, "unknown by now"))
}

// train runs the recipe and tells how far it is. A recipe that fails for another reason than the end of ctx, or
// [ErrAway] or [ErrStuck], or for a fault of the machine, has failed for good.
func (a *attempt) train(ctx context.Context, s *snapshot.Snapshot) (dir string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &faulty{fmt.Errorf("the recipe panicked: %v", p)}
		}
	}()
	dir, err = a.w.Recipe.Train(ctx, a.job, s, a.dir, func(p Progress) {
		e := sluice.TrainingEvent{Kind: p.Kind, Stage: p.Stage, Step: p.Step, Steps: p.Steps, Loss: p.Loss, Margin: p.Margin, Message: p.Message}
		if err := a.tell(ctx, e); err != nil && ctx.Err() == nil {
			a.w.Log.Warn("progress not told", "job", a.job.ID, "error", err)
		}
		log := a.w.Log.With("job", a.job.ID, "stage", p.Stage, "step", p.Step, "steps", p.Steps)
		if p.Kind == "progress" {
			log = log.With("loss", p.Loss)
		}
		log.Info("training " + p.Kind)
	})
	switch {
	case err == nil:
		return dir, nil
	case errors.Is(err, ErrStuck):
		return "", err
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, ErrAway):
		return "", err
	default:
		return "", &faulty{err}
	}
}

// judge measures the candidates, registers what is to be kept and promotes what the gate lets through.
func (a *attempt) judge(ctx context.Context, s *snapshot.Snapshot, dir string) error {
	for range 3 { // somebody may promote another version meanwhile
		if done, err := a.promotedBefore(ctx); done || err != nil {
			return err
		}
		f, err := a.measure(ctx, s, dir)
		if err != nil {
			return err
		}
		details, err := json.Marshal(f.results)
		if err != nil {
			return fmt.Errorf("results of job %s: %w", a.job.ID, err)
		}
		if err := a.tell(ctx, sluice.TrainingEvent{Kind: "evaluated", Message: f.results.Headline, Details: string(details)}); err != nil {
			return err
		}
		err = a.settle(ctx, f)
		if !errors.Is(err, registry.ErrMoved) {
			return err
		}
		a.w.Log.Info("another version was promoted during the evaluation; it is done again", "job", a.job.ID)
	}
	return fmt.Errorf("job %s: %w", a.job.ID, registry.ErrMoved)
}

// promotedBefore says whether an attempt before this one promoted the job's model and died before it could
// tell; then it is told. A model that was rolled back meanwhile is not promoted once more.
func (a *attempt) promotedBefore(ctx context.Context) (bool, error) {
	p, ours, err := a.w.Registry.PromotionOf(ctx, a.job.ID)
	if err != nil || !ours {
		return false, err
	}
	return true, a.conclude(ctx, sluice.TrainingEvent{Kind: "promoted", ModelVersion: p.Version, Message: p.Reason})
}

// ours is nil while the job is this attempt's to end. A worker that was suspended, or cut off from the log, may have lost
// it without having heard of it: an errLeaseLost. One that had it before may have ended it late: an errOver.
func (a *attempt) ours(ctx context.Context) error {
	err := a.lease.Beat(ctx)
	if errors.Is(err, board.ErrLost) {
		return errLeaseLost
	}
	if err != nil {
		return err
	}
	return a.w.over(ctx, a.job.ID)
}

// beat is a sign of life that waits for its confirmation no longer than the next one is due.
func (a *attempt) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.w.Patience/3)
	defer cancel()
	return a.lease.Beat(ctx)
}

// conclude tells the event that ends the job.
func (a *attempt) conclude(ctx context.Context, e sluice.TrainingEvent) error {
	err := a.ours(ctx)
	if err == nil {
		err = a.tell(ctx, e)
	}
	a.over = err == nil
	return err
}

// settle registers and promotes, or tells the refusal.
func (a *attempt) settle(ctx context.Context, f *finding) error {
	if err := a.note(f, f.trained, trainedName); err != nil {
		return err
	}
	trained, err := a.w.Registry.Add(ctx, f.trained, a.source())
	if err != nil {
		return err
	}
	promoted := trained.Version
	if f.promote != "" && f.promote != f.trained {
		if err := a.note(f, f.promote, f.results.Promoted); err != nil {
			return err
		}
		control, err := a.w.Registry.Add(ctx, f.promote, a.source())
		if err != nil {
			return err
		}
		promoted = control.Version
	}
	end := "promoted"
	if f.promote == "" {
		end = "refused"
		err = a.conclude(ctx, sluice.TrainingEvent{Kind: end, ModelVersion: trained.Version, Message: f.results.Reason})
	} else if err = a.ours(ctx); err == nil {
		err = a.w.Registry.Promote(ctx, promoted, f.over, f.results.Reason, a.source())
		a.over = err == nil
	}
	if err == nil {
		a.w.Log.Info("training "+end, "job", a.job.ID, "version", promoted, "reason", f.results.Reason)
	}
	return err
}

// note writes what was measured of a router into its manifest.
func (a *attempt) note(f *finding, dir, name string) error {
	x, ok := f.results.Report.Line(name)
	if !ok {
		return nil
	}
	metrics := map[string]float64{"test_rows": float64(f.results.Report.Rows), "latency_us_p50": x.LatencyUS}
	for key, v := range map[string]*float64{"apgr": x.APGR, "apgr_lo": x.APGRLo, "apgr_hi": x.APGRHi, "auroc": x.AUROC, "ece": x.ECE} {
		if v != nil {
			metrics[key] = *v
		}
	}
	if err := a.w.Shelf.Note(dir, metrics); err != nil {
		return &faulty{fmt.Errorf("note what %s is worth: %w", name, err)}
	}
	return nil
}

// end says what became of the attempt: nil where the job is over. What was interrupted is begun again.
func (a *attempt) end(ctx context.Context, cause, err error) error {
	interrupted := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	var own *faulty
	switch {
	case errors.Is(cause, errLeaseLost):
		err = errLeaseLost
	case a.over:
		err = nil
	case errors.Is(err, errLeaseLost), errors.Is(err, errOver):
	case errors.Is(cause, errCanceled):
		err = a.giveUp(ctx, "canceled", cause)
	case errors.Is(err, errCanceled):
		err = a.giveUp(ctx, "canceled", err)
	case interrupted: // whatever the end of ctx was taken for on its way here
	case errors.As(err, &own) && !ofTheMachine(err), a.lease.Spent+1 >= a.w.attempts():
		err = a.giveUp(ctx, "failed", err)
	}
	if errors.Is(err, errLeaseLost) {
		return errLeaseLost // nothing more is ours to tell
	}
	over := err == nil || errors.Is(err, errOver)
	if over {
		if err := os.RemoveAll(filepath.Dir(a.dir)); err != nil {
			a.w.Log.Warn("the job's directory stays", "error", err)
		}
	}
	letGo := a.lease.Release
	if !over && !interrupted {
		letGo = a.lease.Spend
	}
	if release := letGo(ctx); release != nil {
		a.w.Log.Debug("lease not released; it runs out", "error", release)
	}
	return err
}

// ofTheMachine says whether an error is the disk's or the system's, wherever it came up: another machine may not have
// it, nor this one later.
func ofTheMachine(err error) bool {
	for _, fault := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

// giveUp tells that the job ends without a model that decides. One that decides already, since what stopped the job
// came in the moment of its promotion, is told as what it is.
func (a *attempt) giveUp(ctx context.Context, kind string, why error) error {
	if promoted, err := a.promotedBefore(ctx); promoted || err != nil {
		return err
	}
	if kind == "failed" {
		a.w.Log.Error("training failed", "job", a.job.ID, "error", why)
	}
	return a.conclude(ctx, sluice.TrainingEvent{Kind: kind, Message: why.Error()})
}

// attempts is Worker.Attempts, or its default.
func (w *Worker) attempts() int {
	if w.Attempts == 0 {
		return 5
	}
	return w.Attempts
}

// models is where opened artifacts are kept.
func (w *Worker) models() string { return filepath.Join(w.Dir, "models") }
