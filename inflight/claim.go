package inflight

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errHeld says that a living process has the file.
var errHeld = errors.New("held by a living process")

// claim opens a file and takes it for this process, until it is closed or the process ends, however it ends.
// [os.ErrNotExist] is a file that somebody else removed in the meantime.
func claim(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := take(f, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func take(f *os.File, path string) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	// Between opening and locking its last holder may have removed it.
	ours, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(ours, named) {
		return fmt.Errorf("%s: %w", path, os.ErrNotExist)
	}
	return nil
}
