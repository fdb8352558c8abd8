package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sluice"
	"sluice/gateway/keys"
	"sluice/gateway/spool"
	"sluice/llm"
)

// Kind is what kind of fault a client is told of; each dialect has its own words for it.
type Kind string

// The kinds, with the HTTP status that each has in every dialect.
const (
	BadRequest      Kind = "invalid_request" // 400
	Unsupported     Kind = "unsupported"     // 400: a parameter that we can't honour
	Unauthenticated Kind = "unauthenticated" // 401
	Forbidden       Kind = "forbidden"       // 403
	NotFound        Kind = "not_found"       // 404
	WrongMethod     Kind = "wrong_method"    // 405
	Conflict        Kind = "conflict"        // 409: the same Idempotency-Key is in flight
	TooLarge        Kind = "too_large"       // 413
	Mismatch        Kind = "mismatch"        // 422: an Idempotency-Key with another body
	RateLimited     Kind = "rate_limited"    // 429
	OverBudget      Kind = "over_budget"     // 429
	Refused         Kind = "refused"         // 403: a rule refuses
	Blocked         Kind = "blocked"         // 400: the provider's safety block
	Internal        Kind = "internal"        // 500
	Upstream        Kind = "upstream"        // 502: the models failed
	Unavailable     Kind = "unavailable"     // 503
	Timeout         Kind = "timeout"         // 504
	ClientGone      Kind = "client_gone"     // 499: nobody reads it
)

var statuses = map[Kind]int{
	BadRequest: 400, Unsupported: 400, Unauthenticated: 401, Forbidden: 403, NotFound: 404, WrongMethod: 405, Conflict: 409,
	TooLarge: 413, Mismatch: 422, RateLimited: 429, OverBudget: 429, Refused: 403, Blocked: 400, Internal: 500,
	Upstream: 502, Unavailable: 503, Timeout: 504, ClientGone: 499,
}

// Fault is why a request was not answered, fit for its client: it holds no secret and no text of anybody.
type Fault struct { //nolint:errname // a fault is what clients are told; that it is an error too is for Go alone
	Kind Kind
	// Param is the parameter at fault; empty where none is.
	Param   string
	Message string
	// RetryAfter is when to come back; 0 where it would not help, or nobody knows.
	RetryAfter time.Duration
}

func (f *Fault) Error() string {
	if f.Param != "" {
		return f.Param + ": " + f.Message
	}
	return f.Message
}

// Status is the HTTP status.
func (f *Fault) Status() int {
	if s, ok := statuses[f.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Named is the fault with its parameter as a dialect calls it, where that has a name of its own for it.
func (f *Fault) Named(names map[string]string) *Fault {
	name, ok := names[f.Param]
	if !ok {
		return f
	}
	named := *f
	named.Param = name
	return &named
}

// Invalid is a fault of a parameter's value. A long name, which a client made up, is cut.
func Invalid(param, message string) *Fault {
	return &Fault{Kind: BadRequest, Param: short(param), Message: message}
}

// NotSupported names a parameter that can't be honoured, and why.
func NotSupported(param, why string) *Fault {
	return &Fault{Kind: Unsupported, Param: short(param), Message: "is not supported: " + why}
}

// TooOften is the fault of a key whose rate is reached.
func TooOften(k keys.Key, wait time.Duration) *Fault {
	return &Fault{Kind: RateLimited, Message: fmt.Sprintf("the API key's rate of %d requests a minute is reached", k.RatePerMinute), RetryAfter: orSecond(wait)}
}

// FaultOfKey is the fault of an API key that is not let in.
func FaultOfKey(err error) *Fault {
	switch {
	case errors.Is(err, keys.ErrMissing), errors.Is(err, keys.ErrUnknown), errors.Is(err, keys.ErrExpired), errors.Is(err, keys.ErrRevoked):
		return &Fault{Kind: Unauthenticated, Message: err.Error()}
	}
	return &Fault{Kind: Unavailable, Message: "API keys can't be checked now", RetryAfter: time.Second}
}

// faultOf turns the end of a chain of calls into what the client is told.
func (p *Pipeline) faultOf(ctx context.Context, err error) *Fault {
	var fault *Fault
	var unsupported *llm.UnsupportedError
	var failed *llm.Error
	delay := sluice.DelayOf(err)
	switch {
	case errors.As(err, &fault):
		return fault
	case p.isCut(ctx):
		return &Fault{Kind: Unavailable, Message: errDraining.Error(), RetryAfter: time.Second}
	case errors.Is(ctx.Err(), context.Canceled):
		return &Fault{Kind: ClientGone, Message: "the client left before the answer was whole"}
	case errors.As(err, &unsupported):
		return NotSupported(unsupported.Param, unsupported.Why)
	case errors.Is(err, spool.ErrFull):
		return &Fault{Kind: Unavailable, Message: "the gateway's disk has no room to account for the request", RetryAfter: 10 * time.Second}
	case errors.Is(err, llm.ErrBusy):
		return &Fault{Kind: RateLimited, Message: "all slots of the model are taken and its queue is full", RetryAfter: orSecond(delay)}
	case errors.Is(err, llm.ErrOpen):
		return &Fault{Kind: Unavailable, Message: "the model failed too often in a row and is given a pause", RetryAfter: orSecond(delay)}
	case errors.Is(err, llm.ErrSpent):
		return &Fault{Kind: OverBudget, Message: "the gateway's spending cap is reached"}
	case sluice.ReasonOf(err) == sluice.ReasonTooLarge:
		return &Fault{Kind: TooLarge, Param: "messages", Message: "the request is larger than the model takes"}
	case errors.As(err, &failed):
		return faultOfModel(failed, delay)
	case errors.Is(err, context.DeadlineExceeded):
		return &Fault{Kind: Timeout, Message: "no model answered before the deadline"}
	}
	return internalFault()
}

// faultOfModel tells of the last attempt. What the provider said is ours to know: it may quote the request.
func faultOfModel(e *llm.Error, delay time.Duration) *Fault {
	switch {
	case e.Setup:
		return &Fault{Kind: Unavailable, Message: "the provider refuses the gateway's key or the model's name; its operator has to act"}
	case e.Outcome == sluice.OutcomeRateLimited:
		return &Fault{Kind: RateLimited, Message: "the provider's rate limit is reached", RetryAfter: orSecond(max(delay, e.RetryAfter))}
	case e.Outcome == sluice.OutcomeRefused:
		return &Fault{Kind: BadRequest, Message: fmt.Sprintf("the provider refuses the request with status %d", e.Status)}
	case e.Outcome == sluice.OutcomeBlocked:
		return &Fault{Kind: Blocked, Message: "the provider blocked the reply: " + e.Error()}
	case e.Outcome == sluice.OutcomeTimeout:
		return &Fault{Kind: Timeout, Message: "the model did not answer in time"}
	case e.Status == http.StatusServiceUnavailable:
		return &Fault{Kind: Unavailable, Message: "the provider is overloaded", RetryAfter: orSecond(e.RetryAfter)}
	case e.Outcome == sluice.OutcomeServerError:
		return &Fault{Kind: Upstream, Message: fmt.Sprintf("the provider failed with status %d", e.Status)}
	}
	return &Fault{Kind: Upstream, Message: "the provider can't be reached, or its reply broke off or was not what its API promises"}
}

func orSecond(d time.Duration) time.Duration { return max(d, time.Second) }
