package postgres_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sluice/postgres"
)

// A sweep that reads half of the name would find no such directory, and remove a cluster that is asked for.
func TestWhoseAMovedClusterIsStandsThereWholeOrAsBefore(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "MOVED-FROM.txt")
	if err := postgres.Claim(dir, "/srv/before"); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if err := postgres.Claim(dir, "/srv/now"); err != nil {
		t.Fatal(err)
	}
	before, errBefore := io.ReadAll(reader)
	now, errNow := os.ReadFile(name)
	if err := errors.Join(errBefore, errNow); err != nil || string(before) != "/srv/before" || string(now) != "/srv/now" {
		t.Errorf("who reads meanwhile finds %q, who reads now %q (%v)", before, now, err)
	}
}

func TestASweepRemovesAMovedClusterWhoseDirectoryIsGoneAndNoOther(t *testing.T) {
	there := t.TempDir()
	for asked, want := range map[string]bool{filepath.Join(there, "gone"): false, there: true, "": true, "half": true} {
		dir := filepath.Join(t.TempDir(), "moved")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "MOVED-FROM.txt"), []byte(asked), 0o600)); err != nil {
			t.Fatal(err)
		}
		postgres.SweepMoved(dir)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) == want {
			t.Errorf("asked for as %q: it stays %t, want %t", asked, err == nil, want)
		}
	}
}
