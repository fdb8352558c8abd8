package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Two locks order the processes that share a cluster. "lock" is held while one of them starts or stops
// the server; "users" is held, shared, for as long as one uses it, so that the last one out, and no other,
// stops the server. The kernel releases both when a process dies, however it dies.

// lockFile takes an exclusive lock, waiting for it until ctx ends.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if err = flock(f, syscall.LOCK_EX); err == nil {
			return func() { _ = f.Close() }, nil // closing releases the lock
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s, which another process holds: %w", path, context.Cause(ctx)), f.Close())
		}
	}
}

// openShared opens a file and takes a shared lock on it at once; nobody takes the exclusive one but
// under "lock", which the caller holds.
func openShared(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := flock(f, syscall.LOCK_SH); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// lastUser turns a shared lock into an exclusive one, which only works for the last process that has it.
func lastUser(f *os.File) bool { return flock(f, syscall.LOCK_EX) == nil }

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
