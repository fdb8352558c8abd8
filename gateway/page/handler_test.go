package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/gateway/page"
)

const adminKey = "the admin's"

// world is a page over made-up sources that note what was done to them.
type world struct {
	now     time.Time
	revoked atomic.Bool // the admin's key
	done    chan string
	server  *httptest.Server
}

func (w *world) sources() page.Sources {
	apgr, lo, hi := 0.61, 0.55, 0.67
	note := func(what string) error { w.done <- what; return nil }
	return page.Sources{
		Online: func(_ context.Context, window time.Duration) (page.Online, error) {
			return page.Online{
				At: w.now, WindowSeconds: int(window.Seconds()), Decisions: 40,
				Policies: []page.Count{{Name: "Standard_Query", Count: 30}, {Name: "Complex_Query", Count: 10}},
				Models:   []page.Count{{Name: "flash", Count: 30, Cost: 1200}, {Name: "pro", Count: 10, Cost: 98000}},
				Cost:     99200, SlotSeconds: window.Seconds() / 60,
				Slots: []page.Slot{
					{At: w.now.Add(-window / 2), Policies: map[string]int64{"Standard_Query": 20, "Complex_Query": 4}},
					{At: w.now.Add(-window / 4), Policies: map[string]int64{"Standard_Query": 10, "Complex_Query": 6}},
				},
				Latency: []page.Latency{{What: "router", P50: 0.4, P95: 1.2, P99: 3.4}, {What: "total", P50: 420, P95: 1900, P99: 4000}},
				Errors:  1, Fallbacks: 2, RouterFaults: 3,
				Recent: []page.Recent{{ID: "d1", At: w.now, Text: "a <b>secret</b> question", Policy: "Complex_Query", Model: "pro", Rule: "static", Outcome: "ok", LatencyMS: 900, Cost: 9800}},
			}, nil
		},
		Budgets: func(context.Context) ([]page.Budget, error) {
			return []page.Budget{
				{Name: "all", Scope: "global", Period: "day", Action: "refuse", ResetsAt: w.now.Add(time.Hour), Spent: 600_000, Reserved: 100_000, Limit: 1_000_000},
				{Name: "each", Scope: "tenant", Whose: "acme", Period: "month", Action: "downgrade", ResetsAt: w.now.Add(time.Hour), Spent: 3_100_000, Limit: 3_000_000},
			}, nil
		},
		Quality: func(context.Context) (page.Quality, error) {
			return page.Quality{Days: 7, Accuracy: []page.Accuracy{{Source: "judge", Policy: "Standard_Query", Graded: 20, Right: 0.95}}}, nil
		},
		Pipeline: func(context.Context) ([]page.Stage, error) {
			return []page.Stage{{Name: "judge", Lag: 1234, InFlight: 5, PerSecond: 7.25, Dead: 1, Ran: true, Alive: true}, {Name: "label"}}, nil
		},
		Matrix: func(context.Context) ([]page.Cell, error) {
			return []page.Cell{{Medium: "incorrect", Large: "correct", Policy: "Complex_Query", Queries: 77}}, nil
		},
		Routers: func(context.Context) ([]page.Router, error) {
			return []page.Router{
				{Version: "r2", Kind: "gemma", Status: "refused", Reason: "no better", MadeAt: w.now, APGR: &apgr, APGRLo: &lo, APGRHi: &hi},
				{Version: "r1", Kind: "logistic", Status: "promoted", Active: true, MadeAt: w.now},
				{Version: "static", Kind: "map", Status: "the fallback of every router", Before: true},
			}, nil
		},
		Tables: func(context.Context) (page.Tables, error) {
			return page.Tables{Warning: "a newer <b>sluice</b> was here"}, nil
		},
		Dead: func(context.Context) (page.Letters, error) {
			return page.Letters{Total: 7, List: []page.Letter{{ID: "l1", Stage: "judge", Reason: "exhausted", Error: "call gemini: 503", DiedAt: w.now}}}, nil
		},
		Try: func(_ context.Context, text string) (sluice.Decision, error) {
			return sluice.Decision{Policy: sluice.Complex, Model: "pro", Rule: "math", RuleReason: "an integral", Reasoning: "needs " + text, ReasoningSource: "template"}, nil
		},
		Promote: func(_ context.Context, p page.Promotion) error {
			if p.Version == "r2" && !p.Anyway {
				return &page.Fault{Status: http.StatusConflict, Message: "the gate refused r2"}
			}
			return note("promote " + p.Version + " over " + p.Over + " by " + p.By)
		},
		Rollback: func(_ context.Context, p page.Promotion) error { return note("rollback of " + p.Over + " by " + p.By) },
		Replay:   func(_ context.Context, id string) error { return note("replay " + id) },
		Admin: func(_ context.Context, secret string) (string, error) {
			switch secret {
			case "store away":
				return "", errors.New("the key store is away")
			case adminKey:
				return "k1", nil
			}
			return "", nil
		},
		Holds: func(key string) bool { return key == "k1" && !w.revoked.Load() },
	}
}

