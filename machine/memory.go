// Package machine says what the machine that we run on has.
//
// It knows nothing of what is done with it: whoever asks keeps a share of his own.
package machine

import (
	"os"
	"strconv"
	"strings"
)

// allowed is the memory that a container may take, in bytes, or most where it may take more.
func allowed(most uint64) uint64 {
	data, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return most
	}
	limit, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil { // "max"
		return most
	}
	return min(limit, most)
}
