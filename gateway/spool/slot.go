package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// maxSlots bounds the gateways of one machine that share a root.
const maxSlots = 1000

// Slot is a directory that belongs to one process until it ends, however it ends.
type Slot struct {
	Dir  string
	lock *os.File
}

// Release gives the slot to others.
func (s *Slot) Release() error { return s.lock.Close() }

// Acquire takes the first directory of root that no living process holds: 0, 1, 2, and so on. A gateway
// that starts where another was killed takes that one's directory, and with it what it left.
func Acquire(root string) (*Slot, error) {
	for n := range maxSlots {
		dir := filepath.Join(root, strconv.Itoa(n))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
		f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return &Slot{Dir: dir, lock: f}, nil
		}
		_ = f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("spool: lock %s: %w", dir, err)
		}
	}
	return nil, fmt.Errorf("spool: %s: all of %d directories are taken by running gateways", root, maxSlots)
}
