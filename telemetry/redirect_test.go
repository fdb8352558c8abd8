package telemetry

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The headers hold the collector's key, and Go's client takes all but its own three along to another host.
func TestSpansAndTheirKeyGoToNoAddressThatACollectorNames(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=secret")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s, with the key %q", r.Method, r.URL, r.Header.Get("X-Api-Key"))
	}))
	defer elsewhere.Close()
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		asked := ""
		collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Header.Get("X-Api-Key")
			http.Redirect(w, r, elsewhere.URL+"/inner", status)
		}))
		var log bytes.Buffer
		tracing, err := Start(t.Context(), Config{Endpoint: collector.URL, Share: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		_, span := tracing.Request(t.Context(), "r", "")
		span.End(nil)
		if err := tracing.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		collector.Close()
		if asked != "secret" || !strings.Contains(log.String(), "redirect") || !strings.Contains(log.String(), "lost=1") {
			t.Errorf("%d: the collector got the key %q, and the log says %s", status, asked, log.String())
		}
	}
}
