package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/gateway/keys"
	"sluice/internal/natstest"
	"sluice/streams"
)

// chat asks a gateway.
func chat(t *testing.T, url, question string) (status int, reply string) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"model": "auto", "messages": []map[string]string{{"role": "user", "content": question}}})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return exchange(t, http.DefaultClient, req)
}

// decisionsIn lists what is in the log at url.
func decisionsIn(t *testing.T, url string) []sluice.Decision {
	t.Helper()
	return factsIn[sluice.Decision](t, url, streams.StreamDecisions)
}

// factsIn lists what is in a stream of the log at url.
func factsIn[T any](t *testing.T, url, stream string) []T {
	t.Helper()
	var out []T
	for m, err := range streams.Scan(t.Context(), natstest.Upstream(t, url), stream, streams.Window{}) {
		if err != nil {
			t.Fatal(err)
		}
		fact, err := streams.Decode[T](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fact)
	}
	return out
}

func TestAskAnswersAndExplainsAndIsWrittenDown(t *testing.T) {
	p := newProgram(t)
	out := p.must("ask", "--upstream", "emulator", "--set", "routing.preset=hybrid", "--explain", "Prove that the square root of 2 is irrational.")
	for _, want := range []string{"rule       keywords-large", "model      gemini-2.5-pro", "cost       $0."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	var got struct {
		Answer   string
		Decision sluice.Decision
	}
	if err := json.Unmarshal([]byte(p.must("ask", "--upstream", "emulator", "--json", "--tenant", "acme", "Which river flows through Baghdad?")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Answer == "" || got.Decision.Query.Tenant != "acme" || got.Decision.API != "cli" {
		t.Errorf("got %+v", got)
	}
	where, stop := p.serve("gateway", "--upstream", "emulator")
	d := decisionsIn(t, where.NATS)
	if len(d) != 2 || d[1].ID != got.Decision.ID {
		t.Errorf("the log holds %+v", d)
	}
	stop()
}

func TestAnExplanationLeavesOutWhatNobodyDecided(t *testing.T) {
	var out strings.Builder
	explain(&out, &sluice.Decision{Model: "gemini-2.5-pro", Rule: "explicit", RuleReason: "the client named the model", RouterVersion: "none"})
	if s := out.String(); strings.Contains(s, "policy") || strings.Contains(s, "router") || !strings.Contains(s, "rule       explicit: the client named the model") {
		t.Errorf("no router was asked:\n%s", s)
	}
}

func TestAGatewayAsksARouterOverNATSAndDoesWithoutIt(t *testing.T) {
	p := newProgram(t)
	where, stop := p.serve("gateway", "--upstream", "emulator", "--set", "gateway.router=nats")
	if status, text := chat(t, where.Gateway, "Which river?"); status != http.StatusOK || !strings.Contains(text, `"router_fault":"unavailable"`) {
		t.Errorf("without a router: status %d: %s", status, text)
	}
	if status := stop(); status != statusDone {
		t.Errorf("status %d", status)
	}
}

func TestAKeyClosesTheDoor(t *testing.T) {
	p := newProgram(t)
	where, stop := p.serve("gateway", "--upstream", "emulator")
	if status, text := chat(t, where.Gateway, "Which river?"); status != http.StatusOK {
		t.Errorf("before the first key: status %d: %s", status, text)
	}
	began := time.Now()
	if _, errs, _ := p.run("keys", "create", "--name", "first"); !strings.Contains(errs, "it is the first key") {
		t.Errorf("the first key: %s", errs)
	}
	if took := time.Since(began); took < keys.LookEvery {
		t.Errorf("a key is handed out after %s, before the gateways have looked for it", took)
	}
	eventually(t, "the door is closed to those without a key", func() bool {
		status, _ := chat(t, where.Gateway, "Which river?")
		return status == http.StatusUnauthorized
	})
	if _, errs, _ := p.run("keys", "create", "--name", "second"); strings.Contains(errs, "first key") {
		t.Errorf("the second key: %s", errs)
	}
	stop()
}

func TestAnInterruptedQuestionSaysSo(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server hears that its client goes
		interrupt()
		<-r.Context().Done()
	}))
	defer silent.Close()
	m, _, errs := newProgram(t).command("ask", "--upstream", silent.URL, "Why?")
	if status := m.report(m.Run(ctx)); status != statusInterrupted || !strings.Contains(errs.String(), errInterrupted.Error()) {
		t.Errorf("status %d, want %d\n%s", status, statusInterrupted, errs)
	}
}
