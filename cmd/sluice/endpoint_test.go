package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
)

func statusOf(t *testing.T, url string) int {
	t.Helper()
	status, _ := fetch(t, url)
	return status
}

func TestAStageThatRunsAloneTellsHowItIs(t *testing.T) {
	p := newProgram(t)
	first, _ := p.serve("consume", "intake", "--metrics-listen", "127.0.0.1:0")
	second, _ := p.serve("consume", "intake", "--metrics-listen", "127.0.0.1:0")
	if first.Metrics == second.Metrics || first.Metrics == "" {
		t.Fatalf("metrics at %q and %q", first.Metrics, second.Metrics)
	}
	ask(t, first.NATS, "web", question("one", "Is this one fine?", ""))
	eventually(t, "one copy counts the message", func() bool {
		both := scrape(t, first.Metrics) + scrape(t, second.Metrics)
		return strings.Count(both, `sluice_process_settled_total{outcome="done",stage="intake"} 1`) == 1
	})
	for _, path := range []string{"/healthz", "/readyz"} {
		eventually(t, path+" is well", func() bool {
			return statusOf(t, strings.TrimSuffix(first.Metrics, "/metrics")+path) == http.StatusOK
		})
	}
	for _, want := range []string{"sluice_calls_adopted_total 0", "sluice_log_refusals_total 0", "go_goroutines"} {
		if text := scrape(t, first.Metrics); !strings.Contains(text, want) {
			t.Errorf("no metric %s", want)
		}
	}
	taken := strings.TrimSuffix(strings.TrimPrefix(first.Metrics, "http://"), "/metrics")
	if _, errs, status := p.run("consume", "label", "--metrics-listen", taken); status != statusFailed || !strings.Contains(errs, "stages.metrics_listen") || !strings.Contains(errs, "port 0") {
		t.Errorf("a taken address: status %d, %s", status, errs)
	}
}

func TestAStageServesNoMetricsUnlessItIsTold(t *testing.T) {
	p := newProgram(t)
	if where, _ := p.serve("consume", "intake"); where.Metrics != "" {
		t.Errorf("metrics at %s", where.Metrics)
	}
}

func TestWorkersAndRoutersTellHowTheyAre(t *testing.T) {
	p := newProgram(t)
	for _, args := range [][]string{{"train", "worker"}, {"route", "serve"}} {
		where, _ := p.serve(append(args, "--metrics-listen", "127.0.0.1:0")...)
		if text := scrape(t, where.Metrics); !strings.Contains(text, "sluice_log_refusals_total 0") {
			t.Errorf("%v: %s", args, text)
		}
		eventually(t, "it is ready", func() bool {
			return statusOf(t, strings.TrimSuffix(where.Metrics, "/metrics")+"/readyz") == http.StatusOK
		})
	}
}

func TestAnEndpointSaysWhyItsProcessIsNotReady(t *testing.T) {
	e, err := openEndpoint(t.Context(), "key", "127.0.0.1:0", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	at := strings.TrimSuffix(e.URL(), "/metrics")
	if statusOf(t, at+"/healthz") != http.StatusOK || statusOf(t, at+"/readyz") != http.StatusServiceUnavailable {
		t.Error("a process that starts is healthy and not ready")
	}
	ctx, cancel := context.WithCancel(t.Context())
	e.readyWhen(func() error {
		if ctx.Err() != nil {
			return errors.New("shutting down")
		}
		return nil
	})
	if statusOf(t, at+"/readyz") != http.StatusOK {
		t.Error("it is ready")
	}
	cancel()
	if statusOf(t, at+"/readyz") != http.StatusServiceUnavailable {
		t.Error("it is shutting down")
	}
}

func TestAnEndpointIsReadyOnceNothingSpeaksAgainstIt(t *testing.T) {
	e, err := openEndpoint(t.Context(), "stages.metrics_listen", "127.0.0.1:0", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	readyz := strings.TrimSuffix(e.URL(), "/metrics") + "/readyz"
	if got := statusOf(t, readyz); got != http.StatusServiceUnavailable {
		t.Errorf("while it starts: status %d", got)
	}
	e.readyWhen(nil)
	if got := statusOf(t, readyz); got != http.StatusOK {
		t.Errorf("with nobody to ask: status %d", got)
	}
	e.failed <- errors.New("no more sockets")
	if err := e.Close(); err == nil {
		t.Error("that it ended by itself is told to nobody")
	}
}
