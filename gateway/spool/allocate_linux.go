package spool

import (
	"errors"
	"os"
	"syscall"
)

// allocate gives a file its bytes on the disk now. Where the file system can't, the file only gets its
// length.
func allocate(f *os.File, size int64) error {
	err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return f.Truncate(size)
	}
	return err
}
