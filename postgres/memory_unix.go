//go:build unix && !linux

package postgres

// memory is what this machine has, in bytes; 0 since nobody asks.
func memory() uint64 { return 0 }
