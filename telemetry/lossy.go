package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// again is how long a batch of spans is offered to a collector that is away. Meanwhile the others wait, and what
// finds no room is dropped.
var again = otlptracehttp.RetryConfig{Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 5 * time.Second, MaxElapsedTime: 20 * time.Second}

// room is how many spans may wait for the collector.
const room = 2048

// tellEvery is how often the log hears that spans are lost.
const tellEvery = int64(time.Minute)

var errNoRoom = errors.New("too many wait for the collector")

// lossy is the way out: a queue that never blocks, and an exporter whose failures cost spans and nothing else.
// Whatever is lost is counted and told to the log.
type lossy struct {
	sdktrace.SpanProcessor // the queue; its OnEnd never blocks
	exporter               sdktrace.SpanExporter
	endpoint               string
	log                    *slog.Logger
	waiting, lost          atomic.Int64
	told                   atomic.Int64 // when, in Unix nanoseconds
	over                   atomic.Bool  // nobody waits any more, and all that waited is counted
}

func newLossy(e sdktrace.SpanExporter, c Config) *lossy {
	l := &lossy{exporter: e, endpoint: c.Endpoint, log: c.Log}
	l.SpanProcessor = sdktrace.NewBatchSpanProcessor(offering{l}, sdktrace.WithMaxQueueSize(room))
	return l
}

// OnEnd queues a span. One that finds no room is lost here, where it is counted, and not in the queue, which tells
// nobody.
func (l *lossy) OnEnd(s sdktrace.ReadOnlySpan) {
	if l.waiting.Add(1) > room {
		l.waiting.Add(-1)
		l.lose(1, errNoRoom)
		return
	}
	l.SpanProcessor.OnEnd(s)
}

// Shutdown sends what waits. What still waits when ctx ends is lost.
func (l *lossy) Shutdown(ctx context.Context) error {
	err := l.SpanProcessor.Shutdown(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	l.over.Store(true)
	if l.lost.Add(l.waiting.Swap(0)) > 0 {
		l.told.Store(0)
		l.lose(0, errors.Join(context.Cause(ctx), err))
	}
	return err
}

func (l *lossy) lose(n int, why error) {
	lost := l.lost.Add(int64(n))
	now, last := time.Now().UnixNano(), l.told.Load()
	if l.log != nil && now-last >= tellEvery && l.told.CompareAndSwap(last, now) {
		l.log.Warn("spans are lost: the collector did not take them; the work goes on", "endpoint", l.endpoint, "lost", lost, "error", why)
	}
}

// offering offers batches to the collector.
type offering struct{ *lossy }

// ExportSpans offers spans. Its error is always nil.
func (o offering) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := o.exporter.ExportSpans(ctx, spans)
	if o.over.Load() {
		return nil
	}
	o.waiting.Add(-int64(len(spans)))
	if err != nil {
		o.lose(len(spans), err)
	}
	return nil
}

// Shutdown ends the exporter.
func (o offering) Shutdown(ctx context.Context) error { return o.exporter.Shutdown(ctx) }
