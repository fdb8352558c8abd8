package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
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
	// Log hears of spans that are lost, at most once a minute; nil: nobody does.
	Log *slog.Logger
}

// scope names the code that makes the spans.
const scope = "sluice"

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
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Endpoint), otlptracehttp.WithRetry(again), otlptracehttp.WithProxy(straight))
	if err != nil {
		return nil, fmt.Errorf("tracing to %s: %w", c.Endpoint, err)
	}
	return newTracing(c, sdktrace.WithSpanProcessor(newLossy(exporter, c))), nil
}

// begun says that this process traces at all: to look for the span of a context that has none takes as long as the
// context is deep.
var begun atomic.Bool

var errRedirected = errors.New("a redirect is not followed: name the collector's own address")

// straight is the way to the collector: by the environment's proxy, if it names one, and to no address that the
// collector names, since the headers with its key would go along. Every request asks for its way. A client of our own
// could refuse redirects more plainly, and would know nothing of the environment's certificates and timeouts.
func straight(r *http.Request) (*url.URL, error) {
	if r.Response != nil {
		return nil, errRedirected
	}
	return http.ProxyFromEnvironment(r)
}

func newTracing(c Config, export sdktrace.TracerProviderOption) *Tracing {
	begun.Store(true)
	provider := sdktrace.NewTracerProvider(export,
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Share))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", c.Service), attribute.String("service.version", c.Version))))
	return &Tracing{provider: provider, tracer: provider.Tracer(scope)}
}

// shutdownPatience bounds how long the last spans may take to leave.
const shutdownPatience = 5 * time.Second

// Shutdown sends what is left and ends tracing. What the collector does not take in time is lost.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("tracing: %w", err)
	}
	return nil
}

var wire = propagation.TraceContext{}

// header is the header, of HTTP and NATS alike, that names a message's trace (W3C Trace Context).
const header = "traceparent"

// Span is one piece of work. A nil *Span is none; its methods do nothing.
type Span struct {
	span trace.Span
	ctx  context.Context
}

// Of is the span that ctx belongs to; nil where it belongs to no trace.
func Of(ctx context.Context) *Span {
	if !begun.Load() {
		return nil
	}
	if span := trace.SpanFromContext(ctx); span.SpanContext().IsValid() {
		return &Span{span: span, ctx: ctx}
	}
	return nil
}

// Parent is what the traceparent header of whatever follows from the work says.
func (s *Span) Parent() string {
	if s == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	wire.Inject(s.ctx, carrier)
	return carrier.Get(header)
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

// Fail says that the work failed, and how, in one word. Texts of errors stay out: they may quote what was said.
func (s *Span) Fail(kind string) {
	if s != nil {
		s.span.SetStatus(codes.Error, kind)
		s.span.SetAttributes(attribute.String("error.type", kind))
	}
}

// End ends the work, failed where err is not nil, as its class says.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil {
		s.Fail(string(sluice.ClassOf(err)))
	}
	s.span.End()
}

// Input is the message that a stage works on, as the log has it.
type Input struct {
	// Parent is its traceparent header; empty where it has none, which begins a trace.
	Parent string
	// ID is its message id; its subject names the query, in most streams.
	ID, Subject string
	Stream      string
	Sequence    uint64
	Deliveries  int
}

// Stage begins a stage's work on a message, as a part of the trace that the message came with.
func (t *Tracing) Stage(ctx context.Context, stage string, in Input) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	return begin(within(ctx, in.Parent), t.tracer, "stage "+stage, trace.SpanKindConsumer,
		attribute.String("messaging.system", "nats"), attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.destination.name", in.Stream), attribute.String("sluice.stage", stage),
		attribute.String("messaging.message.id", in.ID), attribute.String("sluice.subject", in.Subject),
		attribute.Int64("messaging.nats.sequence", int64(in.Sequence)), attribute.Int("messaging.nats.deliveries", in.Deliveries))
}

// Settled ends a stage's work on a message: done, where the class is empty; dead; or to come again, by its
// failure's class and reason.
func (s *Span) Settled(class sluice.Class, err error) {
	if s == nil {
		return
	}
	outcome := "retry"
	switch class {
	case "":
		outcome = "done"
	case sluice.ClassTerminal, sluice.ClassPoison, sluice.ClassExhausted:
		outcome = "dead"
	}
	s.Set("sluice.outcome", outcome)
	if class != "" {
		s.Set("sluice.reason", string(sluice.ReasonOf(err)))
		s.Fail(string(class))
	}
	s.span.End()
}

// Publish begins a trace: a message is published that follows from nothing.
func (t *Tracing) Publish(ctx context.Context, subject string) *Span {
	if t == nil {
		return nil
	}
	_, span := begin(ctx, t.tracer, "publish", trace.SpanKindProducer, attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", "send"), attribute.String("messaging.destination.name", subject))
	return span
}

// Request begins the gateway's work on a request, as a part of the trace that the client's traceparent header names;
// empty where it sent none, which begins a trace.
func (t *Tracing) Request(ctx context.Context, name, parent string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	return begin(within(ctx, parent), t.tracer, name, trace.SpanKindServer)
}

// Part begins a part of the work that ctx belongs to; where nobody traces that, it is none.
func Part(ctx context.Context, name string) (context.Context, *Span) {
	return part(ctx, name, trace.SpanKindInternal)
}

// Call begins one call of a model, as a part of whatever ctx belongs to.
func Call(ctx context.Context, model string) *Span {
	_, span := part(ctx, "chat", trace.SpanKindClient)
	if span != nil {
		span.span.SetName("chat " + model)
	}
	return span
}

// Called notes how a call of a model ended: what its line in the ledger says, by the semantic conventions of
// OpenTelemetry for generative AI.
func (s *Span) Called(line *sluice.Call) {
	if s == nil {
		return
	}
	s.span.SetAttributes(
		attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.request.model", line.Model),
		attribute.String("gen_ai.provider.name", provider(line.Provider)), attribute.Int64("gen_ai.usage.input_tokens", line.Usage.Prompt),
		attribute.Int64("gen_ai.usage.output_tokens", line.Usage.Output+line.Usage.Thoughts),
		attribute.Int64("sluice.cost_microusd", int64(line.Cost)), attribute.String("sluice.call_id", line.ID),
		attribute.Int("sluice.attempt", line.Attempt), attribute.String("sluice.outcome", string(line.Outcome)))
	s.Set("sluice.tier", string(line.Tier))
	if line.Outcome != sluice.OutcomeOK {
		s.Fail(string(line.Outcome))
	}
}

// within puts ctx into the trace of a traceparent header.
func within(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return wire.Extract(ctx, propagation.MapCarrier{header: parent})
}

func part(ctx context.Context, name string, kind trace.SpanKind) (context.Context, *Span) {
	if !begun.Load() {
		return ctx, nil
	}
	around := trace.SpanFromContext(ctx)
	if !around.IsRecording() {
		return ctx, nil
	}
	return begin(ctx, around.TracerProvider().Tracer(scope), name, kind)
}

func begin(ctx context.Context, t trace.Tracer, name string, kind trace.SpanKind, known ...attribute.KeyValue) (context.Context, *Span) {
	ctx, span := t.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(known...))
	return ctx, &Span{span: span, ctx: ctx}
}

// provider is a provider's name as the semantic conventions have it.
func provider(name string) string {
	if name == "gemini" {
		return "gcp.gemini"
	}
	return name
}
