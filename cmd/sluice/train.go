package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/postgres"
	"sluice/trainer/board"
	"sluice/trainer/launch"
)

// trainCmd is about trainings.
type trainCmd struct {
	Watch  trainWatchCmd  `cmd:"" help:"Watch examples accrue, and ask for a training when it is time. Any number of copies ask once."`
	Worker trainWorkerCmd `cmd:"" help:"Take trainings off the queue and do them: train, evaluate, register, promote or refuse."`
	Launch trainLaunchCmd `cmd:"" help:"Take trainings off the queue and start a worker elsewhere for each, by training.launcher."`
	Now    trainNowCmd    `cmd:"" help:"Ask for a training whatever the triggers say. The same examples, recipe and seed are the same training."`
	Cancel trainCancelCmd `cmd:"" help:"End a training that waits or is at work."`
	Status trainStatusCmd `cmd:"" help:"List trainings and how far they are."`
}

type trainWatchCmd struct{ metricsFlag }

// Run watches until interrupted.
func (c *trainWatchCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "train watch", toRun, func(w *workshop) error {
		return m.withTables(ctx, "train watch", func(ctx context.Context, db *postgres.DB) error {
			watcher := w.watcher(db)
			m.log.Info("watching examples accrue", "every", m.config.Training.Every)
			return m.beAlone(ctx, c.metricsFlag, w.log, func() error { return watcher.Run(ctx, m.config.Training.Every) })
		})
	})
}

type trainWorkerCmd struct {
	Once bool   `help:"End after one training."`
	Job  string `placeholder:"ID" env:"SLUICE_JOB_ID" help:"Do this one, which the queue need not know of: for launchers."`
	metricsFlag
}

// Run works until interrupted. What became of a training is in its events, not in the exit status.
func (c *trainWorkerCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "train worker", toRun, func(w *workshop) error {
		worker := w.worker()
		if c.Job != "" {
			return worker.Do(ctx, c.Job)
		}
		m.log.Info("waiting for trainings", "worker", worker.Name)
		return m.beAlone(ctx, c.metricsFlag, w.log, func() error { return worker.Run(ctx, c.Once) })
	})
}

type trainLaunchCmd struct {
	Once    bool     `help:"End after one training."`
	Command []string `arg:"" optional:"" passthrough:"partial" help:"The command, word by word, in place of training.launcher."`
	metricsFlag
}

// Run launches until interrupted.
func (c *trainLaunchCmd) Run(ctx context.Context, m *Main) error {
	t := m.config.Training
	if words := c.words(); len(words) > 0 {
		t.Launcher = words
	}
	return m.withWorkshop(ctx, "train launch", toRun, func(w *workshop) error {
		l := launch.Launcher{
			Board: w.board, Command: t.Launcher, Patience: t.Patience, Wait: t.LaunchWait, Output: m.Stderr, Now: time.Now, Log: m.log,
		}
		return m.beAlone(ctx, c.metricsFlag, w.log, func() error { return l.Run(ctx, c.Once) })
	})
}

// words is the command without the dashes that part it from our own flags.
func (c *trainLaunchCmd) words() []string {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		return c.Command[1:]
	}
	return c.Command
}

type trainNowCmd struct {
	Reason string  `default:"by hand" help:"Why, for the record."`
	Recipe string  `placeholder:"NAME" help:"In place of training.recipe."`
	Seed   *uint64 `placeholder:"N" help:"In place of training.seed."`
	JSON   bool    `name:"json" help:"Print the job as one JSON object."`
}

// Run asks.
func (c *trainNowCmd) Run(ctx context.Context, m *Main) error {
	if c.Recipe != "" {
		m.config.Training.Recipe = c.Recipe
	}
	if c.Seed != nil {
		m.config.Training.Seed = *c.Seed
	}
	if err := m.config.Validate(); err != nil {
		return err
	}
	return m.withWorkshop(ctx, "train now", toLook, func(w *workshop) error {
		return m.withTables(ctx, "train now", func(ctx context.Context, db *postgres.DB) error {
			watcher := w.watcher(db)
			job, asked, err := watcher.Hand(ctx, c.Reason)
			if errors.Is(err, board.ErrLost) {
				return fmt.Errorf("%w: it asked for a training at this moment; sluice train status shows it", err)
			}
			if err != nil {
				return err
			}
			if !asked {
				fmt.Fprintln(m.Stderr, "this training was asked for before: the same examples, recipe and seed; --seed makes another one")
				first, err := w.board.Job(ctx, job.ID)
				if err != nil {
					return err
				}
				job = &first // with the reason that it has
			}
			if c.JSON {
				return printJSON(m.Stdout, job)
			}
			fmt.Fprintln(m.Stdout, describe(*job))
			if asked {
				fmt.Fprintln(m.Stderr, "a worker does it: sluice train worker, or the one of sluice up --train; sluice train status tells how far it is")
			}
			return nil
		})
	})
}

