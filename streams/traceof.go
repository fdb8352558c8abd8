package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// TraceOf is the traceparent header of the last message of a subject; empty where there is no message, or none that is
// part of a trace.
func TraceOf(ctx context.Context, js jetstream.JetStream, stream, subject string) (string, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return "", fmt.Errorf("trace of %s: %w", subject, err)
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("trace of %s: %w", subject, err)
	}
	if v := m.Header[HeaderTraceParent]; len(v) > 0 { // as it is spelled, which Get does not read
		return v[0], nil
	}
	return "", nil
}
