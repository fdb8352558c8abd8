package watch

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"sluice"
	"sluice/trainer/board"
	"sluice/trainer/snapshot"
)

// FewError says that there is too little to learn from, or to measure on.
type FewError struct{ Train, MinTrain, Test, MinTest int }

func (e *FewError) Error() string {
	return fmt.Sprintf("%d train and %d test examples are there, a training wants %d and %d (training.min_train, training.min_test): publish more questions, or lower the two", e.Train, e.Test, e.MinTrain, e.MinTest)
}

// fire drafts a job and settles it.
func (w *Watcher) fire(ctx context.Context, last board.Proposal, why cause) (*sluice.TrainingJob, error) {
	next, rows, err := w.draft(ctx, why)
	if err != nil {
		return nil, err
	}
	return w.settle(ctx, last, next, rows)
}

// draft stores a snapshot and makes the job that names it.
func (w *Watcher) draft(ctx context.Context, why cause) (board.Proposal, []sluice.TrainingExample, error) {
	fail := func(err error) (board.Proposal, []sluice.TrainingExample, error) { return board.Proposal{}, nil, err }
	o := w.Options
	sequence, err := w.Board.Examples(ctx)
	if err != nil {
		return fail(err)
	}
	rows, newest, err := w.Tables.Examples(ctx, o.Pair, o.MaxTrain)
	if err != nil {
		return fail(err)
	}
	s, err := snapshot.New(o.Pair, o.Medium, o.Large, o.Policies, rows)
	if err != nil {
		return fail(err)
	}
	if len(s.Train) < o.MinTrain || len(s.Test) < o.MinTest {
		return fail(&FewError{len(s.Train), o.MinTrain, len(s.Test), o.MinTest})
	}
	file, digest, err := s.Encode()
	if err != nil {
		return fail(err)
	}
	job := sluice.TrainingJob{
		ID:      sluice.HashID("training", digest, o.Recipe, o.Backend, strconv.FormatUint(o.Seed, 10)),
		Trigger: why.trigger, Reason: why.reason, SnapshotDigest: digest,
		TrainExamples: len(s.Train), TestExamples: len(s.Test), Pair: o.Pair, Medium: o.Medium, Large: o.Large,
		Recipe: o.Recipe, Backend: o.Backend, Seed: o.Seed, AskedAt: w.Now().UTC(),
	}
	job.Snapshot = snapshot.Name(job.ID)
	if err := w.Store.PutSnapshot(ctx, job.Snapshot, file); err != nil {
		return fail(err)
	}
	return board.Proposal{Job: job, Through: newest, Sequence: sequence}, s.Train, nil
}

// settle proposes the job in place of the last one and asks for it. The examples are admitted before it is
// proposed: a row that is no train row refuses the job (Invariant 4).
func (w *Watcher) settle(ctx context.Context, last, next board.Proposal, rows []sluice.TrainingExample) (*sluice.TrainingJob, error) {
	if err := w.Tables.Admit(ctx, next.Job.ID, rows); err != nil {
		// Somebody may have been forgotten meanwhile, whose words the snapshot has.
		return nil, errors.Join(err, w.drop(ctx, next))
	}
	proposed, err := w.Board.Propose(ctx, last, next)
	if errors.Is(err, board.ErrLost) {
		return nil, errors.Join(err, w.drop(ctx, next))
	}
	if err != nil {
		return nil, err
	}
	next = proposed
	if _, err := w.ask(ctx, next); err != nil {
		return nil, err
	}
	return &next.Job, nil
}

// drop deletes the snapshot of a proposal that came to nothing, unless another trainer proposed, or asked for, the same
// job.
func (w *Watcher) drop(ctx context.Context, lost board.Proposal) error {
	won, err := w.Board.Latest(ctx)
	if err != nil || won.Job.ID == lost.Job.ID {
		return err
	}
	// Asked for after that: who proposes another job has asked for the one before.
	if _, err := w.Board.Job(ctx, lost.Job.ID); !errors.Is(err, board.ErrNoJob) {
		return err
	}
	return w.Store.Delete(ctx, lost.Job.Snapshot)
}

// ask stores the job of a proposal and marks the proposal. Any number of trainers may do it.
func (w *Watcher) ask(ctx context.Context, p board.Proposal) (board.Proposal, error) {
	asked, err := w.Board.Ask(ctx, p.Job)
	if err != nil {
		return p, err
	}
	err = w.Board.Tell(ctx, sluice.TrainingEvent{
		JobID: p.Job.ID, Kind: "queued", Sequence: 1, Worker: "trainer", Message: p.Job.Reason, At: p.Job.AskedAt,
	})
	if err != nil {
		return p, err
	}
	if asked {
		w.Log.Info("training asked for", "job", p.Job.ID, "trigger", p.Job.Trigger, "reason", p.Job.Reason,
			"train", p.Job.TrainExamples, "test", p.Job.TestExamples, "recipe", p.Job.Recipe)
	}
	was := p
	p.Asked = true
	if p, err = w.Board.Propose(ctx, was, p); errors.Is(err, board.ErrLost) {
		return w.Board.Latest(ctx) // another trainer has marked it
	}
	return p, err
}
