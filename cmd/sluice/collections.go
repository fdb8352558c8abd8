package main

// logGCPercent is GOGC in a process with a log: its heap grows to five times what lives before garbage is collected.
// The log's trees of subjects grow with every message and are all pointers, so that a collection takes twice as long for a byte of
// such a heap as for one of a young one: at Go's own 100 a query behind 200,000 others spends a fifth of its CPU time on
// collections.
const logGCPercent = 400

// tuneCollections sets the pace of collections of garbage in a process with a log, where the environment says nothing
// of it. Where half of the machine's memory (in bytes; 0: nobody knows) is taken, garbage is collected as often as that
// asks for: what lives may then be half of the machine, and not just a fifth of it.
func tuneCollections(getenv func(string) string, memory uint64, percent func(int) int, limit func(int64) int64) {
	if getenv("GOGC") == "" {
		percent(logGCPercent)
	}
	if getenv("GOMEMLIMIT") == "" && memory > 0 {
		limit(int64(memory / 2))
	}
}
