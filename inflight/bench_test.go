package inflight

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
)

// BenchmarkCall is what a stage pays for a call: written down before, cleared after.
func BenchmarkCall(b *testing.B) {
	for name, allocate := range map[string]func(*os.File, int64) ([]byte, error){"mapped": nil, "written": unmapped} {
		b.Run(name, func(b *testing.B) {
			j := open(b, Options{Dir: b.TempDir(), allocate: allocate})
			for i := range 100 { // others are in flight
				j.Begin(call(fmt.Sprint(i)))
			}
			c := call("abcdefghijklmnopqrstuvwx23")
			b.ReportAllocs()
			for b.Loop() {
				j.Begin(c)
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
		for pb.Next() {
			j.Begin(c)
			j.Stored(c.ID)
		}
	})
}
