// Package watch decides when it is time to train, and asks for it exactly once.
//
// Counts of new examples, alarms and the clock enter; a job with an immutable snapshot leaves. Any number of
// watchers may run: they look at the same numbers, and the one whose proposal is first names the job. A
// watcher that dies after its proposal has it finished by any other. The job's id is a function of snapshot
// and recipe, and the log refuses a second job of one id.
package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"sluice"
	"sluice/bulkhead"
	"sluice/trainer/board"
)

// Tables is what the watcher asks of the tables. Package postgres has one.
type Tables interface {
	// Accrued counts the train examples of a pair stored after an instant, by policy, and says when the oldest
	// of them was stored.
	Accrued(ctx context.Context, pair string, after time.Time) (byPolicy map[sluice.Policy]int, oldest time.Time, err error)
	// Examples reads what a training may be given: the newest train rows, at most that many, and every test row
	// with its grades; and when the newest of the train rows was stored.
	Examples(ctx context.Context, pair string, most int) (rows []sluice.TrainingExample, newest time.Time, err error)
	// Admit writes down which examples a run is given. It fails if one of them is no train row.
	Admit(ctx context.Context, run string, examples []sluice.TrainingExample) error
}

// Board is what the watcher asks of the log. Package trainer/board has one.
type Board interface {
	Latest(ctx context.Context) (board.Proposal, error)
	Propose(ctx context.Context, was, next board.Proposal) (board.Proposal, error)
	Ask(ctx context.Context, job sluice.TrainingJob) (asked bool, err error)
	Tell(ctx context.Context, events ...sluice.TrainingEvent) error
	Progress(ctx context.Context, jobID string) (last sluice.TrainingEvent, ok bool, err error)
	Job(ctx context.Context, id string) (sluice.TrainingJob, error)
	Examples(ctx context.Context) (uint64, error)
	Alarms(ctx context.Context, rule string, after time.Time) ([]sluice.Alert, error)
}

// Store keeps snapshots; storing one again changes nothing, nor does deleting one that is not there.
type Store interface {
	PutSnapshot(ctx context.Context, name string, file []byte) error
	Delete(ctx context.Context, name string) error
}

// Options say when to train, and what.
type Options struct {
	// NewExamples fires when that many train examples are newer than the last job's; 0: never.
	NewExamples int
	// PerPolicy fires when every policy has that many; 0: never.
	PerPolicy int
	// MaxAge fires when an example has waited that long; 0: never.
	MaxAge time.Duration
	// Alarms are the rules of alerts that fire; each needs at least one new example.
	Alarms []string
	// MinTrain and MinTest are what no training begins below, whoever asks for it.
	MinTrain, MinTest int
	// MaxTrain bounds the train rows of a snapshot; the newest are taken.
	MaxTrain int

	Pair, Medium, Large string
	Policies            []sluice.PolicySpec
	Recipe, Backend     string
	Seed                uint64
}

// Watcher is one trainer.
type Watcher struct {
	Tables  Tables
	Board   Board
	Store   Store
	Options Options
	Now     func() time.Time
	Log     *slog.Logger
	// Beside contains panics of a look; nil: they end the process.
	Beside *bulkhead.Bulkhead

	// asked is how far the examples' stream was, and when, at the last look into the tables that found nothing.
	asked   uint64
	askedAt time.Time
}

// lookAnyway is how long the tables are left alone while no example comes in.
const lookAnyway = time.Minute

