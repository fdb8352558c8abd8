package sluice

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Class is the fate of a message that a stage could not handle. The runner alone acts on it.
type Class string

// The classes. A stage returns [ClassRetryable] (any error), [ClassWait], [ClassTerminal] or
// [ClassStale]; the others are the runner's own findings.
const (
	ClassRetryable   Class = "retryable"   // again later; spends an attempt
	ClassWait        Class = "wait"        // again after a given delay; spends none
	ClassTerminal    Class = "terminal"    // never again: to the dead letters
	ClassStale       Class = "stale"       // an old replica answered: again at once; spends none
	ClassExhausted   Class = "exhausted"   // attempts spent: to the dead letters
	ClassPoison      Class = "poison"      // undecodable, panic, crash loop: to the dead letters
	ClassInterrupted Class = "interrupted" // shutting down: given back at once
)

// Reason is a short token that says why a message is dead; it is part of the dead letter's subject.
type Reason string

// The reasons.
const (
	ReasonUndecodable   Reason = "undecodable"
	ReasonEmptyQuery    Reason = "empty_query"
	ReasonTooLarge      Reason = "too_large"
	ReasonInvalidText   Reason = "invalid_text" // invalid UTF-8 or control characters
	ReasonInvalidField  Reason = "invalid_field"
	ReasonExpired       Reason = "expired"
	ReasonRefused       Reason = "refused" // the provider will never answer this
	ReasonUnparseable   Reason = "unparseable_reply"
	ReasonExhausted     Reason = "exhausted"
	ReasonPanic         Reason = "panic"
	ReasonCrashLoop     Reason = "crash_loop"
	ReasonParentMissing Reason = "parent_missing"
)

// Reasons lists all of them.
func Reasons() []Reason {
	return []Reason{
		ReasonUndecodable, ReasonEmptyQuery, ReasonTooLarge, ReasonInvalidText, ReasonInvalidField, ReasonExpired,
		ReasonRefused, ReasonUnparseable, ReasonExhausted, ReasonPanic, ReasonCrashLoop, ReasonParentMissing,
	}
}

// classified is an error whose fate is known.
type classified struct {
	class  Class
	reason Reason
	delay  time.Duration
	err    error
}

func (e *classified) Error() string { return e.err.Error() }
func (e *classified) Unwrap() error { return e.err }

// Terminal marks err as beyond repair: the message goes to the dead letters with the reason.
func Terminal(reason Reason, err error) error {
	return &classified{class: ClassTerminal, reason: reason, err: err}
}

// Terminalf is [Terminal] with a formatted error.
func Terminalf(reason Reason, format string, args ...any) error {
	return Terminal(reason, fmt.Errorf(format, args...))
}

// Poison marks err as a fault of the bytes themselves: they go to the dead letters as they came.
func Poison(reason Reason, err error) error {
	return &classified{class: ClassPoison, reason: reason, err: err}
}

// RetryAfter asks for the message again after d, and spends no attempt: the provider said when.
func RetryAfter(err error, d time.Duration) error {
	return &classified{class: ClassWait, delay: d, err: err}
}

// WithReason marks a retryable err with the reason that it is dead-lettered under once its attempts are
// spent.
func WithReason(reason Reason, err error) error {
	return &classified{class: ClassRetryable, reason: reason, err: err}
}

// Stale says that a read was served by a replica that lags behind; it spends no attempt.
func Stale(err error) error { return &classified{class: ClassStale, err: err} }

// ClassOf tells the fate that err asks for: [ClassRetryable] for any unmarked error,
// [ClassInterrupted] for a canceled context.
func ClassOf(err error) Class {
	if c, ok := errors.AsType[*classified](err); ok {
		return c.class
	}
	if errors.Is(err, context.Canceled) {
		return ClassInterrupted
	}
	return ClassRetryable
}

// ReasonOf is the reason that err carries; [ReasonExhausted] where it carries none.
func ReasonOf(err error) Reason {
	if c, ok := errors.AsType[*classified](err); ok && c.reason != "" {
		return c.reason
	}
	return ReasonExhausted
}

// DelayOf is the delay that [RetryAfter] asked for; zero for every other error.
func DelayOf(err error) time.Duration {
	if c, ok := errors.AsType[*classified](err); ok {
		return c.delay
	}
	return 0
}
