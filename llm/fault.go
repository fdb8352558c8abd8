package llm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
	"time"

	"sluice"
)

// refusal makes an *Error of a status that a server answered with; words are its own, made fit by
// explain.
func refusal(ex *exchange, status int, words string) *Error {
	e := &Error{Status: status, Sent: true}
	switch {
	case status == 429:
		e.Outcome = sluice.OutcomeRateLimited
	case status == 401, status == 402, status == 403, status == 404: // 402: nobody paid the provider
		e.Outcome, e.Setup = sluice.OutcomeRefused, true
	case status == 408, status >= 500:
		e.Outcome = sluice.OutcomeServerError
	case status >= 400:
		e.Outcome = sluice.OutcomeRefused
	default:
		e.Outcome = sluice.OutcomeBroken
	}
	if e.Outcome == sluice.OutcomeRateLimited || e.Outcome == sluice.OutcomeServerError {
		e.RetryAfter = time.Duration(ex.retryAfter.Load())
	}
	if words == "" {
		words = "no explanation"
	}
	e.Err = fmt.Errorf("HTTP %d: %s", status, words)
	return e
}

// breakdown makes an *Error of an exchange that had no whole answer: our deadline, our giving up, or a
// connection that failed. The text of err itself is not used: libraries put whole replies into it.
func breakdown(ctx context.Context, ex *exchange, err error) *Error {
	e := &Error{Sent: ex.sent.Load(), Status: int(ex.status.Load())}
	var stall *stallError
	switch {
	case errors.As(context.Cause(ctx), &stall):
		e.Outcome, e.Err = sluice.OutcomeTimeout, stall
	case errors.Is(context.Cause(ctx), errOutrun):
		e.Outcome, e.Err = sluice.OutcomeCanceled, errOutrun
	case errors.Is(ctx.Err(), context.Canceled):
		e.Outcome, e.Err = sluice.OutcomeCanceled, fmt.Errorf("given up before the reply: %w", context.Canceled)
	case ctx.Err() != nil:
		e.Outcome, e.Err = sluice.OutcomeTimeout, fmt.Errorf("no whole reply before the deadline: %w", context.DeadlineExceeded)
	case ex.long.Load() || errors.Is(err, errLong):
		e.Outcome, e.Err = sluice.OutcomeBroken, errLong
	case e.Status != 0:
		e.Outcome, e.Err = sluice.OutcomeBroken, fmt.Errorf("HTTP %d, but the reply was cut off or is not what the API promises", e.Status)
	default:
		e.Outcome, e.Err = sluice.OutcomeBroken, fmt.Errorf("no reply: %s", cause(err))
	}
	return e
}

// cause names a network failure without the address, the request or anything read from the wire.
func cause(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns):
		return "the host's name could not be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "connecting took too long"
	case errors.As(err, &op):
		return op.Op + " failed"
	}
	var u *url.Error
	if errors.As(err, &u) {
		return "the connection was closed"
	}
	return "the request could not be made"
}
