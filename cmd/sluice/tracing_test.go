package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"sluice/internal/natstest"
	"sluice/streams"
)

// spans is a collector of traces.
type spans struct {
	mu  sync.Mutex
	all []*trace.Span
}

func (s *spans) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	var batch collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(data, &batch) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range batch.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			s.all = append(s.all, ss.GetSpans()...)
		}
	}
}

// tree is the spans of the trace that a span of this name begins, or that has this id, each as "parent > span", sorted.
func (s *spans) tree(root string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := ""
	for _, span := range s.all {
		if span.GetName() == root && len(span.GetParentSpanId()) == 0 || hex.EncodeToString(span.GetTraceId()) == root {
			id = string(span.GetTraceId())
		}
	}
	return s.of(id)
}

// of is the spans of a trace, as tree has them. s.mu is held.
func (s *spans) of(id string) []string {
	names := map[string]string{}
	for _, span := range s.all {
		names[string(span.GetSpanId())] = span.GetName()
	}
	var out []string
	for _, span := range s.all {
		if string(span.GetTraceId()) == id {
			out = append(out, names[string(span.GetParentSpanId())]+" > "+span.GetName())
		}
	}
	slices.Sort(out)
	return out
}

// has says whether every wanted line is there, as often as it is wanted.
func has(got []string, want ...string) bool {
	got = slices.Clone(got)
	for _, w := range want {
		i := slices.Index(got, w)
		if i < 0 {
			return false
		}
		got = slices.Delete(got, i, i+1)
	}
	return true
}

func TestOneTraceFollowsAQueryThroughTheRingAndOneARequest(t *testing.T) {
	seen := &spans{}
	at := httptest.NewServer(seen)
	defer at.Close()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50") // milliseconds between batches, instead of five seconds
	p := newProgram(t).withTables()
	p.env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = at.URL + "/v1/traces"
	where, _ := p.serve("up", "--upstream", "emulator")

	file := filepath.Join(p.dir, "rows.jsonl")
	if err := os.WriteFile(file, []byte(`{"prompt":"Which river flows through Baghdad?","truth":"Tigris"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.must("publish", "--map", "query=prompt,ground_truth=truth", file)
	ring := []string{
		" > publish", "publish > stage intake", "stage intake > stage answer", "stage answer > chat gemini-2.5-flash", "stage answer > chat gemini-2.5-pro",
		"stage answer > stage judge", "stage answer > stage judge", "stage judge > chat gemini-2.5-pro", "stage judge > chat gemini-2.5-pro",
		"stage judge > stage label", "stage judge > stage label", "stage label > stage analysis", "stage analysis > chat gemini-2.5-flash",
		"stage analysis > stage record", "stage answer > stage record", "stage answer > stage record",
	}
	var got []string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last trace that was looked at:\n%s", strings.Join(got, "\n"))
		}
	})
	eventually(t, "the trace of the query", func() bool { got = seen.tree("publish"); return has(got, ring...) })

	if status, text := chat(t, where.Gateway, "Which river flows through Baghdad?"); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	request := "POST /v1/chat/completions"
	online := []string{
		" > " + request, request + " > decide", request + " > reserve budget", request + " > chat gemini-2.5-flash",
		request + " > stage monitor", "stage monitor > stage record",
	}
	eventually(t, "the trace of the request", func() bool { got = seen.tree(request); return has(got, online...) })

	theirs := "0af7651916cd43dd8448eb211c80319c"
	m := nats.NewMsg("route.answer")
	m.Data = []byte(`{"query":"Which river flows through Baghdad?"}`)
	m.Header[streams.HeaderTraceParent] = []string{"00-" + theirs + "-b7ad6b7169203331-01"}
	if r, err := natstest.Upstream(t, where.NATS).Conn().RequestMsg(m, 10*time.Second); err != nil || r.Header.Get("Nats-Service-Error") != "" {
		t.Fatalf("route.answer: %v, %+v", err, r)
	}
	asked := []string{" > route.answer", "route.answer > decide", "route.answer > chat gemini-2.5-flash", "route.answer > stage monitor"}
	eventually(t, "the trace of a NATS client", func() bool { got = seen.tree(theirs); return has(got, asked...) })
}

// A request that is sampled can be followed from the gateway into its label.
func TestTheTraceOfARequestGoesOnIntoTheLabelOfItsSample(t *testing.T) {
	seen := &spans{}
	at := httptest.NewServer(seen)
	defer at.Close()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50") // milliseconds
	p := newProgram(t).withTables()
	p.env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = at.URL + "/v1/traces"
	where, _ := p.serve("up", "--upstream", "emulator", "--set", "monitor.sample={share: 1, even: 1, every: 1s}")
	if status, text := chat(t, where.Gateway, "Which river flows through Baghdad?"); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	const request = "POST /v1/chat/completions"
	want := []string{" > " + request, request + " > stage intake", "stage intake > stage answer", "stage judge > stage label", "stage label > stage analysis"}
	var got []string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last trace that was looked at:\n%s", strings.Join(got, "\n"))
		}
	})
	eventually(t, "the trace of the request and of its label", func() bool { got = seen.tree(request); return has(got, want...) })
}

// Nothing of traces is on the wire where nobody asked for them.
func TestWithoutTracingNoMessageNamesATrace(t *testing.T) {
	p := newProgram(t).withTables()
	where, _ := p.serve("up", "--upstream", "emulator")
	ask(t, where.NATS, "web", question("q", "Is this one fine?", ""))
	if status, text := chat(t, where.Gateway, "Which river?"); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	db := p.db()
	eventually(t, "the example and the decision", func() bool {
		return countOf(t, db, `SELECT count(*) FROM examples`) == 1 && countOf(t, db, `SELECT count(*) FROM decisions`) == 1
	})
	read := 0
	for _, stream := range []string{streams.StreamAccepted, streams.StreamExamples, streams.StreamDecisions, streams.StreamCalls} {
		for m, err := range streams.Scan(t.Context(), natstest.Upstream(t, where.NATS), stream, streams.Window{}) {
			if err != nil {
				t.Fatal(err)
			}
			if read++; m.Header[streams.HeaderTraceParent] != "" {
				t.Errorf("%s names the trace %s", m.Subject, m.Header[streams.HeaderTraceParent])
			}
		}
	}
	if read < 8 {
		t.Errorf("%d messages were read", read)
	}
}

// A collector that is away costs spans, and nothing else.
func TestACollectorThatIsAwayHarmsNobody(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	p := newProgram(t)
	where, stop := p.serve("gateway", "--upstream", "emulator", "--set", "telemetry.endpoint="+gone.URL+"/v1/traces")
	if status, text := chat(t, where.Gateway, "Which river?"); status != http.StatusOK {
		t.Errorf("status %d: %s", status, text)
	}
	if status := stop(); status != statusDone {
		t.Errorf("status %d", status)
	}
	_, errs, status := p.run("gateway", "--set", "telemetry.endpoint=collector:4318")
	if status != statusUsage || !strings.Contains(errs, "telemetry.endpoint") || !strings.Contains(errs, "http://collector:4318/v1/traces") {
		t.Errorf("an endpoint that is none: status %d\n%s", status, errs)
	}
}
