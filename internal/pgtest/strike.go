package pgtest

import (
	"context"
	"syscall"
	"time"

	"sluice/postgres"
)

// Strike kills a cluster's server after a pause, or at once when ctx ends, beside what the caller does next. The
// returned function waits for it and says whether a server was hit.
func Strike(ctx context.Context, c *postgres.Cluster, after time.Duration) (wait func() bool) {
	hit := make(chan bool, 1)
	go func() { // joined by wait
		select {
		case <-time.After(after):
		case <-ctx.Done():
		}
		hit <- syscall.Kill(c.PID(), syscall.SIGKILL) == nil
	}()
	return func() bool { return <-hit }
}
