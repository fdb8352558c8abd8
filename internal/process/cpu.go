package process

import (
	"syscall"
	"testing"
	"time"
)

// CPUOfThread is the CPU time that the calling thread has taken: what a bound on work is held against on a busy machine.
// The caller has locked its goroutine to the thread. Linux alone tells it.
func CPUOfThread(t *testing.T) time.Duration {
	t.Helper()
	const thisThread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thisThread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
