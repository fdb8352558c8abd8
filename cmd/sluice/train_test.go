package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/config"
	"sluice/internal/natstest"
	"sluice/postgres"
	"sluice/streams"
	"sluice/trainer/board"
	"sluice/trainer/registry"
	"sluice/trainer/watch"
)

// artifactOfJob1 is an artifact that the training j1 made.
func artifactOfJob1(t *testing.T) (dir, version string) {
	t.Helper()
	dir, version = controlArtifact(t, 1)
	manifest := filepath.Join(dir, "manifest.json")
	data, err := os.ReadFile(manifest)
	if err == nil {
		err = os.WriteFile(manifest, bytes.Replace(data, []byte("{"), []byte(`{"job_id": "j1",`), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, version
}

// onTheBoard hands the log's board to do.
func (p *program) onTheBoard(do func(context.Context, *board.Board) error) {
	p.t.Helper()
	p.withLog(func(ctx context.Context, l *openedLog) {
		m := p.opened()
		w, err := m.openWorkshop(ctx, m.config, l.JS)
		if err == nil {
			err = errors.Join(do(ctx, w.board), w.Close())
		}
		if err != nil {
			p.t.Fatal(err)
		}
	})
}

// twoModels registers the model of job j1 and one that is no job's.
func twoModels(t *testing.T, p *program) (ofJob1, ofNone string) {
	t.Helper()
	dir, ofJob1 := artifactOfJob1(t)
	other, ofNone := controlArtifact(t, 2)
	p.must("model", "import", dir)
	p.must("model", "import", other)
	return ofJob1, ofNone
}

// Whoever promotes by hand what the gate refused hears of it, and why; of other versions nothing.
func TestAPromotionByHandTellsWhatTheGateSaid(t *testing.T) {
	p := newProgram(t)
	version, unjudged := twoModels(t, p)
	p.onTheBoard(func(ctx context.Context, b *board.Board) error {
		_, err := b.Ask(ctx, sluice.TrainingJob{ID: "j1"})
		return errors.Join(err, b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: "refused", Attempt: 1, Sequence: 1, ModelVersion: version, Message: "not surely better than length"}))
	})
	if out, errs, status := p.run("model", "promote", version); status != statusDone || !strings.Contains(out, "is active") || !strings.Contains(errs, "the gate refused "+version+": not surely better than length") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if _, errs, status := p.run("model", "promote", unjudged); status != statusDone || strings.Contains(errs, "gate") {
		t.Errorf("status %d: %s", status, errs)
	}
}

// As a worker leaves it that is killed between the promotion of its model and the word of it.
func TestATrainingWhoseModelDecidesIsNotToldToBeCanceled(t *testing.T) {
	p := newProgram(t)
	dir, version := artifactOfJob1(t)
	p.must("model", "import", dir)
	p.onTheBoard(func(ctx context.Context, b *board.Board) error {
		_, err := b.Ask(ctx, sluice.TrainingJob{ID: "j1"})
		return err
	})
	p.must("model", "promote", version)
	if _, errs, status := p.run("train", "cancel", "j1"); status != statusFailed || !strings.Contains(errs, version+" is active") {
		t.Errorf("status %d, %s", status, errs)
	}
	p.must("model", "rollback")
	p.must("train", "cancel", "j1")
}

func TestATrainingIsAskedForOnceCanceledAndForgotten(t *testing.T) {
	p := newProgram(t).withTables()
	where, _ := p.serve("up", "--upstream", "emulator")
	db := p.db()
	for i := range 70 {
		ask(t, where.NATS, "web", question(fmt.Sprint("q", i), fmt.Sprintf("Which of the wonders, number %d, is %s?", i, strings.Repeat("old ", i%7)), "acme"))
	}
	eventually(t, "seventy examples", func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) == 70 })
	if _, errs, status := p.run("train", "now"); status != statusFailed || !strings.Contains(errs, "a training wants 100 and 25") {
		t.Errorf("from too little: status %d, %s", status, errs)
	}
	few := []string{"--set", "training.min_train=40", "--set", "training.min_test=1"}
	now := append(few, "train", "now", "--json")
	var job, again sluice.TrainingJob
	if err := json.Unmarshal([]byte(p.must(now...)), &job); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(p.must(append(now, "--reason", "again")...)), &again); err != nil || again.ID != job.ID || again.Reason != job.Reason {
		t.Errorf("asked twice: %+v and %+v, %v", job, again, err)
	}
	eventually(t, "the job in the tables", func() bool {
		return countOf(t, db, `SELECT count(*) FROM training_runs WHERE status = 'queued'`) == 1 &&
			countOf(t, db, `SELECT count(*) FROM training_set WHERE run = $1`, job.ID) == job.TrainExamples
	})
	if said := p.must("train", "cancel", job.ID, "--reason", "a test"); !strings.Contains(said, "it is over") {
		t.Errorf("no worker runs: %s", said)
	}
	eventually(t, "the cancellation in the tables", func() bool {
		return countOf(t, db, `SELECT count(*) FROM training_runs WHERE status = 'canceled' AND message LIKE '%a test%'`) == 1
	})
	var status trainingStatus
	if err := json.Unmarshal([]byte(p.must("train", "status", "--json")), &status); err != nil || status.Status != "canceled" {
		t.Errorf("status %+v, %v", status, err)
	}
	if _, _, code := p.run("train", "cancel", job.ID); code != statusFailed {
		t.Errorf("canceled twice: status %d", code)
	}
	// Who is forgotten is in no snapshot either.
	p.must("forget", "--tenant", "acme", "--id", "q7")
	store, err := natstest.Upstream(t, where.NATS).ObjectStore(t.Context(), streams.ObjectStoreArtifacts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.GetInfo(t.Context(), job.Snapshot); err == nil {
		t.Error("the snapshot with the forgotten query is still there")
	}
}

