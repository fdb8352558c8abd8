package postgres

import (
	"os"
	"strconv"
	"strings"
)

// Bounds of the memory that the server keeps pages in. It is taken from the machine page by page, as tables grow.
const (
	leastBuffers = 128 << 20
	mostBuffers  = 1 << 30
)

// sharedBuffers is a quarter of the memory that there is, within those bounds: enough for the leaves of the
// indexes, which are keyed by hashes and so are written all over. It is the least where nobody knows how much there
// is (0), and in a cluster of tests, of which many run at once.
func sharedBuffers(memory uint64) string {
	return strconv.FormatUint(min(max(memory/4, leastBuffers), mostBuffers)>>20, 10) + "MB"
}

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
