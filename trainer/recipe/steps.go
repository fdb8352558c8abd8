package recipe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/gemma/learn"
)

// ErrStuck says that a step did not come back within [stepTimeout]. Its goroutine still runs and can't be stopped:
// whoever gets this error must end the process; the run goes on from its last checkpoint.
var ErrStuck = errors.New("a training step hangs")

// stepTimeout is how long one step may take: many times what one does on any machine that is fit for its model.
const stepTimeout = 5 * time.Minute

// reportEvery is the number of steps between two progress events.
const reportEvery = 10

// stage is a number of optimiser steps.
type stage struct {
	name  string
	hyper learn.Hyper
	steps int
	step  func(i int) (learn.Report, error)
	// candidate says after how many steps the weights are weighed on the validation slice.
	candidate func(done int) bool
}

// steps runs what is left of a stage.
func (r *run) steps(ctx context.Context, s stage) error {
	var err error
	if r.trainer, err = learn.NewTrainer(r.model, s.hyper); err != nil {
		return err
	}
	if err := r.restoreTrainer(); err != nil {
		return err
	}
	r.point.Stage = s.name
	r.progress(Progress{Kind: "started", Stage: s.name, Step: r.point.Step, Steps: s.steps})
	var seen means
	for r.point.Step < s.steps {
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), r.save())
		}
		report, err := watched(func() (learn.Report, error) { return s.step(r.point.Step) })
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.point.Step++
		seen.add(report)
		done := r.point.Step == s.steps
		if r.point.Step%reportEvery == 0 || done {
			r.progress(seen.progress("progress", s, r.point.Step))
		}
		if s.candidate(r.point.Step) {
			if err := r.weigh(ctx); err != nil {
				return err
			}
		}
		if r.options.Checkpoints != "" && r.point.Step%r.options.CheckpointEvery == 0 && !done {
			if err := r.save(); err != nil {
				return err
			}
			r.progress(Progress{Kind: "checkpoint", Stage: s.name, Step: r.point.Step, Steps: s.steps})
		}
	}
	r.progress(Progress{Kind: "stage_done", Stage: s.name, Step: s.steps, Steps: s.steps, Message: r.found(s.name)})
	return nil
}

// watched runs a step under the watchdog.
func watched(step func() (learn.Report, error)) (learn.Report, error) {
	type result struct {
		report learn.Report
		err    error
	}
	done := make(chan result, 1)
	go func() { // ends with the step; waited for below, unless it hangs
		report, err := step()
		done <- result{report, err}
	}()
	timer := time.NewTimer(stepTimeout)
	defer timer.Stop()
	select {
	case d := <-done:
		return d.report, d.err
	case <-timer.C:
		return learn.Report{}, fmt.Errorf("%w: no end after %s", ErrStuck, stepTimeout)
	}
}

// means adds reports up between two progress events.
type means struct {
	loss, margin float64
	n            int
}

func (m *means) add(r learn.Report) {
	m.loss, m.margin, m.n = m.loss+r.Loss, m.margin+r.Margin, m.n+1
}

func (m *means) progress(kind string, s stage, step int) Progress {
	n := float64(max(m.n, 1))
	p := Progress{Kind: kind, Stage: s.name, Step: step, Steps: s.steps, Loss: m.loss / n, Margin: m.margin / n}
	*m = means{}
	return p
}
