package spool

import (
	"errors"
	"os"
	"syscall"
)

// allocate gives a file its bytes on the disk now, and maps them into memory: what is copied there is the
// operating system's as if it had been written, without a call for each frame. Where the file system can't
// allocate, the file only gets its length and no room: a full disk must be found by writing.
func allocate(f *os.File, size int64) (room []byte, err error) {
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

// force brings a file's content onto the disk, and of what is known about it only what reading it again needs.
func force(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for {
			if failed = syscall.Fdatasync(int(fd)); !errors.Is(failed, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return os.ErrClosed
	}
	return failed
}

func unmap(room []byte) error {
	if room == nil {
		return nil
	}
	return syscall.Munmap(room)
}
