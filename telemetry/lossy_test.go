package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// away is a collector that takes nothing.
type away struct{ sdktrace.SpanExporter }

func (away) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return errors.New("connection refused")
}

// Spans that a collector does not take are counted, told once, and nobody's failure.
func TestLostSpansAreToldOnce(t *testing.T) {
	var log bytes.Buffer
	l := &lossy{SpanExporter: away{}, endpoint: "http://collector:4318", log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 3 {
		if err := l.ExportSpans(t.Context(), make([]sdktrace.ReadOnlySpan, 2)); err != nil {
			t.Error(err)
		}
	}
	if n := l.lost.Load(); n != 6 {
		t.Errorf("%d spans are lost, want 6", n)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "http://collector:4318") || !strings.Contains(got, "lost=2") {
		t.Errorf("the log says %q", got)
	}
}
