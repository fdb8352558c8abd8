package streams

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// PermissionError says that the server refuses a connection something. Whoever waits for what was to come of it waits
// for ever: the server tells of it beside the request.
type PermissionError struct {
	// Operation is "publish" or "subscribe"; to read a stream is to publish a question. Empty where the server's words
	// are not known.
	Operation, Subject string
	// Role is what the connection plays; empty where it plays none.
	Role Role
	Err  error
}

func (e *PermissionError) Error() string {
	who, mend := "this connection", "give its user the subject, or set nats.role and NATS_URL to the role and the user that it is to be"
	if e.Role != "" {
		who = "the role " + string(e.Role)
		mend = "give its user what sluice streams permissions prints for " + string(e.Role) + ", or set nats.role to what this process does"
	}
	if e.Operation == "" {
		return fmt.Sprintf("the log's server refuses %s something (%v); %s (docs/security.md)", who, e.Err, mend)
	}
	return fmt.Sprintf("the log's server does not let %s %s %q; %s (docs/security.md)", who, map[string]string{"publish": "publish to", "subscribe": "subscribe to"}[e.Operation], e.Subject, mend)
}

func (e *PermissionError) Unwrap() error { return e.Err }

// Refused tells a refusal of the server from other errors of a connection; nil: it is none.
func Refused(err error, r Role) *PermissionError {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	e := &PermissionError{Role: r, Err: err}
	words := err.Error()
	for operation, before := range map[string]string{"publish": "for Publish to \"", "subscribe": "for Subscription to \""} {
		if _, rest, ok := strings.Cut(words, before); ok {
			e.Operation = operation
			e.Subject, _, _ = strings.Cut(rest, "\"")
		}
	}
	return e
}

// Permitted waits until the server has heard everything that was sent so far, and says whether it ever refused the
// connection anything. It waits no longer than a few seconds: a server that is away refuses nothing.
func Permitted(nc *nats.Conn, r Role) error {
	_ = nc.FlushTimeout(answerWithin)
	if e := Refused(nc.LastError(), r); e != nil {
		return e
	}
	return nil
}
