//go:build !linux

package spool

import "os"

// allocate gives a file its length; its bytes are found when they are written.
func allocate(f *os.File, size int64) ([]byte, error) { return nil, f.Truncate(size) }

func force(f *os.File) error { return f.Sync() }

func unmap([]byte) error { return nil }
