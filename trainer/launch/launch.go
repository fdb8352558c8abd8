// Package launch starts workers elsewhere: for each job of the queue it runs a command, such as one that creates
// a Kubernetes Job, and holds the job until somebody has carried it to its end.
//
// A job enters; an argument list, expanded from a template, is run without a shell. The command need not wait for
// the worker that it starts: what counts is what the worker tells. One that never begins, or falls silent, is
// launched again. The launcher trains nothing and knows no provider.
package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"text/template"
	"time"

	"sluice"
	"sluice/trainer/board"
)

// Launcher hands jobs to a command.
type Launcher struct {
	Board *board.Board
	// Command is the template, word by word; see [Expand].
	Command []string
	// Patience is how long a worker may be silent, Wait how long one may take to begin.
	Patience, Wait time.Duration
	// Output takes what commands print.
	Output io.Writer
	Now    func() time.Time
	Log    *slog.Logger
}

// fields are what a template may name.
type fields struct {
	JobID, Recipe, Backend, Pair string
	TrainExamples                int
}

// Expand fills a command's words in for a job. A word that names an unknown field is an error.
func Expand(command []string, job sluice.TrainingJob) ([]string, error) {
	if len(command) == 0 {
		return nil, errors.New("training.launcher is empty: give it the command that starts a worker, word by word")
	}
	words := make([]string, len(command))
	for i, word := range command {
		t, err := template.New("training.launcher").Option("missingkey=error").Parse(word)
		if err != nil {
			return nil, fmt.Errorf("training.launcher[%d]: %w", i, err)
		}
		var out strings.Builder
		if err := t.Execute(&out, fields{job.ID, job.Recipe, job.Backend, job.Pair, job.TrainExamples}); err != nil {
			return nil, fmt.Errorf("training.launcher[%d]: %w", i, err)
		}
		words[i] = out.String()
	}
	return words, nil
}

// Run launches a worker for every job of the queue, one job at a time, until ctx is done; once ends it after the
// first job that came to its end.
func (l *Launcher) Run(ctx context.Context, once bool) error {
	if _, err := Expand(l.Command, sluice.TrainingJob{}); err != nil {
		return err
	}
	var done bool
	err := l.Board.Work(ctx, l.Patience, l.Log, func(taken *board.Taken) bool {
		done = l.take(ctx, taken)
		return done && once
	})
	if once && !done {
		err = errors.Join(err, ctx.Err())
	}
	return err
}

// take carries a job to its end; false where it goes back to the queue, or was over before.
func (l *Launcher) take(ctx context.Context, taken *board.Taken) (done bool) {
	before, err := l.over(ctx, taken.Job.ID)
	if !before && err == nil {
		err = l.launch(ctx, taken)
	}
	switch {
	case ctx.Err() != nil: // the worker goes on; the next launcher finds it at work
		_ = taken.Back(0)
		return false
	case err != nil:
		l.Log.Warn("a job was not carried to its end; it is launched again", "job", taken.Job.ID, "error", err)
		_ = taken.Back(l.Patience / 2)
		return false
	}
	if err := taken.Done(ctx); err != nil {
		l.Log.Warn("the queue was not told that a job is done", "job", taken.Job.ID, "error", err)
	}
	return !before
}

// launch runs the command unless somebody has the job in hand already, and waits for the job's end.
func (l *Launcher) launch(ctx context.Context, taken *board.Taken) error {
	job := taken.Job
	working, before, err := l.atWork(ctx, job.ID)
	if err != nil {
		return err
	}
	ran := make(chan error, 1)
	if working {
		before = time.Time{} // that one has begun
	} else {
		command, err := Expand(l.Command, job)
		if err != nil {
			return err
		}
		run, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		defer func() { stop(); <-ended }()
		go func() { // ends with the command, at the latest with launch, which waits for it
			defer close(ended)
			ran <- l.command(run, job, command)
		}()
	}
	return l.await(ctx, taken, ran, before)
}

// await waits for the event that ends the job. before is when a worker was last heard of as one was launched: who is
// heard of at another time has begun.
func (l *Launcher) await(ctx context.Context, taken *board.Taken, ran <-chan error, before time.Time) error {
	job, asked := taken.Job, l.Now()
	tick := time.NewTicker(l.Patience / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ran:
			if err != nil { // it may have broken once the job was over
				over, unknown := l.over(ctx, job.ID)
				if over {
					return nil
				}
				return errors.Join(err, unknown)
			}
		case <-tick.C:
		}
		if err := taken.Working(); err != nil {
			l.Log.Debug("sign of life not sent", "error", err)
		}
		working, heard, err := l.atWork(ctx, job.ID)
		if err != nil {
			return err
		}
		// Asked after that: whoever ends a job tells so before it lets go.
		if over, err := l.over(ctx, job.ID); over || err != nil {
			return err
		}
		switch quiet := l.Now().Sub(asked); {
		case working:
		case !heard.Equal(before): // what it had begun another may go on with; only a beginning is waited for
			return errors.New("the worker gave it back, or was not heard of for training.patience")
		case quiet > l.Wait:
			return fmt.Errorf("no worker began within %s", quiet.Round(time.Second))
		}
	}
}

func (l *Launcher) over(ctx context.Context, jobID string) (bool, error) {
	e, ok, err := l.Board.Progress(ctx, jobID)
	return ok && board.Ended(e.Kind), err
}

// atWork says whether a worker has the job in hand and was heard of lately, and when one was last heard of.
func (l *Launcher) atWork(ctx context.Context, jobID string) (working bool, heard time.Time, err error) {
	worker, heard, err := l.Board.Holder(ctx, jobID)
	return worker != "" && l.Now().Sub(heard) < l.Patience, heard, err
}

// command runs the expanded words. The job's id is in SLUICE_JOB_ID, too.
func (l *Launcher) command(ctx context.Context, job sluice.TrainingJob, words []string) error {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "SLUICE_JOB_ID="+job.ID)
	cmd.Stdout, cmd.Stderr = l.Output, l.Output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	l.Log.Info("launching a worker", "job", job.ID, "command", words[0])
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("launch a worker with %s: %w", words[0], err)
	}
	return nil
}
