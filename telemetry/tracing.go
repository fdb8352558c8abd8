package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"sluice"
)

// Config says where traces go. The zero value is no tracing.
type Config struct {
	// Endpoint is the base URL of an OTLP/HTTP collector; empty is no tracing.
	Endpoint string
	// Share of the traces that begin here, from 0 to 1; a trace that began elsewhere is kept if its
	// beginning was.
	Share float64
	// Service and Version name this process: "sluice-gateway", "1.2.0".
	Service, Version string
}

// Tracing makes spans and sends them away in the background. A nil *Tracing makes none.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Start begins tracing; nil where the configuration wants none. The caller ends it by [Tracing.Shutdown].
// A collector that is away loses spans and harms nothing else.
func Start(ctx context.Context, c Config) (*Tracing, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("tracing to %s: %w", c.Endpoint, err)
	}
	return newTracing(c, sdktrace.WithBatcher(exporter)), nil
}

func newTracing(c Config, export sdktrace.TracerProviderOption) *Tracing {
	provider := sdktrace.NewTracerProvider(export,
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Share))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", c.Service), attribute.String("service.version", c.Version))))
	return &Tracing{provider: provider, tracer: provider.Tracer("sluice")}
}

// shutdownPatience bounds how long the last spans may take to leave.
const shutdownPatience = 5 * time.Second

// Shutdown sends what is left and ends tracing.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("tracing: %w", err)
	}
	return nil
}

var wire = propagation.TraceContext{}

// Span is one piece of work. A nil *Span is none; its methods do nothing.
type Span struct {
	span trace.Span
	ctx  context.Context
}

// Parent is what the traceparent header of whatever follows from the work says.
func (s *Span) Parent() string {
	if s == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	wire.Inject(s.ctx, carrier)
	return carrier.Get("traceparent")
}

// Set adds a string, Count a number to what is known of the work.
func (s *Span) Set(key, value string) {
	if s != nil && value != "" {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Count adds a number to what is known of the work.
func (s *Span) Count(key string, value int64) {
	if s != nil {
		s.span.SetAttributes(attribute.Int64(key, value))
	}
}

// End ends the work, failed where err is not nil. The error's text stays out: it may quote what was said.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil {
		class := string(sluice.ClassOf(err))
		s.span.SetStatus(codes.Error, class)
		s.span.SetAttributes(attribute.String("error.type", class))
	}
	s.span.End()
}

// Input is the message that a stage works on, as the log has it.
type Input struct {
	Header     map[string]string
	Stream     string
	Sequence   uint64
	Deliveries int
}

// Stage begins a stage's work on a message, as a part of the trace that the message came with.
func (t *Tracing) Stage(ctx context.Context, stage string, in Input) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx = wire.Extract(ctx, propagation.MapCarrier(in.Header))
	return t.begin(ctx, "stage "+stage, trace.SpanKindConsumer,
		attribute.String("messaging.system", "nats"), attribute.String("messaging.destination.name", in.Stream),
		attribute.String("sluice.stage", stage), attribute.Int64("messaging.nats.sequence", int64(in.Sequence)),
		attribute.Int("messaging.nats.deliveries", in.Deliveries))
}

// Request begins the gateway's work on a request, as a part of the trace that the client named.
func (t *Tracing) Request(ctx context.Context, name string, h http.Header) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	return t.begin(wire.Extract(ctx, propagation.HeaderCarrier(h)), name, trace.SpanKindServer)
}

// Call begins one call of a model, as a part of whatever ctx belongs to.
func (t *Tracing) Call(ctx context.Context, model string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	return t.begin(ctx, "chat "+model, trace.SpanKindClient,
		attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.request.model", model))
}

// Called notes how a call of a model ended: what its line in the ledger says.
func (s *Span) Called(line *sluice.Call) {
	if s == nil {
		return
	}
	s.span.SetAttributes(
		attribute.String("gen_ai.provider.name", line.Provider), attribute.Int64("gen_ai.usage.input_tokens", line.Usage.Prompt),
		attribute.Int64("gen_ai.usage.output_tokens", line.Usage.Output+line.Usage.Thoughts),
		attribute.Int64("sluice.cost_microusd", int64(line.Cost)), attribute.String("sluice.call_id", line.ID),
		attribute.Int("sluice.attempt", line.Attempt), attribute.String("sluice.outcome", string(line.Outcome)))
	if line.Outcome != sluice.OutcomeOK {
		s.span.SetStatus(codes.Error, string(line.Outcome))
		s.span.SetAttributes(attribute.String("error.type", string(line.Outcome)))
	}
}

func (t *Tracing) begin(ctx context.Context, name string, kind trace.SpanKind, known ...attribute.KeyValue) (context.Context, *Span) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(known...))
	return ctx, &Span{span: span, ctx: ctx}
}
