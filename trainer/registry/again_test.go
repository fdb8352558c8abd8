package registry_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/trainer/registry"
)

// lose removes the parts of an object, as its writer does where the log is away before it has confirmed all.
func lose(t *testing.T, js jetstream.JetStream, subject string) {
	t.Helper()
	s, err := js.Stream(t.Context(), objectStream)
	must(t, err)
	must(t, s.Purge(t.Context(), jetstream.WithPurgeSubject(subject)))
}

func TestAnArtifactWhosePartsWereLostIsStoredAnew(t *testing.T) {
	r, js, _ := open(t)
	dir := artifact(t, "v1", "weights")
	for _, made := range []string{"today", "tomorrow"} { // a repeated training writes another date
		write(t, filepath.Join(dir, "manifest.json"), `{"kind":"fake","version":"v1","files":{"deep/weights.bin":"digest"},"pair":"`+made+`"}`)
		m, err := r.Add(t.Context(), dir, registry.Source{})
		must(t, err)
		must(t, r.Fetch(t.Context(), registry.Ref{Version: "v1", Digest: m.Digest}, filepath.Join(t.TempDir(), "v1")))
		store, err := js.ObjectStore(t.Context(), "artifacts")
		must(t, err)
		info, err := store.GetInfo(t.Context(), "routers/v1.tar")
		must(t, err)
		lose(t, js, parts+info.NUID)
	}
}

func TestASnapshotWhosePartsWereLostIsStoredAnew(t *testing.T) {
	r, js, _ := open(t)
	lose(t, js, keep(t, r, js, "snapshots/s.jsonl.gz", "ann"))
	keep(t, r, js, "snapshots/s.jsonl.gz", "ann")
	must(t, r.Objects().Read(t.Context(), "snapshots/s.jsonl.gz", nothing))
}

// A training that can't open what is active may make the very same again, with another date.
func TestATrainingThatMakesTheActiveVersionAnewPromotesIt(t *testing.T) {
	r, _, heard := open(t)
	add(t, r, "v1")
	must(t, r.Promote(t.Context(), "v1", "", "first", registry.Source{}))
	must(t, r.Promote(t.Context(), "v1", "v1", "by hand once more", registry.Source{}))
	must(t, r.Promote(t.Context(), "v1", "v1", "made anew", registry.Source{JobID: "j2", Attempt: 1, Sequence: 8}))
	if n := strings.Count(heard.kinds(), "promoted:v1"); n != 2 {
		t.Errorf("told %s", heard.kinds())
	}
	if to, err := r.Rollback(t.Context(), "v1", ""); to != "" || err != nil {
		t.Errorf("rolled back to %q, %v", to, err)
	}
}

// Two trainings of the same examples may make the same version; the first one refused it, say.
func TestAPromotionIsThatOfTheTrainingThatPromoted(t *testing.T) {
	r, _, _ := open(t)
	add(t, r, "v1")
	must(t, r.Promote(t.Context(), "v1", "", "better", registry.Source{JobID: "j2", Attempt: 1, Sequence: 8}))
	for job, want := range map[string]bool{"j2": true, "job-v1": false} {
		p, yes, err := r.PromotionOf(t.Context(), job)
		if yes != want || p.Active != want || err != nil {
			t.Errorf("%s: %t, active %t, %v", job, yes, p.Active, err)
		}
	}
}

func TestADiskThatIsFullMakesNoArtifactCorrupt(t *testing.T) {
	r, _, _ := open(t)
	add(t, r, "v1")
	err := r.Objects().Read(t.Context(), "routers/v1.tar", func(io.Reader) error {
		return &os.PathError{Op: "write", Path: "weights", Err: syscall.ENOSPC}
	})
	if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, registry.ErrCorrupt) {
		t.Errorf("%v", err)
	}
}

// Gateways of one machine and data directory hear of a promotion at once, and each opens what is there.
func TestProcessesThatFetchAVersionAtOnceTakeNothingFromOneAnother(t *testing.T) {
	r, _, _ := open(t)
	m := add(t, r, "v1")
	for range 20 {
		dir := filepath.Join(t.TempDir(), "v1")
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				err := r.Fetch(t.Context(), registry.Ref{Version: "v1", Digest: m.Digest}, dir)
				if err == nil {
					_, err = openFake(t.Context(), dir)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*")); len(left) > 0 || err != nil {
			t.Fatalf("left %s, %v", strings.Join(left, " "), err)
		}
	}
}
