package worker_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/evaluation"
	"sluice/internal/natstest"
	"sluice/routing"
	"sluice/streams"
	"sluice/trainer/board"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
	"sluice/trainer/worker"
)

const steps = 8

// counter is a recipe that folds the rows into a number, step by step, and checkpoints each.
type counter struct {
	// knows is "hash" for a router that knows which queries are hard, "nothing" for one that doesn't.
	knows string
	// step, where set, is called before every step.
	step func(ctx context.Context, step int)
	err  error
}

type point struct {
	Step int    `json:"step"`
	Sum  string `json:"sum"`
}

func (c *counter) Train(ctx context.Context, job sluice.TrainingJob, s *snapshot.Snapshot, dir string, tell func(worker.Progress)) (string, error) {
	var at point
	if data, err := os.ReadFile(filepath.Join(dir, "checkpoint")); err == nil {
		if err := json.Unmarshal(data, &at); err != nil {
			return "", err
		}
	}
	for ; at.Step < steps; at.Step++ {
		if c.step != nil {
			c.step(ctx, at.Step)
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if c.err != nil {
			return "", c.err
		}
		h := sha256.New()
		fmt.Fprint(h, at, job.Seed)
		for _, r := range s.Train {
			fmt.Fprint(h, r.Text, r.Policy)
		}
		next := point{at.Step + 1, hex.EncodeToString(h.Sum(nil))}
		data, _ := json.Marshal(next)
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "new"), data, 0o644), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "checkpoint"))); err != nil {
			return "", err
		}
		at.Sum = next.Sum
		tell(worker.Progress{Kind: "progress", Stage: "router_base", Step: at.Step + 1, Steps: steps, Loss: 1 / float64(at.Step+1)})
	}
	return writeArtifact(filepath.Join(dir, "artifact"), "counted", job.ID, c.knows, at.Sum)
}

func writeArtifact(dir, kind, jobID, knows, weights string) (string, error) {
	manifest, _ := json.Marshal(map[string]any{"kind": kind, "version": kind + "-" + weights[:12], "job_id": jobID, "files": map[string]string{"weights": weights}})
	return dir, errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "weights"), []byte(knows), 0o644),
		os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o644))
}

// hard says whether only the large model knows a query's answer, by nothing that a word could tell.
func hard(text string) bool {
	sum := sha256.Sum256([]byte(text))
	return sum[0]%2 == 0
}

type router struct{ version, knows string }

func (r router) Version() string { return r.version }
func (r router) Route(_ context.Context, q routing.Request) (routing.Choice, error) {
	score := 0.5
	if r.knows == "hash" && hard(q.Text) {
		score = 0.9
	}
	return routing.Choice{Version: r.version, Probabilities: map[sluice.Policy]float64{sluice.Complex: score}}, nil
}

// shelf opens and keeps what the tests make.
type shelf struct{}

func (shelf) Open(_ context.Context, dir string) (routing.Router, error) {
	m, err := registry.Inspect(dir)
	if err != nil {
		return nil, err
	}
	knows, err := os.ReadFile(filepath.Join(dir, "weights"))
	return router{m.Version, string(knows)}, err
}

func (shelf) Keep(_ context.Context, job sluice.TrainingJob, _ *snapshot.Snapshot, c evaluation.Router, dir string) (string, error) {
	if c.Name() == "length" {
		return "", errors.ErrUnsupported
	}
	return writeArtifact(dir, c.Name(), job.ID, "words", "fitted-weights")
}

func (shelf) Note(string, map[string]float64) error { return nil }

// examples are n rows; every fifth is of the test split. label says whether a query is hard.
func examples(n int, label func(text string) bool, text func(i int) string) []sluice.TrainingExample {
	var all []sluice.TrainingExample
	for i := range n {
		r := sluice.TrainingExample{ID: fmt.Sprint("e", i), Key: fmt.Sprintf("k%05d", i), Split: sluice.Train, Text: text(i), Policy: sluice.Standard}
		g := &sluice.Graded{Medium: sluice.Correct, Large: sluice.Correct, MediumCost: 10, LargeCost: 100}
		if label(r.Text) {
			r.Policy, g.Medium = sluice.Complex, sluice.Incorrect
		}
		if i%3 == 0 {
			r.Split, r.Graded = sluice.Test, g
		}
		all = append(all, r)
	}
	return all
}

func numbered(i int) string { return fmt.Sprintf("Which is the %dth of them?", i) }

// site is a log with a board and a registry.
type site struct {
	js       jetstream.JetStream
	board    *board.Board
	registry *registry.Registry
}

func newSite(t *testing.T, js jetstream.JetStream) *site {
	t.Helper()
	s, err := openSite(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openSite(ctx context.Context, js jetstream.JetStream) (*site, error) {
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		return nil, err
	}
	b, err := board.Open(ctx, js, p, time.Now)
	if err != nil {
		return nil, err
	}
	r, err := registry.Open(ctx, js, b, time.Now)
	return &site{js, b, r}, err
}

func logSite(t *testing.T) *site { t.Helper(); return newSite(t, natstest.Log(t)) }

// ask stores a snapshot and asks for its job.
func (s *site) ask(t *testing.T, id string, rows []sluice.TrainingExample) sluice.TrainingJob {
	t.Helper()
	snap, err := snapshot.New("p", "m", "l", sluice.DefaultPolicies(), rows)
	must(t, err)
	file, digest, err := snap.Encode()
	must(t, err)
	job := sluice.TrainingJob{
		ID: id, Trigger: "hand", Snapshot: snapshot.Name(id), SnapshotDigest: digest, TrainExamples: len(snap.Train),
		TestExamples: len(snap.Test), Recipe: "default", Seed: 7, AskedAt: time.Now(),
	}
	must(t, s.registry.Objects().PutSnapshot(t.Context(), job.Snapshot, file))
	_, err = s.board.Ask(t.Context(), job)
	must(t, err)
	return job
}

func (s *site) worker(dir, name string, r worker.Recipe) *worker.Worker {
	return &worker.Worker{
		Board: s.board, Registry: s.registry, Recipe: r, Shelf: shelf{}, Dir: dir, Name: name, Patience: 5 * time.Second,
		Gate: evaluation.Gate{Draws: 300}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// events are what was told of a job, in order.
func (s *site) events(t *testing.T, jobID string) []sluice.TrainingEvent {
	t.Helper()
	var all []sluice.TrainingEvent
	for m, err := range streams.Scan(t.Context(), s.js, streams.StreamTraining, streams.Window{Filter: streams.ToldFilter(jobID)}) {
		must(t, err)
		e, err := streams.Decode[sluice.TrainingEvent](m.Data)
		must(t, err)
		all = append(all, e)
	}
	return all
}

func last(t *testing.T, s *site, jobID string) sluice.TrainingEvent {
	t.Helper()
	all := s.events(t, jobID)
	if len(all) == 0 {
		t.Fatalf("nothing was told of %s", jobID)
	}
	return all[len(all)-1]
}

func kinds(events []sluice.TrainingEvent) string {
	text := ""
	for _, e := range events {
		if e.Kind != "progress" {
			text += strconv.Itoa(e.Attempt) + ":" + e.Kind + " "
		}
	}
	return text
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
