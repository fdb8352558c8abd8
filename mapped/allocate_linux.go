package mapped

import (
	"errors"
	"os"
	"syscall"
)

// Allocate gives a file its bytes on the disk now, and maps them into memory. Where the file system can't
// allocate, the file only gets its length and no room: a full disk must be found by writing.
func Allocate(f *os.File, size int64) (room []byte, err error) {
	err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return nil, f.Truncate(size)
	}
	if err != nil {
		return nil, err
	}
	room, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil //nolint:nilerr // it is written to instead
	}
	return room, nil
}

// Release gives the memory back; no room is nothing to give.
func Release(room []byte) error {
	if room == nil {
		return nil
	}
	return syscall.Munmap(room)
}
