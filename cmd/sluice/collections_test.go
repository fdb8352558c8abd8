package main

import "testing"

func TestAProcessWithALogCollectsSeldomWithinHalfOfTheMemoryUnlessTheEnvironmentSaysOtherwise(t *testing.T) {
	t.Parallel()
	const untouched = -1
	for _, c := range []struct {
		env     map[string]string
		memory  uint64
		percent int
		limit   int64
	}{
		{nil, 8 << 30, 400, 4 << 30},
		{nil, 0, 400, untouched},
		{map[string]string{"GOGC": "100"}, 8 << 30, untouched, 4 << 30},
		{map[string]string{"GOMEMLIMIT": "1GiB"}, 8 << 30, 400, untouched},
	} {
		percent, limit := untouched, int64(untouched)
		tuneCollections(func(name string) string { return c.env[name] }, c.memory,
			func(p int) int { percent = p; return 0 }, func(l int64) int64 { limit = l; return 0 })
		if percent != c.percent || limit != c.limit {
			t.Errorf("%v with %d bytes: GOGC %d and a limit of %d, want %d and %d", c.env, c.memory, percent, limit, c.percent, c.limit)
		}
	}
}
