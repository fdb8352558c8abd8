package web_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/gateway/openai"
	"sluice/gateway/web"
	"sluice/internal/gatetest"
)

// told is a log that may be read while it is written.
type told struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *told) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

func (l *told) has(words string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.lines.String(), words)
}

func TestEveryReplyTellsAnIdOfItsRequestThatTheLogKnows(t *testing.T) {
	t.Parallel()
	log := &told{}
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Web.Log, p.Web.MaxBody = slog.New(slog.NewJSONHandler(log, nil)), 4096
	})
	for _, c := range []struct {
		method, path, body string
		header             []string
		status             int
		logged             bool
	}{
		{http.MethodPost, "/v1/chat/completions", `{`, nil, 400, true},
		{http.MethodPost, "/v1/chat/completions", `{}`, []string{"Authorization", "Bearer wrong"}, 401, true},
		{http.MethodPost, "/v1/chat/completions", strings.Repeat(" ", 5000), nil, 413, true},
		{http.MethodPost, "/v1/chat/completions", `{}`, []string{"Idempotency-Key", "k"}, 400, true},
		{http.MethodPost, "/v1/responses", `{`, nil, 400, true},
		{http.MethodPost, "/v1beta/models/auto:generateContent", `{`, nil, 400, true},
		{http.MethodPost, "/v1beta/models/auto:generateContent", `{}`, []string{"X-Goog-Api-Key", "wrong"}, 401, true},
		{http.MethodPost, "/v1/route", `{`, nil, 400, true},
		{http.MethodPost, "/v1/feedback", `{`, nil, 400, true},
		{http.MethodPost, "/v1/feedback", `{"decision_id":"abc","thumb":"up"}`, nil, 200, false},
		{http.MethodGet, "/v1/chat/completions", "", nil, 405, true},
		{http.MethodGet, "/nowhere", "", nil, 404, true},
		{http.MethodGet, "/v1/models", "", nil, 200, false},
		{http.MethodGet, "/v1beta/models/none", "", nil, 404, true},
		{http.MethodGet, "/healthz", "", nil, 200, false},
	} {
		for sent, kept := range map[string]bool{"": false, "mine-1.2:3_a": true, "two words": false, strings.Repeat("x", 200): false} {
			req, err := http.NewRequestWithContext(t.Context(), c.method, r.URL+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			for i := 0; i < len(c.header); i += 2 {
				req.Header.Set(c.header[i], c.header[i+1])
			}
			if sent != "" {
				req.Header.Set("X-Request-Id", sent)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			id := resp.Header.Get("X-Request-Id")
			if resp.StatusCode != c.status {
				t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, resp.StatusCode, c.status, text)
			}
			if id == "" || (id == sent) != kept && resp.Header.Get("X-Sluice-Replayed") == "" {
				t.Errorf("%s %s with the id %.20q: %d has %q", c.method, c.path, sent, c.status, id)
			}
			if c.logged != log.has(`"request_id":"`+id+`","route":"`) && !kept { // kept ones are sent more than once
				t.Errorf("%s %s: %d, logged %t: %q", c.method, c.path, c.status, !c.logged, id)
			}
		}
	}
}

func TestADecisionsIdStaysTheIdOfItsRequest(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for path, body := range map[string]string{
		"/v1/chat/completions":                `{"model":"auto","messages":[{"role":"user","content":"Hi"}]}`,
		"/v1beta/models/auto:generateContent": `{"contents":[{"parts":[{"text":"Hi"}]}]}`,
	} {
		got := r.Post(t, path, body, "X-Request-Id", "mine")
		if id := got.Header.Get("X-Request-Id"); got.Status != http.StatusOK || id == "" || id != got.Header.Get("X-Sluice-Decision-Id") {
			t.Errorf("%s: %d, request %q, decision %q", path, got.Status, id, got.Header.Get("X-Sluice-Decision-Id"))
		}
	}
}

func TestAFloodOfRefusedRequestsIsNoneOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &told{}
		door := web.New(web.Options{Keys: nobody{}, Log: slog.New(slog.NewJSONHandler(log, nil))}, openai.Fail)
		flood := func(n int) {
			for range n {
				door.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/nowhere", http.NoBody))
			}
		}
		flood(250)
		if n := strings.Count(log.lines.String(), "\n"); n != 100 || log.has("untold") {
			t.Errorf("%d lines of 250 requests", n)
		}
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock jumps
		if flood(2); !log.has(`"untold":150`) || strings.Count(log.lines.String(), "untold") != 1 {
			t.Error("nobody is told how many have no line")
		}
	})
}

func TestTheLogOfRefusedRequestsTellsNobodysData(t *testing.T) {
	t.Parallel()
	log := &told{}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Web.Log = slog.New(slog.NewJSONHandler(log, nil)) })
	got := r.Post(t, "/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"bob@example.com":1}`)
	if got.Status != http.StatusBadRequest || !log.has("[EMAIL]") || log.has("example.com") {
		t.Errorf("%d, %s", got.Status, log.lines.String())
	}
}
