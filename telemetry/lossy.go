package telemetry

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// again is how long a batch of spans is offered to a collector that is away. Meanwhile the queue of the SDK fills up
// (2,048 spans), and what it has no room for is dropped.
var again = otlptracehttp.RetryConfig{Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 5 * time.Second, MaxElapsedTime: 20 * time.Second}

// tellEvery is how often the log hears that spans are lost.
const tellEvery = int64(time.Minute)

// lossy is an exporter whose failures cost spans and nothing else: they are counted and told to the log.
type lossy struct {
	sdktrace.SpanExporter
	endpoint string
	log      *slog.Logger
	lost     atomic.Int64
	told     atomic.Int64 // when, in Unix nanoseconds
}

// ExportSpans offers spans. Its error is always nil.
func (l *lossy) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := l.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	lost := l.lost.Add(int64(len(spans)))
	now, last := time.Now().UnixNano(), l.told.Load()
	if l.log != nil && now-last >= tellEvery && l.told.CompareAndSwap(last, now) {
		l.log.Warn("spans are lost: the collector did not take them; the work goes on", "endpoint", l.endpoint, "lost", lost, "error", err)
	}
	return nil
}
