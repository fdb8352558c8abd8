package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"sluice"
	"sluice/config"
	"sluice/consumers/answer"
	"sluice/evaluation"
	"sluice/postgres"
	"sluice/streams"
	"sluice/trainer/board"
	"sluice/trainer/registry"
	"sluice/trainer/watch"
	"sluice/trainer/worker"
)

// workshop is what trainers and workers have in common.
type workshop struct {
	m         *Main
	cfg       config.Config
	js        jetstream.JetStream
	log       *openedLog // of a command; nil in up
	publisher *streams.Publisher
	board     *board.Board
	registry  *registry.Registry
}

// openWorkshop opens board and registry; its owner closes it.
func (m *Main) openWorkshop(ctx context.Context, cfg config.Config, js jetstream.JetStream) (*workshop, error) {
	publisher, err := streams.NewPublisher(js, streams.PublisherOptions{Log: m.log})
	if err != nil {
		return nil, err
	}
	w := &workshop{m: m, cfg: cfg, js: js, publisher: publisher}
	if w.board, err = board.Open(ctx, js, publisher, time.Now); err == nil {
		w.registry, err = registry.Open(ctx, js, w.board, time.Now)
	}
	if err != nil {
		return nil, errors.Join(err, publisher.Close())
	}
	return w, nil
}

// Close ends the workshop's publisher.
func (w *workshop) Close() error { return w.publisher.Close() }

// watcher makes a trainer that reads the tables. It needs no key of the arms: labels say no more than a pair.
func (w *workshop) watcher(tables *postgres.DB) *watch.Watcher {
	t := w.cfg.Training
	return &watch.Watcher{
		Tables: tables.Training(t.ReferenceFree), Board: w.board, Store: w.registry.Objects(), Now: time.Now, Log: w.m.log, Beside: w.m.beside,
		Options: watch.Options{
			NewExamples: t.NewExamples, PerPolicy: t.PerPolicy, MaxAge: t.MaxAge, Alarms: t.Alarms,
			MinTrain: t.MinTrain, MinTest: t.MinTest, MaxTrain: t.MaxTrain,
			Pair: sluice.PairID(w.cfg.Pair.Medium, w.cfg.Pair.Large, answer.PromptVersion), Medium: w.cfg.Pair.Medium, Large: w.cfg.Pair.Large,
			Policies: w.cfg.PolicySpecs(), Recipe: t.Recipe, Backend: t.Backend, Seed: t.Seed,
		},
	}
}

// trainBeside watches examples and does trainings in this process until ctx is done.
func (m *Main) trainBeside(ctx context.Context, cfg config.Config, js jetstream.JetStream, tables string) (err error) {
	w, err := m.openWorkshop(ctx, cfg, js)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	db, err := postgres.Connect(ctx, tables, "sluice train", 2)
	if err != nil {
		return err
	}
	defer db.Close()
	watcher := w.watcher(db)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return watcher.Run(ctx, cfg.Training.Every) })
	g.Go(func() error { return w.worker().Run(ctx, false) })
	return g.Wait()
}

// worker makes a worker of this process.
func (w *workshop) worker() *worker.Worker {
	return &worker.Worker{
		Board: w.board, Registry: w.registry, Recipe: gemmaRecipe{w.registry}, Shelf: shelf{},
		Dir: filepath.Join(w.cfg.DataDir, "training"), Name: workerName(), Patience: w.cfg.Training.Patience,
		Gate: evaluation.Gate{Metric: w.cfg.Training.Gate, Seed: w.cfg.Training.Seed}, Now: time.Now, Log: w.m.log,
	}
}

// workerName is this process's among all: the host, the process, and a draw for where both are the same.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "somewhere"
	}
	return fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(host, ".", "-"), os.Getpid(), strings.ToLower(rand.Text()[:4]))
}

// withWorkshop opens the log and the workshop for a command.
func (m *Main) withWorkshop(ctx context.Context, client string, u use, do func(*workshop) error) (err error) {
	l, err := m.openLog(ctx, client, u)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	w, err := m.openWorkshop(ctx, m.config, l.JS)
	if err != nil {
		return err
	}
	w.log = l
	defer func() { err = errors.Join(err, w.Close()) }()
	return do(w)
}

// withTables opens the tables for a command, whose context ends where they shut it out.
func (m *Main) withTables(ctx context.Context, client string, do func(context.Context, *postgres.DB) error) (err error) {
	t, err := m.openTables(ctx, postgres.DefaultDatabase)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	db, err := postgres.Connect(ctx, t.URL, "sluice "+client, 2)
	if err != nil {
		return err
	}
	defer db.Close()
	g, gctx := errgroup.WithContext(ctx)
	gctx, done := context.WithCancel(gctx)
	g.Go(func() error { return untilShutOut(gctx, t.URL) })
	g.Go(func() error { defer done(); return do(gctx, db) })
	return g.Wait()
}

// describe is a job in one line.
func describe(job sluice.TrainingJob) string {
	return fmt.Sprintf("job %s: %s train and %s test examples, recipe %s (%s)", job.ID, count(job.TrainExamples), count(job.TestExamples), job.Recipe, job.Reason)
}