func open(t *testing.T, change func(*page.Sources)) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC), done: make(chan string, 10)}
	s := w.sources()
	if change != nil {
		change(&s)
	}
	w.server = httptest.NewServer(page.New(s, page.Options{Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(w.server.Close)
	return w
}

// ask sends a request as the page does, with the session's cookie if there is one.
func (w *world) ask(t *testing.T, method, path, body string, cookie *http.Cookie) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("X-Sluice-Page", "1")
	}
	if cookie != nil {
		req.AddCookie(cookie)
	}
	resp, err := w.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}

func (w *world) login(t *testing.T) *http.Cookie {
	t.Helper()
	status, body, header := w.ask(t, http.MethodPost, "/page/login", `{"key":" `+adminKey+`\n"}`, nil)
	c, err := http.ParseSetCookie(header.Get("Set-Cookie"))
	if status != http.StatusOK || err != nil {
		t.Fatalf("login: %d %s: %v", status, body, err)
	}
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("the session's cookie is %+v: scripts or other sites get it", c)
	}
	return c
}

var changes = []struct{ path, body, done string }{
	{"/page/promote", `{"version":"r2","over":"r1","anyway":true}`, "promote r2 over r1 by k1"},
	{"/page/rollback", `{"over":"r1"}`, "rollback of r1 by k1"},
	{"/page/replay", `{"id":"l1"}`, "replay l1"},
}

func TestWhateverChangesSomethingWantsALogin(t *testing.T) {
	w := open(t, nil)
	for _, c := range changes {
		if status, _, _ := w.ask(t, http.MethodPost, c.path, c.body, nil); status != http.StatusUnauthorized {
			t.Errorf("%s without a login: %d", c.path, status)
		}
		forged := &http.Cookie{Name: "sluice_session", Value: "guessed"}
		if status, _, _ := w.ask(t, http.MethodPost, c.path, c.body, forged); status != http.StatusUnauthorized {
			t.Errorf("%s with a forged session: %d", c.path, status)
		}
	}
	if status, body, _ := w.ask(t, http.MethodPost, "/page/login", `{"key":"wrong"}`, nil); status != http.StatusUnauthorized || !strings.Contains(body, "scope admin") {
		t.Errorf("a wrong key: %d %s", status, body)
	}
	if status, _, _ := w.ask(t, http.MethodPost, "/page/login", `{"key":"store away"}`, nil); status != http.StatusBadGateway {
		t.Errorf("a key store that is away: %d", status)
	}
	if len(w.done) != 0 {
		t.Fatalf("done without a login: %s", <-w.done)
	}
	session := w.login(t)
	for _, c := range changes {
		if status, body, _ := w.ask(t, http.MethodPost, c.path, c.body, session); status != http.StatusOK {
			t.Fatalf("%s: %d %s", c.path, status, body)
		}
		if done := <-w.done; done != c.done {
			t.Errorf("done %s, want %s", done, c.done)
		}
	}
}

