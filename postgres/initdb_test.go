package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAnInterruptedInitdbSaysNoMoreThanThat(t *testing.T) {
	dir := t.TempDir()
	begun := filepath.Join(dir, "begun")
	if err := syscall.Mkfifo(begun, 0o600); err != nil {
		t.Fatal(err)
	}
	program(t, filepath.Join(dir, "initdb"), "echo creating everything\necho >"+begun+"\nexec sleep 600\n")
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { // ends with the script's word
		_, _ = os.ReadFile(begun)
		interrupt()
	}()
	c := &Cluster{bin: binaries{dir: dir}, layout: layout{data: filepath.Join(dir, "data"), account: self()}}
	err := c.initialise(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted initdb: %v", err)
	}
	if _, err := os.Stat(c.layout.data + ".part"); !os.IsNotExist(err) {
		t.Errorf("what it had made is left: %v", err)
	}
}
