package postgres

import "strconv"

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
