//go:build !linux

package mapped

import "os"

// Allocate gives a file its length and no room; its bytes are found when they are written.
func Allocate(f *os.File, size int64) ([]byte, error) { return nil, f.Truncate(size) }

// Release gives back no room.
func Release([]byte) error { return nil }
