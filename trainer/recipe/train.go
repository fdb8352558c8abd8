package recipe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/gemma/learn"
	"sluice/trainer/dataset"
)

// Train makes a router of a set and returns the directory of its artifact, below Options.Dir. progress, if not
// nil, hears of every few steps on the calling goroutine. When ctx ends, the run stops between two steps, writes a
// checkpoint where it keeps any, and returns the cause; the same call then goes on from there, as it does
// after the process was killed.
func Train(ctx context.Context, set dataset.Set, o Options, progress func(Progress)) (dir string, report Report, err error) {
	if o, err = o.withDefaults(); err != nil {
		return "", Report{}, err
	}
	begun := time.Now()
	r, err := newRun(ctx, set, o, progress)
	if err != nil {
		return "", Report{}, err
	}
	backend, err := learn.OpenBackend(o.Backend)
	if err != nil {
		return "", Report{}, fmt.Errorf("train: training.backend: %w", err)
	}
	defer func() {
		if !errors.Is(err, ErrStuck) { // a step that hangs still uses it
			backend.Close()
		}
	}()
	if r.model, err = learn.NewModel(backend, r.start.model.Config, r.start.model.Weights, r.start.learn); err != nil {
		return "", Report{}, fmt.Errorf("train: %w", err)
	}
	defer func() {
		if !errors.Is(err, ErrStuck) {
			r.model.Close()
		}
	}()
	if err := r.stages(ctx); err != nil {
		return "", r.report, fmt.Errorf("train: %w", err)
	}
	r.report.Seconds = time.Since(begun).Seconds()
	dir, err = r.seal(ctx)
	return dir, r.report, err
}

// run is one training.
type run struct {
	options  Options
	start    start
	set      dataset.Set
	train    []dataset.Row
	aside    []dataset.Row
	progress func(Progress)

	model   *learn.Model
	trainer *learn.Trainer
	point   checkpoint // where the run is; written as it is
	report  Report
}

func newRun(ctx context.Context, set dataset.Set, o Options, progress func(Progress)) (*run, error) {
	train, aside, err := divide(set.Rows(), o.Policies, o.Seed)
	if err != nil {
		return nil, err
	}
	s, err := begin(ctx, train, o)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	r := &run{options: o, start: s, set: set, train: train, aside: aside, progress: progress}
	r.report = Report{Rows: len(train), Validation: len(aside), PriorNLL: priorNLL(train, aside, o.Policies)}
	return r, nil
}

// stages runs SFT and DPO, or what is left of them.
func (r *run) stages(ctx context.Context) error {
	if err := r.resume(); err != nil {
		return err
	}
	if r.point.Stage != StageFinal {
		if err := r.sft(ctx); err != nil {
			return err
		}
	}
	return r.dpo(ctx)
}

// sft is the stage router_base.
func (r *run) sft(ctx context.Context) error {
	var batches []learn.Batch
	ends := map[int]bool{}
	for epoch := range r.options.Epochs {
		more, err := r.start.sftEpoch(r.train, r.options.Policies, r.options.Seed+uint64(epoch))
		if err != nil {
			return err
		}
		batches = append(batches, more...)
		ends[len(batches)] = true
	}
	err := r.steps(ctx, stage{
		name: StageBase, hyper: r.start.hyper(len(batches), r.start.rate), steps: len(batches),
		step: func(i int) (learn.Report, error) {
			r.count(batches[i])
			return r.trainer.SFT(batches[i])
		},
		candidate: func(done int) bool { return ends[done] },
	})
	if err != nil {
		return err
	}
	return r.turn()
}

// turn is between the stages: the model as it is becomes DPO's frozen reference.
func (r *run) turn() error {
	pairs, err := r.pairs()
	if err != nil {
		return err
	}
	r.point.References = nil
	for _, p := range pairs {
		reference, err := r.model.LogProbs(p.Batch)
		if err != nil {
			return err
		}
		r.point.References = append(r.point.References, reference)
	}
	r.point.Stage, r.point.Step = StageFinal, 0
	return nil
}

func (r *run) pairs() ([]learn.Pairs, error) {
	return r.start.dpoEpoch(r.train, r.options.Policies, r.options.Seed+uint64(r.options.Epochs))
}

// dpo is the stage router_final.
func (r *run) dpo(ctx context.Context) error {
	pairs, err := r.pairs()
	if err != nil {
		return err
	}
	if len(pairs) != len(r.point.References) {
		return useless(fmt.Errorf("%d batches of pairs and %d of references: it is of another version", len(pairs), len(r.point.References)))
	}
	return r.steps(ctx, stage{
		name: StageFinal, hyper: r.start.hyper(len(pairs), r.start.dpoRate), steps: len(pairs),
		step: func(i int) (learn.Report, error) {
			p := pairs[i]
			p.Reference = r.point.References[i]
			r.count(p.Batch)
			return r.trainer.DPO(r.start.beta, p)
		},
		candidate: func(done int) bool { return done == len(pairs) },
	})
}

func (r *run) count(b learn.Batch) {
	r.report.Steps++
	r.report.Tokens += int64(b.Rows * b.Width)
	r.report.FLOPs += learn.MatMulFLOPs(r.start.model.Config, int64(b.Rows*b.Width), int64(b.Rows*b.Slots))
}