type trainCancelCmd struct {
	Job    string `arg:"" help:"The training's id."`
	Reason string `default:"by hand" help:"Why, for the record."`
}

// Run cancels.
func (c *trainCancelCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "train cancel", toLook, func(w *workshop) error {
		if _, err := w.board.Job(ctx, c.Job); err != nil {
			return err
		}
		if e, ok, err := w.board.Progress(ctx, c.Job); err != nil || ok && board.Ended(e.Kind) {
			if err == nil {
				err = fmt.Errorf("job %s is over: %s", c.Job, e.Kind)
			}
			return err
		}
		// Whoever promoted it may have been killed before it could tell; who takes the job next does.
		if p, yes, err := w.registry.PromotionOf(ctx, c.Job); err != nil || yes && p.Active {
			if err == nil {
				err = fmt.Errorf("job %s is done: its model %s is active; sluice model rollback takes that back", c.Job, p.Version)
			}
			return err
		}
		over, err := w.board.Cancel(ctx, c.Job, "train cancel", c.Reason, m.config.Training.Patience)
		if err != nil {
			return err
		}
		said := "the worker that has it ends it between two steps"
		if over {
			said = "it is over; no worker had it in hand"
		}
		fmt.Fprintf(m.Stdout, "job %s: %s\n", c.Job, said)
		return nil
	})
}

type trainStatusCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// trainingStatus is a training as programs read it.
type trainingStatus struct {
	Job     string    `json:"job_id"`
	Status  string    `json:"status"`
	Stage   string    `json:"stage,omitempty"`
	Step    int       `json:"step,omitempty"`
	Steps   int       `json:"steps,omitempty"`
	Loss    float64   `json:"loss,omitempty"`
	Model   string    `json:"model_version,omitempty"`
	Message string    `json:"message,omitempty"`
	Trigger string    `json:"trigger"`
	Train   int       `json:"train_examples"`
	Test    int       `json:"test_examples"`
	AskedAt time.Time `json:"asked_at"`
	At      time.Time `json:"at"`
}

// Run lists.
func (c *trainStatusCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "train status", toLook, func(w *workshop) error {
		jobs, err := w.board.Jobs(ctx, m.config.Training.Patience)
		if err != nil {
			return err
		}
		table := newTable(m.Stdout, "job", "asked", "trigger", "examples", "status", "step", "loss", "message").numbers(4, 7)
		for _, s := range jobs {
			t := trainingStatus{
				Job: s.Job.ID, Status: "asked", Trigger: s.Job.Trigger, Train: s.Job.TrainExamples, Test: s.Job.TestExamples, AskedAt: s.Job.AskedAt,
			}
			if e := s.Last; s.Told {
				t.Status, t.Stage, t.Step, t.Steps, t.Loss, t.Model, t.Message, t.At = e.Kind, e.Stage, e.Step, e.Steps, e.Loss, e.ModelVersion, e.Message, e.At
			}
			if s.Waiting {
				t.Status, t.Message = "waiting", "for a worker: the last one gave it back, or is silent"
			}
			if c.JSON {
				if err := printJSON(m.Stdout, t); err != nil {
					return err
				}
				continue
			}
			step, loss := "", ""
			if t.Steps > 0 {
				step = fmt.Sprintf("%s %d/%d", t.Stage, t.Step, t.Steps)
			}
			if t.Loss > 0 { // a checkpoint tells none
				loss = fmt.Sprintf("%.3f", t.Loss)
			}
			table.row(t.Job, t.AskedAt.Format(time.DateTime), t.Trigger, count(t.Train), t.Status, step, loss, clip(t.Message, 60))
		}
		if c.JSON {
			return nil
		}
		if len(jobs) == 0 {
			fmt.Fprintln(m.Stdout, "no training was asked for yet; sluice train now asks for one")
			return nil
		}
		table.flush()
		return nil
	})
}
