package registry_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
	"sluice/trainer/registry"
	"sluice/trainer/snapshot"
)

const (
	objectStream = "OBJ_" + streams.ObjectStoreArtifacts
	parts        = "$O." + streams.ObjectStoreArtifacts + ".C."
)

// keep stores a snapshot of one query and returns the subject of its parts.
func keep(t *testing.T, r *registry.Registry, js jetstream.JetStream, name, key string) (subject string) {
	t.Helper()
	s, err := snapshot.New("p1", "m", "l", nil, []snapshot.Row{{Key: key, Text: "why?", Policy: sluice.Standard, Split: sluice.Train}})
	must(t, err)
	file, _, err := s.Encode()
	must(t, err)
	must(t, r.Objects().PutSnapshot(t.Context(), name, file))
	store, err := js.ObjectStore(t.Context(), streams.ObjectStoreArtifacts)
	must(t, err)
	info, err := store.GetInfo(t.Context(), name)
	must(t, err)
	return parts + info.NUID
}

func TestForgettingDeletesTheSnapshotsThatHoldSomebodyAndThoseThatNobodyCanRead(t *testing.T) {
	r, js, _ := open(t)
	add(t, r, "v1")
	ctx := t.Context()
	stream, err := js.Stream(ctx, objectStream)
	must(t, err)
	keep(t, r, js, "snapshots/hers.jsonl.gz", "ann")
	keep(t, r, js, "snapshots/other.jsonl.gz", "bob")
	must(t, stream.Purge(ctx, jetstream.WithPurgeSubject(keep(t, r, js, "snapshots/lost.jsonl.gz", "bob"))))
	other := keep(t, r, js, "snapshots/other-bytes.jsonl.gz", "bob")
	must(t, stream.Purge(ctx, jetstream.WithPurgeSubject(other)))
	_, err = js.Publish(ctx, other, []byte("no gzip at all"))
	must(t, err)
	_, err = js.Publish(ctx, "$O."+streams.ObjectStoreArtifacts+".M.junk", []byte("no description at all"))
	must(t, err)

	if err := r.Objects().Read(ctx, "snapshots/lost.jsonl.gz", nothing); !errors.Is(err, registry.ErrCorrupt) || !strings.Contains(err.Error(), "none of its 1 parts") {
		t.Errorf("an object without parts: %v", err)
	}
	for _, want := range []registry.Erased{
		{Held: []string{"snapshots/hers.jsonl.gz"}, Unreadable: []string{"snapshots/lost.jsonl.gz", "snapshots/other-bytes.jsonl.gz"}},
		{},
	} {
		got, err := r.Objects().ForgetIn(ctx, noon, func(key string) bool { return key == "ann" })
		slices.Sort(got.Unreadable)
		if err != nil || !slices.Equal(got.Held, want.Held) || !slices.Equal(got.Unreadable, want.Unreadable) {
			t.Errorf("erased %+v, %v; want %+v", got, err, want)
		}
	}
	if err := r.Objects().Read(ctx, "snapshots/other.jsonl.gz", nothing); err != nil {
		t.Errorf("somebody else's snapshot: %v", err)
	}
	if models, err := r.List(ctx); err != nil || len(models) != 1 {
		t.Errorf("models %+v, %v", models, err)
	}
}

// What is forgotten is overwritten in the files of the log, where a deleted object's parts else stay for long.
func TestForgettingLeavesNoTraceOfSnapshotsOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	js, stop := natstest.LogIn(t, dir)
	r, err := registry.Open(t.Context(), js, &told{}, time.Now)
	must(t, err)
	keep(t, r, js, "snapshots/hers.jsonl.gz", "ann")
	keep(t, r, js, "snapshots/his.jsonl.gz", "bob")
	hers, his := stored(t, r, "snapshots/hers.jsonl.gz"), stored(t, r, "snapshots/his.jsonl.gz")
	_, err = js.Publish(t.Context(), parts+"half", []byte("words of nobody's object"))
	must(t, err)
	_, err = r.Objects().ForgetIn(t.Context(), time.Now().Add(2*time.Hour), func(key string) bool { return key == "ann" })
	must(t, err)
	stop()
	for _, c := range []struct {
		what, bytes string
		there       bool
	}{{"the snapshot of who stays", his, true}, {"the snapshot of who is forgotten", hers, false}, {"a part of no object", "words of nobody's object", false}} {
		if got := len(natstest.FilesWith(t, dir, c.bytes)) > 0; got != c.there {
			t.Errorf("%s is on the disk: %t, want %t", c.what, got, c.there)
		}
	}
}

// stored is an object's bytes.
func stored(t *testing.T, r *registry.Registry, name string) (all string) {
	t.Helper()
	must(t, r.Objects().Read(t.Context(), name, func(r io.Reader) error {
		b, err := io.ReadAll(r)
		all = string(b)
		return err
	}))
	return all
}

// A trainer that was killed while it stored a snapshot leaves parts without a description.
func TestForgettingDeletesPartsOfSnapshotsThatWereNeverWhole(t *testing.T) {
	r, js, _ := open(t)
	kept := keep(t, r, js, "snapshots/whole.jsonl.gz", "bob")
	_, err := js.Publish(t.Context(), parts+"half", []byte("words"))
	must(t, err)
	nobody := func(string) bool { return false }
	for _, c := range []struct {
		now  time.Time
		left int
	}{{time.Now(), 2}, {time.Now().Add(2 * time.Hour), 1}} {
		if _, err := r.Objects().ForgetIn(t.Context(), c.now, nobody); err != nil {
			t.Fatal(err)
		}
		stream, err := js.Stream(t.Context(), objectStream)
		must(t, err)
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(parts+"*"))
		must(t, err)
		if got := info.State.Subjects; len(got) != c.left || got[kept] == 0 {
			t.Errorf("parts %v, want those of %d objects", got, c.left)
		}
	}
}

// A worker that is stopped while it reads must not take the snapshot for a bad one, nor forgetting delete it.
func TestAReadThatIsInterruptedFindsNothingCorrupt(t *testing.T) {
	r, js, _ := open(t)
	keep(t, r, js, "snapshots/whole.jsonl.gz", "bob")
	ctx, stop := context.WithCancel(t.Context())
	err := r.Objects().Read(ctx, "snapshots/whole.jsonl.gz", func(io.Reader) error {
		stop()
		return io.ErrUnexpectedEOF
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, registry.ErrCorrupt) {
		t.Errorf("interrupted: %v", err)
	}
}

func nothing(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
