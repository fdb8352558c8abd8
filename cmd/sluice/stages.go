package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/bulkhead"
	"sluice/config"
	"sluice/consumers"
	"sluice/consumers/analysis"
	"sluice/consumers/answer"
	"sluice/consumers/intake"
	"sluice/consumers/judge"
	"sluice/consumers/label"
	"sluice/consumers/monitor"
	"sluice/consumers/record"
	"sluice/consumers/training"
	"sluice/llm"
	"sluice/meter"
	"sluice/operate"
	"sluice/postgres"
	"sluice/streams"
	"sluice/telemetry"
)

// stageVersion is the version of every stage's durables. It is not the judge's or the analysis's version:
// a new one of those holds for what comes from then on, and sluice replay takes it to what was there.
const stageVersion = record.Version

// lettersEvery is how often a copy of record compares the dead letters of the tables with the log's.
const lettersEvery = 5 * time.Second

// parts is what stages are made of. What a stage does not need may be nil.
type parts struct {
	cfg    config.Config
	js     jetstream.JetStream
	caller *llm.Caller
	// inFlight is the journal of caller's calls; nil: none.
	inFlight *callsInFlight
	// tables is the URL of the database, for record, training and monitor.
	tables string
	// log takes the lines of stages that have some to tell; nil: nobody hears them.
	log *slog.Logger
	// process is what the monitor's metrics say of this process, metrics is told where they are; nil: nobody asks.
	process *meter.Process
	metrics *metricsAt
	// ready says why the process is not ready; nil: it always is.
	ready func() error
	// tracing makes spans of messages and calls; nil: none.
	tracing *telemetry.Tracing
	// beside contains panics of what runs beside the stages; nil: they end the process.
	beside *bulkhead.Bulkhead
	// patience is how long a Postgres that is away is waited for at the start; zero: not at all.
	patience time.Duration
}

// built is stages ready to run, and what they hold open.
type built struct {
	stages []consumers.Stage
	// tasks run beside the stages until their context ends.
	tasks []func(context.Context) error
	close []func()
}

// Close gives back what the stages hold. They must have ended.
func (b *built) Close() {
	for _, c := range b.close {
		c()
	}
}

// build makes the named stages. The caller closes the result.
func (p parts) build(ctx context.Context, names []string) (*built, error) {
	b := &built{}
	latest, err := streams.NewLatest(p.js)
	if err != nil {
		return nil, err
	}
	b.close = append(b.close, func() { _ = latest.Close() })
	for _, name := range names {
		stages, err := p.stage(ctx, name, latest, b)
		if err == nil {
			stages[0].Terms, err = p.terms(ctx, name) // the first alone: what one says of a process is enough
		}
		if err != nil {
			b.Close()
			return nil, err
		}
		for _, s := range stages {
			b.stages = append(b.stages, p.conditions(s))
		}
	}
	return b, nil
}

// conditions fills in how a stage is run.
func (p parts) conditions(s consumers.Stage) consumers.Stage {
	s.Version = stageVersion
	for _, c := range p.cfg.Stages.All() {
		if c.Name == s.Name {
			s.Concurrency, s.Attempts, s.Deadline = c.Concurrency, c.Attempts, c.Deadline
		}
	}
	return s
}

// inputsOf lists what a stage reads.
func inputsOf(stage string) []consumers.Input {
	whole := func(stream string) []consumers.Input {
		return []consumers.Input{{Stream: stream, Durable: streams.DurableName(stage, stageVersion)}}
	}
	lane := func(lane string) consumers.Input {
		return consumers.Input{
			Stream: streams.StreamAccepted, Durable: streams.DurableName(stage, stageVersion, lane),
			Filters: []string{streams.AcceptedFilter(lane)},
		}
	}
	switch stage {
	case intake.Name:
		return whole(streams.StreamQueries)
	case answer.Name:
		return []consumers.Input{lane(streams.LaneUrgent), lane(streams.LaneNormal)}
	case judge.Name:
		return whole(streams.StreamAnswers)
	case label.Name:
		return whole(streams.StreamVerdicts)
	case analysis.Name:
		return whole(streams.StreamLabels)
	case record.Name:
		var inputs []consumers.Input
		for _, in := range record.Inputs() {
			inputs = append(inputs, consumers.Input{Stream: in.Stream, Durable: in.Durable})
		}
		return inputs
	case training.Name:
		return []consumers.Input{
			{Stream: streams.StreamJobs, Durable: streams.DurableName(stage, stageVersion, "jobs")},
			{Stream: streams.StreamTraining, Durable: streams.DurableName(stage, stageVersion, "events")},
		}
	case monitor.Name:
		var inputs []consumers.Input
		for _, in := range monitor.Inputs() {
			inputs = append(inputs, consumers.Input{Stream: in.Stream, Durable: in.Durable})
		}
		return inputs
	}
	return nil
}

// stage makes one stage; record is one for each stream, so that none waits for another.
func (p parts) stage(ctx context.Context, name string, latest *streams.Latest, b *built) ([]consumers.Stage, error) {
	s := consumers.Stage{Name: name, Inputs: inputsOf(name)}
	var err error
	switch name {
	case intake.Name:
		s.Handler, err = p.intake(latest)
	case answer.Name:
		s.Handler, err = p.answer(ctx, latest)
	case judge.Name:
		s.Handler, err = judge.New(asker{p.caller}, latest, judge.Options{
			Model: p.cfg.Judge.Model, Version: p.cfg.Judge.Version, Shortcut: p.cfg.Judge.Shortcut,
		})
	case label.Name:
		s.Batch, err = p.label(ctx, latest)
	case analysis.Name:
		s.SharedWork = true
		s.Handler, err = analysis.New(asker{p.caller}, latest, analysis.Options{Model: p.cfg.Analysis.Model, Version: p.cfg.Analysis.Version})
	case record.Name:
		return p.record(ctx, b)
	case training.Name:
		s.Batch, err = p.training(ctx, b)
	case monitor.Name:
		return p.monitor(ctx, b)
	default:
		return nil, usagef("there is no stage %q: want intake, answer, judge, label, analysis, record, training or monitor", name)
	}
	return []consumers.Stage{s}, err
}

