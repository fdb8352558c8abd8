package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// away is a collector that takes nothing: at once, or, if it hangs, when nobody waits for it any more.
type away struct{ hangs bool }

func (a away) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	if a.hangs {
		<-ctx.Done()
	}
	return errors.New("connection refused")
}

func (away) Shutdown(context.Context) error { return nil }

// Spans that a collector does not take are counted, told once a minute and at the end, and nobody's failure.
func TestLostSpansAreCountedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := Config{Endpoint: "http://collector:4318", Share: 1, Log: slog.New(slog.NewTextHandler(&log, nil))}
		out := newLossy(away{}, c)
		tracing := newTracing(c, sdktrace.WithSpanProcessor(out))
		for range 3 {
			_, s := tracing.Request(t.Context(), "r", "")
			s.End(nil)
			<-time.After(10 * time.Second) // the queue sends what it has every 5 seconds
		}
		if got := log.String(); out.lost.Load() != 3 || strings.Count(got, "\n") != 1 || !strings.Contains(got, "http://collector:4318") || !strings.Contains(got, "lost=1") {
			t.Errorf("%d spans are lost, and the log says %q", out.lost.Load(), got)
		}
		if err := tracing.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "lost=3") {
			t.Errorf("at the end the log says %q", got)
		}
	})
}

// A collector that hangs holds nobody up: so many spans wait, the rest is lost at once, and the end comes in time.
func TestACollectorThatHangsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := Config{Share: 1, Log: slog.New(slog.NewTextHandler(&log, nil))}
		out := newLossy(away{hangs: true}, c)
		tracing := newTracing(c, sdktrace.WithSpanProcessor(out))
		began := time.Now()
		for range room + 1000 {
			_, s := tracing.Request(t.Context(), "r", "")
			s.End(nil)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the work waited for %s", waited)
		}
		if lost := out.lost.Load(); lost != 1000 {
			t.Errorf("%d spans found no room, want 1000", lost)
		}
		if err := tracing.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != shutdownPatience {
			t.Errorf("the end took %s", took)
		}
		if lost := out.lost.Load(); lost != room+1000 || !strings.Contains(log.String(), "lost=3048") {
			t.Errorf("%d spans are lost at the end, and the log says %q", lost, log.String())
		}
		<-time.After(5 * time.Minute) // what hangs gives up
		if lost := out.lost.Load(); lost != room+1000 {
			t.Errorf("%d spans are lost: some are counted twice", lost)
		}
	})
}
