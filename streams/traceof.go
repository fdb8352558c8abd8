package streams

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// traceWithin bounds the look for a trace: a role that may not look gets no answer at all.
const traceWithin = 5 * time.Second

// TraceOf is the traceparent header of the last message of a stream's subject; empty where there is no message, or none
// that is part of a trace. It is one request: every stream of ours is read directly.
func TraceOf(ctx context.Context, js jetstream.JetStream, stream, subject string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, traceWithin)
	defer cancel()
	m, err := js.Conn().RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream+"."+subject, nil)
	if err != nil {
		return "", fmt.Errorf("trace of %s: %w", subject, err)
	}
	if status := m.Header.Get("Status"); status == "404" {
		return "", nil
	} else if status != "" {
		return "", fmt.Errorf("trace of %s: direct read refused: %s %s", subject, status, m.Header.Get("Description"))
	}
	if v := m.Header[HeaderTraceParent]; len(v) > 0 { // as it is spelled, which Get does not read
		return v[0], nil
	}
	return "", nil
}