// Run looks every so often until ctx is done. A look that fails is repeated at the next tick.
func (w *Watcher) Run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := w.Beside.Contain("trainer", func() error {
			_, err := w.Look(ctx)
			return err
		})
		if err != nil && ctx.Err() == nil {
			w.Log.Warn("the trainer could not look; it looks again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look asks for a job if it is time; nil if it is not, or if another trainer was faster.
func (w *Watcher) Look(ctx context.Context) (*sluice.TrainingJob, error) {
	last, err := w.Board.Latest(ctx)
	if err != nil {
		return nil, err
	}
	if last, err = w.finish(ctx, last); err != nil {
		return nil, err
	}
	if busy, err := w.busy(ctx, last); busy || err != nil {
		return nil, err
	}
	why, err := w.trigger(ctx, last)
	if err != nil || why == nil {
		return nil, err
	}
	job, err := w.fire(ctx, last, *why)
	if errors.Is(err, board.ErrLost) {
		return nil, nil
	}
	var few *FewError
	if errors.As(err, &few) {
		w.Log.Debug("too few examples to train", "error", err)
		return nil, nil
	}
	return job, err
}

// Hand asks for a job whatever the triggers say. The error is a [FewError] where there is too little to learn
// from, and board.ErrLost where another trainer proposed at the same moment. A job that was asked for before
// (same examples, same recipe, same seed) is returned with asked false.
func (w *Watcher) Hand(ctx context.Context, reason string) (job *sluice.TrainingJob, asked bool, err error) {
	last, err := w.Board.Latest(ctx)
	if err != nil {
		return nil, false, err
	}
	if last, err = w.finish(ctx, last); err != nil {
		return nil, false, err
	}
	next, rows, err := w.draft(ctx, cause{"hand", reason})
	if err != nil {
		return nil, false, err
	}
	if _, there, err := w.Board.Progress(ctx, next.Job.ID); there || err != nil {
		return &next.Job, false, err
	}
	job, err = w.settle(ctx, last, next, rows)
	return job, err == nil, err
}

// finish asks for the job of a proposal whose trainer died before it did.
func (w *Watcher) finish(ctx context.Context, last board.Proposal) (board.Proposal, error) {
	if last.Job.ID == "" || last.Asked {
		return last, nil
	}
	return w.ask(ctx, last)
}

// busy says whether the last job is still at work.
func (w *Watcher) busy(ctx context.Context, last board.Proposal) (bool, error) {
	if last.Job.ID == "" {
		return false, nil
	}
	e, ok, err := w.Board.Progress(ctx, last.Job.ID)
	if ok || err != nil {
		return !board.Ended(e.Kind), err
	}
	// Nothing was told yet, or all of it has left the log by its age, and so has the job: then nobody waits for it.
	_, err = w.Board.Job(ctx, last.Job.ID)
	if errors.Is(err, board.ErrNoJob) {
		return false, nil
	}
	return true, err
}

// cause is a trigger and its reason in words.
type cause struct{ trigger, reason string }

// trigger says why it is time to train, nil if it is not. The tables are asked only when examples came in, or
// once a minute.
func (w *Watcher) trigger(ctx context.Context, last board.Proposal) (*cause, error) {
	now := w.Now()
	sequence, err := w.Board.Examples(ctx)
	if err != nil {
		return nil, err
	}
	if sequence == w.asked && now.Sub(w.askedAt) < lookAnyway {
		return nil, nil
	}
	byPolicy, oldest, err := w.Tables.Accrued(ctx, w.Options.Pair, last.Through)
	if err != nil {
		return nil, err
	}
	w.asked, w.askedAt = sequence, now
	fresh := 0
	for _, n := range byPolicy {
		fresh += n
	}
	if fresh == 0 {
		return nil, nil
	}
	if c := w.byCount(fresh, byPolicy, now.Sub(oldest)); c != nil {
		return c, nil
	}
	return w.byAlarm(ctx, last)
}

func (w *Watcher) byCount(fresh int, byPolicy map[sluice.Policy]int, age time.Duration) *cause {
	o := w.Options
	switch {
	case o.NewExamples > 0 && fresh >= o.NewExamples:
		return &cause{"count", fmt.Sprintf("%d new examples, %d are enough", fresh, o.NewExamples)}
	case o.PerPolicy > 0 && w.leastOf(byPolicy) >= o.PerPolicy:
		return &cause{"per_policy", fmt.Sprintf("every policy has %d new examples or more, %d are enough", w.leastOf(byPolicy), o.PerPolicy)}
	case o.MaxAge > 0 && age >= o.MaxAge:
		return &cause{"age", fmt.Sprintf("the oldest of %d new examples has waited for %s, %s is long enough", fresh, age.Round(time.Second), o.MaxAge)}
	}
	return nil
}

func (w *Watcher) leastOf(byPolicy map[sluice.Policy]int) int {
	least := -1
	for _, p := range w.Options.Policies {
		if n := byPolicy[p.Name]; least < 0 || n < least {
			least = n
		}
	}
	return least
}

func (w *Watcher) byAlarm(ctx context.Context, last board.Proposal) (*cause, error) {
	for _, rule := range w.Options.Alarms {
		alarms, err := w.Board.Alarms(ctx, rule, last.Job.AskedAt)
		if err != nil {
			return nil, err
		}
		if len(alarms) > 0 {
			var words []string
			for _, a := range alarms {
				words = append(words, a.Message)
			}
			return &cause{"drift", fmt.Sprintf("alarm %s: %s", rule, strings.Join(words, "; "))}, nil
		}
	}
	return nil, nil
}
