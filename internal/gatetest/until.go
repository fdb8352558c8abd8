package gatetest

import (
	"testing"
	"time"
)

// Until asks again and again until the answer is yes, for at most a minute: for what nothing signals.
func Until(tb testing.TB, what string, yes func() bool) {
	tb.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !yes() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			tb.Fatalf("a minute passed without: %s", what)
		}
	}
}
