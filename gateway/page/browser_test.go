package page_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser starts a headless Chromium of its own. Where there is none the test is skipped; CI installs one,
// and a skipped test fails there.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on the PATH: apt-get install chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until it has let go of its directory
	return ctx
}

// complaints collects what the page's script throws or logs as an error.
func complaints(ctx context.Context) *[]string {
	var heard []string
	chromedp.ListenTarget(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			heard = append(heard, e.ExceptionDetails.Error())
		}
	})
	return &heard
}

// until waits for a condition on the document, in JavaScript.
func until(condition string) chromedp.Action {
	return chromedp.Poll(condition, nil, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second))
}

// shows waits for a text in an element.
func shows(id, text string) chromedp.Action {
	return until(fmt.Sprintf("document.getElementById(%q).innerText.includes(%q)", id, text))
}

func run(t *testing.T, ctx context.Context, step string, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("%s: %v", step, err)
	}
}

func TestInABrowser(t *testing.T) {
	w := open(t, nil)
	ctx := browser(t)
	heard := complaints(ctx)
	run(t, ctx, "a visitor sees the numbers", chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(w.server.URL),
		shows("pulse", "live"), shows("policy-legend", "Complex_Query 25.0%"), shows("models", "$0.0980"),
		shows("budgets", "$0.60 of $1.00"), shows("latency", "1.9 s"), shows("accuracy", "95.0%"), shows("pipeline", "1,234"), shows("pipeline", "label never ran"),
		shows("matrix", "77"), shows("routers", "0.610 [0.550, 0.670]"), shows("recent", "static"), shows("dead", "Log in"),
		until("document.querySelectorAll('#chart rect').length === 4"))
	var before string
	run(t, ctx, "and no query", chromedp.InnerHTML("body", &before))
	if strings.Contains(before, "secret") || strings.Contains(before, "acme") || strings.Contains(before, ">promote<") {
		t.Error("a visitor sees a query, a tenant, or a button that changes something")
	}
	run(t, ctx, "a wrong key is refused", chromedp.SetValue("#key", "wrong"), chromedp.Click("#login button"), shows("notice", "scope admin"))
	run(t, ctx, "an admin sees queries, as text", chromedp.SetValue("#key", adminKey), chromedp.Click("#login button"),
		shows("recent", "a <b>secret</b> question"), shows("dead", "call gemini: 503"), shows("budgets", "acme"))
	run(t, ctx, "tries a decision", chromedp.SendKeys("#try textarea", "an <i>integral</i>"), chromedp.Click("#try button"),
		shows("decision", "needs an <i>integral</i>"), shows("decision", "math: an integral"))
	run(t, ctx, "thinks better of it", chromedp.Click("#rollback"), shows("sure", "the static map decides again"), chromedp.Click("#sure menu button"))
	for _, b := range []struct{ button, asked, done string }{
		{"#dead tbody button", "", "replay l1"}, {"#routers tbody button", "The gate refused it: no better", "promote r2 over r1 by k1"}, {"#rollback", "in place of r1", "rollback of r1 by k1"},
	} {
		run(t, ctx, b.done, chromedp.Click(b.button))
		if b.asked != "" {
			run(t, ctx, b.done+", for sure", shows("sure", b.asked), chromedp.Click("#sure .do"))
		}
		select {
		case done := <-w.done:
			if done != b.done {
				t.Errorf("done %s, want %s", done, b.done)
			}
		case <-ctx.Done():
			t.Fatalf("%s was clicked, and nothing done", b.button)
		}
	}
	run(t, ctx, "logs out", chromedp.Click("#logout"), shows("dead", "Log in"))
	if len(*heard) > 0 {
		t.Errorf("the page's script failed: %v", *heard)
	}
}

// On a phone nothing but the wide tables' own boxes scrolls sideways; in dark mode text is light on dark.
// PAGE_PICTURES names a directory that keeps what it looked like.
func TestOnAPhoneAndInTheDark(t *testing.T) {
	w := open(t, nil)
	ctx := browser(t)
	dark := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}
	for _, c := range []struct {
		name   string
		width  int64
		action chromedp.Action
	}{
		{"phone", 380, emulation.SetEmulatedMedia()},
		{"dark", 1280, emulation.SetEmulatedMedia().WithFeatures(dark)},
		{"light", 1280, emulation.SetEmulatedMedia()},
	} {
		var width, ink, paper float64
		var picture []byte
		brightness := "(c => { const [r, g, b] = getComputedStyle(document.body)[c].match(/\\d+/g).map(Number); return (r + g + b) / 765 })"
		run(t, ctx, c.name, chromedp.EmulateViewport(c.width, 900), c.action, chromedp.Navigate(w.server.URL), shows("pulse", "live"), shows("matrix", "77"),
			chromedp.Evaluate("document.documentElement.scrollWidth", &width),
			chromedp.Evaluate(brightness+"('color')", &ink), chromedp.Evaluate(brightness+"('backgroundColor')", &paper),
			chromedp.FullScreenshot(&picture, 100))
		if int64(width) > c.width {
			t.Errorf("%s: the page is %v pixels wide", c.name, width)
		}
		if (c.name == "dark") != (ink > paper) {
			t.Errorf("%s: ink %.2f on paper %.2f", c.name, ink, paper)
		}
		if dir := os.Getenv("PAGE_PICTURES"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, c.name+".png"), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
