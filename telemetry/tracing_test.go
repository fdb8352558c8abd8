package telemetry

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"sluice"
)

// The request, the stages behind it and a call of a model are one trace, by headers alone.
func TestOneTraceFollowsAQuery(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tracing := newTracing(Config{Service: "test", Share: 1}, sdktrace.WithSyncer(spans))
	_, request := tracing.Request(t.Context(), "POST /v1/chat/completions", "")
	asked := Input{Stream: "QUERIES", Sequence: 7, Deliveries: 1, Parent: request.Parent()}
	ctx, stage := tracing.Stage(t.Context(), "answer", asked)
	call := Call(ctx, "gemini-2.5-pro")
	call.Called(&sluice.Call{ID: "c1", Model: "gemini-2.5-pro", Outcome: sluice.OutcomeTimeout, Usage: sluice.Usage{Prompt: 5, Output: 2, Thoughts: 3}, Cost: 9})
	call.End(nil)
	stage.Settled(sluice.ClassTerminal, sluice.Terminalf(sluice.ReasonRefused, "the secret text %s", "of a query"))
	request.End(nil)

	got := spans.GetSpans()
	if len(got) != 3 {
		t.Fatalf("%d spans, want 3", len(got))
	}
	byName := map[string]tracetest.SpanStub{}
	for _, s := range got {
		byName[s.Name] = s
		if s.SpanContext.TraceID() != got[0].SpanContext.TraceID() {
			t.Errorf("%s is in another trace", s.Name)
		}
		for _, a := range s.Attributes {
			if strings.Contains(a.Value.String(), "secret") || strings.Contains(s.Status.Description, "secret") {
				t.Errorf("%s tells what was said: %s %s", s.Name, a.Value.String(), s.Status.Description)
			}
		}
	}
	parent := func(child, of string) {
		if byName[child].Parent.SpanID() != byName[of].SpanContext.SpanID() {
			t.Errorf("%s is no child of %s", child, of)
		}
	}
	parent("stage answer", "POST /v1/chat/completions")
	parent("chat gemini-2.5-pro", "stage answer")
	if s := byName["stage answer"].Status; s.Description != "terminal" {
		t.Errorf("the failed stage's status is %+v", s)
	}
	if s := byName["chat gemini-2.5-pro"].Status; s.Description != "timeout" {
		t.Errorf("the failed call's status is %+v", s)
	}
}

func TestATraceThatWasNotKeptElsewhereIsNotKeptHere(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tracing := newTracing(Config{Share: 1}, sdktrace.WithSyncer(spans))
	_, request := tracing.Request(t.Context(), "r", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
	if !strings.HasPrefix(request.Parent(), "00-0af7651916cd43dd8448eb211c80319c-") || !strings.HasSuffix(request.Parent(), "-00") {
		t.Errorf("traceparent %q", request.Parent())
	}
	request.End(errors.New("x"))
	if n := len(spans.GetSpans()); n != 0 {
		t.Errorf("%d spans of a trace that its beginner does not keep", n)
	}
}

func TestWithoutAnEndpointNothingIsMade(t *testing.T) {
	tracing, err := Start(t.Context(), Config{Share: 1})
	if err != nil || tracing != nil {
		t.Fatalf("tracing %v, %v", tracing, err)
	}
	in := Input{Stream: "QUERIES"}
	line, ctx := sluice.Call{}, t.Context()
	if n := testing.AllocsPerRun(100, func() {
		_, s := tracing.Stage(ctx, "answer", in)
		s.Set("a", "b")
		s.Count("c", 1)
		s.Settled("", nil)
		s.End(nil)
		_, s = tracing.Request(ctx, "r", "")
		_, p := Part(ctx, "decide")
		p.Set("a", "b")
		c := Call(ctx, "m")
		c.Called(&line)
		if s.Parent() != "" || tracing.Publish(ctx, "s").Parent() != "" || Of(ctx).Parent() != "" {
			t.Error("a parent without tracing")
		}
	}); n != 0 {
		t.Errorf("%v allocations a message while tracing is off", n)
	}
	if err := tracing.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// A real collector's wire: what arrives is OTLP, and Shutdown sends the last span.
func TestSpansReachACollector(t *testing.T) {
	var mu sync.Mutex
	var names []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var batch collector.ExportTraceServiceRequest
		data, err := io.ReadAll(r.Body)
		if err = errors.Join(err, proto.Unmarshal(data, &batch)); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, rs := range batch.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					names = append(names, s.GetName())
				}
			}
		}
	}))
	defer server.Close()
	tracing, err := Start(t.Context(), Config{Endpoint: server.URL + "/v1/traces", Share: 1, Service: "sluice-test"})
	if err != nil {
		t.Fatal(err)
	}
	_, s := tracing.Request(t.Context(), "GET /healthz", "")
	s.End(nil)
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(names) != 1 || names[0] != "GET /healthz" {
		t.Errorf("the collector got %v", names)
	}
}

// A stage's span says what became of the message, as the runner settled it.
func TestASettledMessageSaysItsOutcome(t *testing.T) {
	for class, want := range map[sluice.Class]string{"": "done", sluice.ClassRetryable: "retry", sluice.ClassWait: "retry", sluice.ClassExhausted: "dead", sluice.ClassPoison: "dead"} {
		spans := tracetest.NewInMemoryExporter()
		tracing := newTracing(Config{Share: 1}, sdktrace.WithSyncer(spans))
		_, s := tracing.Stage(t.Context(), "judge", Input{ID: "m1", Subject: "answers.said.p.q.medium", Stream: "ANSWERS", Sequence: 3, Deliveries: 2})
		s.Settled(class, errors.New("a secret"))
		known := map[string]string{}
		for _, a := range spans.GetSpans()[0].Attributes {
			known[string(a.Key)] = a.Value.String()
		}
		if known["sluice.outcome"] != want || known["error.type"] != string(class) || known["messaging.message.id"] != "m1" ||
			known["sluice.subject"] != "answers.said.p.q.medium" || known["messaging.nats.deliveries"] != "2" {
			t.Errorf("class %q: %v", class, known)
		}
	}
}
