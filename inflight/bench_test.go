package inflight

import (
	"fmt"
	"os"
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
