package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Two demos that begin at once: the second has the lock's file open while the first clears the directory.
func TestWhoWaitedForADemosDirectoryDoesNotGetItByItsClearing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	if err := os.MkdirAll(filepath.Join(dir, "jetstream", "QUERIES"), 0o700); err != nil {
		t.Fatal(err)
	}
	second, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()

	lock, err := emptyDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the cleared directory holds %v: %v", left, err)
	}
	if err := syscall.Flock(int(second.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("a directory that is taken was taken again: %v", err)
	}
	if _, err := emptyDir(dir); !errors.Is(err, errTaken) {
		t.Errorf("emptied under who has it: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	again, err := emptyDir(dir)
	if err != nil {
		t.Fatalf("what nobody has can be taken: %v", err)
	}
	_ = again.Close()
}