// terms are the keys of the configuration, and their values, that make of one message one thing or another, or the
// tables that it is written to.
func (p parts) terms(ctx context.Context, stage string) (string, error) {
	c := p.cfg
	switch stage {
	case intake.Name:
		return fmt.Sprintf("split.seed %d, split.train_share %g, query.max_bytes %d, privacy.scrub_sources %v",
			c.Split.Seed, c.Split.TrainShare, c.Query.MaxBytes, c.Privacy.ScrubSources), nil
	case answer.Name:
		return fmt.Sprintf("pair.medium %s, pair.large %s", c.Pair.Medium, c.Pair.Large), nil
	case judge.Name:
		return fmt.Sprintf("judge.version %s, judge.model %s, judge.shortcut %t", c.Judge.Version, c.Judge.Model, c.Judge.Shortcut), nil
	case label.Name:
		matrix, err := c.OracleMatrix()
		return "matrix " + matrix.Version(), err
	case analysis.Name:
		return fmt.Sprintf("analysis.version %s, analysis.model %s", c.Analysis.Version, c.Analysis.Model), nil
	}
	return p.whichTables(ctx)
}

// whichTables are the terms of the stages that write to tables: copies that write to different ones have a part each.
func (p parts) whichTables(ctx context.Context) (string, error) {
	db, err := postgres.Connect(ctx, p.tables, "sluice terms", 1)
	if err != nil {
		return "", err
	}
	defer db.Close()
	return db.Identity(ctx)
}

func (p parts) intake(latest *streams.Latest) (*intake.Stage, error) {
	return intake.New(latest, intake.Options{
		MaxQueryBytes: p.cfg.Query.MaxBytes, Seed: p.cfg.Split.Seed, TrainShare: p.cfg.Split.TrainShare,
		ScrubSources: p.cfg.Privacy.ScrubSources, Now: time.Now,
	})
}

// armKey is SLUICE_ARM_KEY, or the key that is kept in the log.
func (p parts) armKey(ctx context.Context) (sluice.ArmKey, error) {
	secret := []byte(p.cfg.Secrets.ArmKey.Reveal())
	if len(secret) == 0 {
		var err error
		if secret, err = streams.ArmSecret(ctx, p.js); err != nil {
			return sluice.ArmKey{}, err
		}
	}
	return sluice.NewArmKey(secret)
}

func (p parts) answer(ctx context.Context, latest *streams.Latest) (*answer.Stage, error) {
	key, err := p.armKey(ctx)
	if err != nil {
		return nil, err
	}
	return answer.New(asker{p.caller}, latest, answer.Options{
		Medium: answer.Model{Name: p.cfg.Pair.Medium}, Large: answer.Model{Name: p.cfg.Pair.Large}, Key: key, Now: time.Now,
		Log: p.log,
	})
}

func (p parts) label(ctx context.Context, latest *streams.Latest) (*label.Stage, error) {
	key, err := p.armKey(ctx)
	if err != nil {
		return nil, err
	}
	matrix, err := p.cfg.OracleMatrix()
	if err != nil {
		return nil, err
	}
	return label.New(latest, key, matrix)
}

// record opens the tables once for all of the stage's streams, and tells them what labels mean: they are
// written by policies and matrix of the configuration.
func (p parts) record(ctx context.Context, b *built) ([]consumers.Stage, error) {
	if p.tables == "" {
		return nil, errors.New("record: no tables")
	}
	if err := p.register(ctx); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	recorder, err := postgres.OpenRecorder(ctx, p.tables, p.cfg.Postgres.MaxConns)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	b.close = append(b.close, recorder.Close)
	b.tasks = append(b.tasks, p.repeated(lettersEvery, "compare the dead letters of tables and log", func(ctx context.Context) error {
		return operate.CompareLetters(ctx, p.js, recorder)
	}))
	handler := record.New(recorder, 0, time.Now)
	var stages []consumers.Stage
	for _, in := range inputsOf(record.Name) {
		stages = append(stages, consumers.Stage{Name: record.Name, Inputs: []consumers.Input{in}, Batch: handler, Linger: record.LingerOf(in.Stream)})
	}
	return stages, nil
}

// training opens the tables for what trainings tell.
func (p parts) training(ctx context.Context, b *built) (*training.Handler, error) {
	if p.tables == "" {
		return nil, errors.New("training: no tables")
	}
	recorder, err := postgres.OpenRecorder(ctx, p.tables, 2)
	if err != nil {
		return nil, fmt.Errorf("training: %w", err)
	}
	b.close = append(b.close, recorder.Close)
	return training.New(recorder), nil
}

// register tells the tables the policies and the matrix in force.
func (p parts) register(ctx context.Context) error {
	matrix, err := p.cfg.OracleMatrix()
	if err != nil {
		return err
	}
	db, err := postgres.Connect(ctx, p.tables, "sluice register", 1)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.RegisterPolicies(ctx, p.cfg.PolicySpecs()); err != nil {
		return err
	}
	return db.RegisterMatrix(ctx, matrix)
}
