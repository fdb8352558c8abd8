package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"sluice/internal/browsertest"
	"sluice/internal/gatetest"
	"sluice/internal/natstest"
	"sluice/internal/pgtest"
	"sluice/internal/process"
	"sluice/streams"
)

// person is somebody in front of a browser.
type person struct {
	t   *testing.T
	ctx context.Context
}

func (p person) does(step string, actions ...chromedp.Action) {
	p.t.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		var text string
		_ = chromedp.Run(p.ctx, chromedp.Evaluate("document.body.innerText", &text))
		p.t.Fatalf("%s: %v (%v); the page reads\n%s", step, err, context.Cause(p.ctx), text)
	}
}

// A newcomer starts sluice up, opens its page, and finds there what happens. PAGE_PICTURES names a directory that
// keeps what it looked like.
func TestThePageOfARunningRingShowsItsFigures(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", natstest.FreePort(t))
	env := []string{"DATABASE_URL=" + pgtest.Cluster(t).URL("")}
	sluice := func(args ...string) *process.Child {
		return process.Start(t, process.Spec{Name: args[0], Path: binaries.Sluice(t), Args: args, Dir: dir, Env: env})
	}
	up := sluice("up", "--upstream", "emulator", "--listen", addr, "--set", "routing.preset=hybrid",
		"--set", "budgets.limits=[{name: all, scope: global, period: day, limit: 1, action: refuse}]")
	ctx, complaints := browsertest.Open(t)
	if err := up.WaitFor(t.Context(), "page     http://"+addr+"/"); err != nil {
		t.Fatal(err)
	}
	p := person{t, ctx}
	p.does("a visitor opens the page", chromedp.EmulateViewport(1280, 900), chromedp.Navigate("http://"+addr+"/"),
		browsertest.Shows("pulse", "live"), browsertest.Shows("distribution", "No decision in this time"), browsertest.Shows("routers", "the static map"), browsertest.Shows("budgets", "$0 of $1.00"))
	p.does("and tries a decision", chromedp.Click("#examples button:nth-child(2)"), browsertest.Shows("decision", "gemini-2.5-pro"), browsertest.Shows("decision", "keywords-large"))

	for range 3 {
		answered(t, "http://"+addr, "Which river flows through Baghdad, asks MARKERANN?")
	}
	answered(t, "http://"+addr, "Prove that the square root of 2 is irrational.")
	if err := sluice("publish", "--limit", "40").Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.does("the figures come", browsertest.Shows("decisions", "4"), browsertest.Shows("models", "75.0%"), browsertest.Shows("models", "gemini-2.5-flash"), browsertest.Shows("latency", "whole request"),
		browsertest.Shows("recent", "keywords-large"), browsertest.Shows("pipeline", "analysis"))
	p.does("and the matrix", browsertest.Until("[...document.querySelectorAll('#matrix td b')].reduce((n, b) => n + Number(b.innerText), 0) === 40"))
	var body string
	p.does("without anybody's words", chromedp.InnerHTML("body", &body))
	if strings.Contains(body, "MARKERANN") {
		t.Error("a visitor reads a query")
	}
	made := sluice("keys", "create", "--scope", "admin")
	if err := made.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.does("the gateway hears of the key", browsertest.Until("fetch('/page/session').then((r) => r.json()).then((v) => !v.try)"))
	p.does("an admin reads them", chromedp.SetValue("#key", strings.TrimSpace(made.Stdout())), chromedp.Click("#login button"), browsertest.Shows("recent", "MARKERANN"))
	pictures(p)
	var asked []string
	p.does("what was it loaded from?", chromedp.Evaluate("performance.getEntriesByType('resource').map((e) => e.name)", &asked))
	if foreign := slices.DeleteFunc(asked, func(url string) bool { return strings.HasPrefix(url, "http://"+addr+"/") }); len(foreign) > 0 {
		t.Errorf("the page asked %v", foreign)
	}
	browsertest.Silent(t, complaints)
	if err := up.Stop(); err != nil {
		t.Error(err)
	}
	p.does("and the page says when the gateway is away", browsertest.Shows("pulse", "away"))
}

// pictures keeps what the page looks like.
func pictures(p person) {
	dir := os.Getenv("PAGE_PICTURES")
	if dir == "" {
		return
	}
	dark := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}
	for _, c := range []struct {
		name  string
		width int64
		media chromedp.Action
	}{{"up", 1280, emulation.SetEmulatedMedia()}, {"up-dark", 1280, emulation.SetEmulatedMedia().WithFeatures(dark)}, {"up-phone", 390, emulation.SetEmulatedMedia()}} {
		var picture []byte
		p.does(c.name, chromedp.EmulateViewport(c.width, 900), c.media, chromedp.FullScreenshot(&picture, 100))
		if err := os.WriteFile(filepath.Join(dir, c.name+".png"), picture, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

// answered asks a gateway without a key.
func answered(t *testing.T, url, question string) {
	t.Helper()
	body := fmt.Sprintf(`{"model":"auto","messages":[{"role":"user","content":%q}]}`, question)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", question, resp.Status)
	}
}

// paged has an admin do on a gateway's page all that it can do, under the gateway's role.
func paged(s *secured, g served) {
	s.t.Helper()
	secret := strings.TrimSpace(s.run(streams.RoleOperator, "", "keys", "create", "--name", "page", "--scope", "admin"))
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	ask := func(method, path, body string) int {
		req, err := http.NewRequestWithContext(s.t.Context(), method, g.url+path, strings.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("X-Sluice-Page", "1")
		resp, err := client.Do(req)
		if err != nil {
			s.t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	gatetest.Until(s.t, "the gateway hears of the key", func() bool {
		return ask(http.MethodPost, "/page/login", `{"key":"`+secret+`"}`) == http.StatusOK
	})
	version := s.version()
	for _, step := range []struct{ method, path, body string }{
		{http.MethodGet, "/page/online?window=1h", ""},
		{http.MethodGet, "/page/budgets", ""},
		{http.MethodGet, "/page/quality", ""},
		{http.MethodGet, "/page/pipeline", ""},
		{http.MethodGet, "/page/matrix", ""},
		{http.MethodGet, "/page/routers", ""},
		{http.MethodGet, "/page/dead", ""},
		{http.MethodPost, "/page/rollback", `{"over":"` + version + `"}`},
		{http.MethodPost, "/page/promote", `{"version":"` + version + `","anyway":true}`},
	} {
		if status := ask(step.method, step.path, step.body); status != http.StatusOK {
			s.t.Errorf("%s: %d", step.path, status)
		}
	}
}
