package main

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAProcessWithALogCollectsSeldomWithinHalfOfTheMemoryUnlessTheEnvironmentSaysOtherwise(t *testing.T) {
	t.Parallel()
	const untouched = -1
	for _, c := range []struct {
		env     map[string]string
		memory  uint64
		percent int
		limit   int64
	}{
		{nil, 8 << 30, 200, 4 << 30},
		{nil, 0, 200, untouched},
		{map[string]string{"GOGC": "100"}, 8 << 30, untouched, 4 << 30},
		{map[string]string{"GOMEMLIMIT": "1GiB"}, 8 << 30, 200, untouched},
	} {
		percent, limit := untouched, int64(untouched)
		collector := collections{
			percent: func(p int) int { percent = p; return 0 },
			limit:   func(l int64) int64 { limit = l; return 0 },
		}
		collector.tune(func(name string) string { return c.env[name] }, c.memory)()
		if percent != c.percent || limit != c.limit {
			t.Errorf("%v with %d bytes: GOGC %d and a limit of %d, want %d and %d", c.env, c.memory, percent, limit, c.percent, c.limit)
		}
	}
}

func TestALargerHeapIsCollectedMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heaps := []uint64{1 << 20, 256 << 20, 400 << 20, 401 << 20, 4 << 30, 100 << 20}
		var set []int
		collector := collections{
			percent: func(p int) int { set = append(set, p); return 0 },
			live: func() uint64 {
				live := heaps[0]
				heaps = heaps[1:]
				return live
			},
		}
		stop := collector.tune(func(string) string { return "" }, 0)
		<-time.After(6*paceEvery + time.Second)
		stop()
		stop() // is nothing the second time
		if want := []int{200, 250, 400, 200}; !slices.Equal(set, want) || len(heaps) != 0 {
			t.Errorf("paces %v, want %v; not looked at: %v", set, want, heaps)
		}
	})
}

func TestTheLiveHeapIsWhatACollectionFinds(t *testing.T) {
	kept := make([]byte, 64<<20)
	runtime.GC()
	if live := liveHeap(); live < 64<<20 {
		t.Errorf("%d bytes live, and %d are kept", live, len(kept))
	}
	runtime.KeepAlive(kept)
}
