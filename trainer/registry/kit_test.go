package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/routing"
	"sluice/trainer/registry"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// told collects what the registry tells.
type told struct {
	mu     sync.Mutex
	events []sluice.TrainingEvent
}

func (t *told) Tell(_ context.Context, events ...sluice.TrainingEvent) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, events...)
	return nil
}

func (t *told) kinds() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, e := range t.events {
		all = append(all, e.Kind+":"+e.ModelVersion)
	}
	return strings.Join(all, " ")
}

// artifact makes a directory of a router that answers with its version.
func artifact(t *testing.T, version, weights string) string {
	t.Helper()
	dir := t.TempDir()
	manifest, err := json.Marshal(map[string]any{
		"kind": "fake", "version": version, "created_at": noon, "metrics": map[string]any{"apgr": 0.5}, "job_id": "job-" + version,
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "manifest.json"), string(manifest))
	write(t, filepath.Join(dir, "deep", "weights.bin"), weights)
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) (*registry.Registry, jetstream.JetStream, *told) {
	t.Helper()
	js, heard := natstest.Log(t), &told{}
	r, err := registry.Open(t.Context(), js, heard, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return r, js, heard
}

func add(t *testing.T, r *registry.Registry, version string) registry.Model {
	t.Helper()
	m, err := r.Add(t.Context(), artifact(t, version, strings.Repeat(version, 100_000)), registry.Source{JobID: "job-" + version, Attempt: 1, Sequence: 7})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fake is an opened artifact.
type fake struct{ version, weights string }

func (f fake) Version() string { return f.version }
func (f fake) Route(context.Context, routing.Request) (routing.Choice, error) {
	return routing.Choice{Version: f.version}, nil
}

func openFake(_ context.Context, dir string) (routing.Router, error) {
	m, err := registry.Inspect(dir)
	if err != nil {
		return nil, err
	}
	weights, err := os.ReadFile(filepath.Join(dir, "deep", "weights.bin"))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(string(weights), "panic") {
		panic("no weights at all")
	}
	return fake{m.Version, string(weights)}, nil
}

// sink hands on what it is to serve.
type sink chan registry.Serving

func (s sink) Use(ctx context.Context, serving registry.Serving) {
	select {
	case s <- serving:
	case <-ctx.Done():
	}
}
