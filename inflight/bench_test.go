package inflight

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"sluice"
)

// BenchmarkCall is what a stage pays for a call: written down before, completed and cleared after.
func BenchmarkCall(b *testing.B) {
	for name, allocate := range map[string]func(*os.File, int64) ([]byte, error){"mapped": nil, "written": unmapped} {
		b.Run(name, func(b *testing.B) {
			j := open(b, Options{Dir: b.TempDir(), allocate: allocate})
			for i := range 100 { // others are in flight
				j.Begin(call(fmt.Sprint(i)))
			}
			c := call("abcdefghijklmnopqrstuvwx23")
			done := answered(c)
			b.ReportAllocs()
			for b.Loop() {
				j.Begin(c)
				j.End(done)
				j.Stored(c.ID)
			}
		})
	}
}

// BenchmarkCallsAtOnce is what a call costs while others are written down too.
func BenchmarkCallsAtOnce(b *testing.B) {
	j := open(b, Options{Dir: b.TempDir()})
	var names atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := call(fmt.Sprint("abcdefghijklmnopqrstuvwx", names.Add(1)))
		done := answered(c)
		for pb.Next() {
			j.Begin(c)
			j.End(done)
			j.Stored(c.ID)
		}
	})
}

// answered is a line as most are.
func answered(of *sluice.Call) *sluice.Call {
	c := *of
	c.LatencyMS, c.Usage, c.Outcome = 512, sluice.Usage{Prompt: 40, Output: 5, Thoughts: 70}, sluice.OutcomeOK
	return &c
}