func TestTheLaunchersCommandBeginsBehindTheDashes(t *testing.T) {
	for _, args := range [][]string{{"--once", "--", "sbatch", "--wrap", "x"}, {"--once", "sbatch", "--wrap", "x"}} {
		m, _, _ := newProgram(t).command(append([]string{"train", "launch"}, args...)...)
		if got := strings.Join(m.cli.Train.Launch.words(), " "); got != "sbatch --wrap x" || !m.cli.Train.Launch.Once {
			t.Errorf("%v: command %q, once %v", args, got, m.cli.Train.Launch.Once)
		}
	}
}

func TestATrainerIsGivenQueriesWithoutAGroundTruthWhereTheConfigurationSaysSo(t *testing.T) {
	db, cfg := &postgres.DB{}, config.Default()
	for _, free := range []bool{false, true} {
		cfg.Training.ReferenceFree = free
		w := &workshop{m: &Main{}, cfg: cfg, registry: &registry.Registry{}}
		if got := w.watcher(db).Tables; got != watch.Tables(db.Training(free)) {
			t.Errorf("training.reference_free %t: the trainer reads %+v", free, got)
		}
	}
}

func TestTheLauncherTakesNoMisspeltFlagForItsCommand(t *testing.T) {
	m := &Main{Stdout: io.Discard, Stderr: io.Discard}
	if err := m.ParseFlags([]string{"train", "launch", "--onse", "sbatch"}); err == nil || !strings.Contains(err.Error(), "--onse") {
		t.Errorf("--onse: %v", err)
	}
}

// As a worker leaves it that is interrupted.
func TestATrainingThatWasGivenBackIsShownToWait(t *testing.T) {
	p := newProgram(t)
	p.onTheBoard(func(ctx context.Context, b *board.Board) error {
		_, asked := b.Ask(ctx, sluice.TrainingJob{ID: "j1"})
		lease, err := b.Lease(ctx, "j1", "w1", time.Minute)
		if err := errors.Join(asked, err); err != nil {
			return err
		}
		return errors.Join(b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: "progress", Stage: "router_base", Step: 20, Steps: 96, Attempt: 1, Sequence: 1}), lease.Release(ctx))
	})
	if out := p.must("train", "status"); !strings.Contains(out, "waiting") || !strings.Contains(out, "router_base 20/96") || strings.Contains(out, "progress") {
		t.Errorf("it is shown as\n%s", out)
	}
	var status trainingStatus
	if err := json.Unmarshal([]byte(p.must("train", "status", "--json")), &status); err != nil || status.Status != "waiting" || !strings.Contains(status.Message, "for a worker") {
		t.Errorf("status %+v, %v", status, err)
	}
}