func TestAnotherSitesFormChangesNothing(t *testing.T) {
	w := open(t, nil)
	session := w.login(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/page/rollback", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(session)
	resp, err := w.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || len(w.done) != 0 {
		t.Errorf("status %d, and %d things were done", resp.StatusCode, len(w.done))
	}
}

func TestASessionEnds(t *testing.T) {
	w := open(t, nil)
	session := w.login(t)
	w.now = w.now.Add(11 * time.Hour)
	if status, _, _ := w.ask(t, http.MethodGet, "/page/dead", "", session); status != http.StatusOK {
		t.Errorf("after eleven hours: %d", status)
	}
	w.now = w.now.Add(2 * time.Hour)
	if status, _, _ := w.ask(t, http.MethodGet, "/page/dead", "", session); status != http.StatusUnauthorized {
		t.Errorf("after thirteen hours: %d", status)
	}
	w.revoked.Store(true)
	if status, _, _ := w.ask(t, http.MethodGet, "/page/dead", "", w.login(t)); status != http.StatusUnauthorized {
		t.Errorf("with a key that was revoked: %d", status)
	}
	w.revoked.Store(false)
	session = w.login(t)
	w.ask(t, http.MethodPost, "/page/logout", "{}", session)
	if status, _, _ := w.ask(t, http.MethodGet, "/page/dead", "", session); status != http.StatusUnauthorized {
		t.Errorf("after logging out: %d", status)
	}
}

func TestQueriesAreShownToWhoIsLoggedInOnly(t *testing.T) {
	w := open(t, nil)
	status, body, _ := w.ask(t, http.MethodGet, "/page/online?window=5m", "", nil)
	if status != http.StatusOK || strings.Contains(body, "secret") || !strings.Contains(body, `"d1"`) {
		t.Errorf("without a login: %d %s", status, body)
	}
	if _, body, _ = w.ask(t, http.MethodGet, "/page/online?window=5m", "", w.login(t)); !strings.Contains(body, "secret") {
		t.Errorf("with a login: %s", body)
	}
	if status, _, _ = w.ask(t, http.MethodGet, "/page/online?window=9y", "", nil); status != http.StatusBadRequest {
		t.Errorf("an unknown window: %d", status)
	}
}

func TestWhatIsSomebodysIsShownToWhoIsLoggedInOnly(t *testing.T) {
	w := open(t, nil)
	if _, body, _ := w.ask(t, http.MethodGet, "/page/budgets", "", nil); strings.Contains(body, "acme") || !strings.Contains(body, `"all"`) {
		t.Errorf("without a login: %s", body)
	}
	if _, body, _ := w.ask(t, http.MethodGet, "/page/budgets", "", w.login(t)); !strings.Contains(body, "acme") {
		t.Errorf("with a login: %s", body)
	}
}

func TestTheTryBoxIsForAdminsAndGuests(t *testing.T) {
	guest := false
	w := open(t, func(s *page.Sources) { s.Guest = func(*http.Request) bool { return guest } })
	try := func(session *http.Cookie) int {
		status, _, _ := w.ask(t, http.MethodPost, "/page/try", `{"text":"why?"}`, session)
		return status
	}
	if status := try(nil); status != http.StatusUnauthorized {
		t.Errorf("a visitor: %d", status)
	}
	if status := try(w.login(t)); status != http.StatusOK {
		t.Errorf("an admin: %d", status)
	}
	guest = true
	if status := try(nil); status != http.StatusOK {
		t.Errorf("a guest: %d", status)
	}
	if status, _, _ := w.ask(t, http.MethodPost, "/page/rollback", `{}`, nil); status != http.StatusUnauthorized {
		t.Errorf("a guest rolls back: %d", status)
	}
}

func TestALockedPageShowsNothingWithoutALogin(t *testing.T) {
	w := &world{now: time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC), done: make(chan string, 10)}
	w.server = httptest.NewServer(page.New(w.sources(), page.Options{Locked: true, Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(w.server.Close)
	session := w.login(t)
	for _, path := range []string{"/page/online?window=1m", "/page/budgets", "/page/quality", "/page/pipeline", "/page/matrix", "/page/routers", "/page/dead"} {
		if status, _, _ := w.ask(t, http.MethodGet, path, "", nil); status != http.StatusUnauthorized {
			t.Errorf("%s without a login: %d", path, status)
		}
		if status, _, _ := w.ask(t, http.MethodGet, path, "", session); status != http.StatusOK {
			t.Errorf("%s with a login: %d", path, status)
		}
	}
}

func TestAPartThatIsNotThereSaysSo(t *testing.T) {
	w := open(t, func(s *page.Sources) {
		*s = page.Sources{Admin: s.Admin, Pipeline: func(context.Context) ([]page.Stage, error) { return nil, errors.New("NATS is away") }}
	})
	session := w.login(t)
	for _, path := range []string{"/page/online?window=1m", "/page/matrix", "/page/routers", "/page/dead"} {
		status, body, _ := w.ask(t, http.MethodGet, path, "", session)
		var v struct{ Error string }
		if err := json.Unmarshal([]byte(body), &v); status != http.StatusNotFound || err != nil || v.Error == "" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, c := range changes {
		if status, _, _ := w.ask(t, http.MethodPost, c.path, c.body, session); status != http.StatusNotFound {
			t.Errorf("%s: %d", c.path, status)
		}
	}
	if status, body, _ := w.ask(t, http.MethodGet, "/page/pipeline", "", session); status != http.StatusBadGateway || !strings.Contains(body, "NATS is away") {
		t.Errorf("a source that fails, to an admin: %d %s", status, body)
	}
	if status, body, _ := w.ask(t, http.MethodGet, "/page/pipeline", "", nil); status != http.StatusBadGateway || strings.Contains(body, "NATS is away") {
		t.Errorf("a source that fails, to a visitor: %d %s", status, body)
	}
}

func TestThePageMayLoadNothingFromElsewhere(t *testing.T) {
	w := open(t, nil)
	status, body, header := w.ask(t, http.MethodGet, "/", "", nil)
	if status != http.StatusOK || !strings.Contains(body, "<title>Sluice</title>") {
		t.Fatalf("%d %s", status, body)
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	for _, path := range []string{"/", "/page/script.js", "/page/draw.js", "/page/style.css"} {
		status, body, _ := w.ask(t, http.MethodGet, path, "", nil)
		if status != http.StatusOK || strings.Contains(body, "http://") || strings.Contains(body, "https://") || strings.Contains(body, "innerHTML") {
			t.Errorf("%s: %d; it names another server, or writes markup from data", path, status)
		}
	}
}
