package llm

import (
	"context"
	"fmt"
	"time"

	"sluice"
)

const (
	backoffBase = 250 * time.Millisecond
	backoffCap  = 10 * time.Second
	// longestWait is how long a call waits in place for a server that says when to come back; for longer
	// waits the message goes back to the log.
	longestWait = 5 * time.Second
	// setupPause is how long a message rests whose key or model name was refused.
	setupPause = time.Minute
)

// settle decides what becomes of a call after its n-th failed attempt at one model: a pause before the
// next, or the final error, which carries its class. There is no next after the last.
func settle(ctx context.Context, e *Error, n int, last bool, jitter func() float64) (time.Duration, error) {
	switch {
	case ctx.Err() != nil:
		return 0, fmt.Errorf("%w (%w)", e, ctx.Err())
	case e.Outcome == sluice.OutcomeCanceled:
		return 0, e
	case e.Setup:
		return 0, sluice.RetryAfter(fmt.Errorf("%w (check the API key and the name of the model; nothing is lost meanwhile)", e), setupPause)
	case e.Outcome == sluice.OutcomeRefused, e.Outcome == sluice.OutcomeBlocked:
		return 0, sluice.Terminal(sluice.ReasonRefused, e)
	case e.Outcome == sluice.OutcomeRateLimited:
		pause := e.RetryAfter
		if pause == 0 {
			pause = backoff(n, jitter)
		}
		if last || pause > longestWait || tooLate(ctx, pause) {
			return 0, sluice.RetryAfter(e, max(pause, backoffBase))
		}
		return pause, nil
	case e.RetryAfter > longestWait:
		return 0, sluice.RetryAfter(e, e.RetryAfter)
	}
	pause := max(e.RetryAfter, backoff(n, jitter))
	if last || tooLate(ctx, pause) {
		return 0, e
	}
	return pause, nil
}

// backoff draws the pause after the n-th attempt: full jitter under an exponential ceiling.
func backoff(n int, jitter func() float64) time.Duration {
	ceiling := backoffCap
	if n < 10 {
		ceiling = min(backoffCap, backoffBase<<(n-1))
	}
	return time.Duration(jitter() * float64(ceiling))
}

// tooLate says whether ctx's deadline comes before the pause ends.
func tooLate(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= pause
}

// sleep waits, or returns ctx's error as soon as it is done.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
