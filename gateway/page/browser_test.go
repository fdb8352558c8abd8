package page_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"sluice/internal/browsertest"
)

func run(t *testing.T, ctx context.Context, step string, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("%s: %v", step, err)
	}
}

func TestInABrowser(t *testing.T) {
	w := open(t, nil)
	ctx, complaints := browsertest.Open(t)
	run(t, ctx, "a visitor sees the numbers", chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(w.server.URL),
		browsertest.Shows("pulse", "live"), browsertest.Shows("policy-legend", "Complex_Query 25.0%"), browsertest.Shows("models", "$0.0980"),
		browsertest.Shows("budgets", "$0.60 of $1.00"), browsertest.Shows("latency", "1.9 s"), browsertest.Shows("accuracy", "95.0%"), browsertest.Shows("pipeline", "1,234"), browsertest.Shows("pipeline", "never ran"),
		browsertest.Shows("matrix", "77"), browsertest.Shows("routers", "0.610 [0.550, 0.670]"), browsertest.Shows("recent", "static"), browsertest.Shows("dead", "Log in"),
		browsertest.Shows("warning", "a newer <b>sluice</b> was here"), browsertest.Until("document.querySelectorAll('#chart rect').length === 4"))
	var before string
	run(t, ctx, "and no query", chromedp.InnerHTML("body", &before))
	if strings.Contains(before, "secret") || strings.Contains(before, "acme") || strings.Contains(before, ">promote<") {
		t.Error("a visitor sees a query, a tenant, or a button that changes something")
	}
	run(t, ctx, "a wrong key is refused", chromedp.SetValue("#key", "wrong"), chromedp.Click("#login button"), browsertest.Shows("notice", "scope admin"))
	run(t, ctx, "an admin sees queries, as text", chromedp.SetValue("#key", adminKey), chromedp.Click("#login button"),
		browsertest.Shows("recent", "a <b>secret</b> question"), browsertest.Shows("dead", "call gemini: 503"), browsertest.Shows("budgets", "acme"))
	run(t, ctx, "tries a decision", chromedp.SendKeys("#try textarea", "an <i>integral</i>"), chromedp.Click("#try button"),
		browsertest.Shows("decision", "needs an <i>integral</i>"), browsertest.Shows("decision", "math: an integral"))
	run(t, ctx, "thinks better of it", chromedp.Click("#rollback"), browsertest.Shows("sure", "the static map decides again"), chromedp.Click("#sure menu button"))
	for _, b := range []struct{ button, asked, done string }{
		{"#dead tbody button", "", "replay l1"}, {"#routers tbody button", "The gate refused it: no better", "promote r2 over r1 by k1"}, {"#rollback", "in place of r1", "rollback of r1 by k1"},
	} {
		run(t, ctx, b.done, chromedp.Click(b.button))
		if b.asked != "" {
			run(t, ctx, b.done+", for sure", browsertest.Shows("sure", b.asked), chromedp.Click("#sure .do"))
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
	run(t, ctx, "logs out", chromedp.Click("#logout"), browsertest.Shows("dead", "Log in"))
	browsertest.Silent(t, complaints)
}

// faintTexts are the texts whose contrast with what lies behind them is below the 4.5 of WCAG 2.2, level AA.
const faintTexts = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parts = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); const d = [...canvas.getImageData(0, 0, 1, 1).data]; return [...d.slice(0, 3), d[3] / 255]; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3]));
  const light = (c) => [.2126, .7152, .0722].reduce((sum, weight, i) => sum + weight * (c[i] <= 10 ? c[i] / 255 / 12.92 : ((c[i] / 255 + .055) / 1.055) ** 2.4), 0);
  return [...document.querySelectorAll("body *")].filter((e) => e.offsetParent && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).flatMap((e) => {
    let behind = [255, 255, 255], opacity = 1;
    for (const p of [...function* () { for (let p = e; p; p = p.parentElement) yield p; }()].reverse()) { const s = getComputedStyle(p); opacity *= s.opacity; behind = over(parts(s.backgroundColor), behind); }
    const ink = parts(getComputedStyle(e).color);
    const [low, high] = [light(over([...ink.slice(0, 3), ink[3] * opacity], behind)), light(behind)].sort((a, b) => a - b);
    const contrast = (high + .05) / (low + .05);
    return contrast < 4.5 ? [e.textContent.slice(0, 40) + ": " + contrast.toFixed(2)] : [];
  });
})()`

// On a phone nothing but the wide tables' own boxes scrolls sideways; in dark mode text is light on dark.
// PAGE_PICTURES names a directory that keeps what it looked like.
func TestOnAPhoneAndInTheDark(t *testing.T) {
	w := open(t, nil)
	ctx, complaints := browsertest.Open(t)
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
		var faint []string
		var picture []byte
		brightness := "(c => { const [r, g, b] = getComputedStyle(document.body)[c].match(/\\d+/g).map(Number); return (r + g + b) / 765 })"
		run(t, ctx, c.name, chromedp.EmulateViewport(c.width, 900), c.action, chromedp.Navigate(w.server.URL), browsertest.Shows("pulse", "live"), browsertest.Shows("matrix", "77"),
			chromedp.Evaluate("document.documentElement.scrollWidth", &width), chromedp.Evaluate(faintTexts, &faint),
			chromedp.Evaluate(brightness+"('color')", &ink), chromedp.Evaluate(brightness+"('backgroundColor')", &paper),
			chromedp.FullScreenshot(&picture, 100))
		if int64(width) > c.width {
			t.Errorf("%s: the page is %v pixels wide", c.name, width)
		}
		if (c.name == "dark") != (ink > paper) {
			t.Errorf("%s: ink %.2f on paper %.2f", c.name, ink, paper)
		}
		for _, text := range faint {
			t.Errorf("%s: hard to read: %s", c.name, text)
		}
		if dir := os.Getenv("PAGE_PICTURES"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, c.name+".png"), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	browsertest.Silent(t, complaints)
}

// On a tablet no button that changes something is cut off by the box of its table.
func TestOnATabletTheButtonsOfTablesAreSeen(t *testing.T) {
	w := open(t, nil)
	ctx, complaints := browsertest.Open(t)
	var buttons int
	var cut []string
	run(t, ctx, "an admin on a tablet", chromedp.EmulateViewport(768, 1024), chromedp.Navigate(w.server.URL), browsertest.Shows("pulse", "live"),
		chromedp.SetValue("#key", adminKey), chromedp.Click("#login button"), browsertest.Shows("routers", "promote"), browsertest.Shows("dead", "call gemini: 503"),
		chromedp.Evaluate(`document.querySelectorAll("td button").length`, &buttons),
		chromedp.Evaluate(`[...document.querySelectorAll("td button")].filter((b) => b.getBoundingClientRect().right > b.closest("section").getBoundingClientRect().right).map((b) => b.textContent)`, &cut))
	if buttons < 2 {
		t.Errorf("%d buttons", buttons)
	}
	for _, button := range cut {
		t.Errorf("%s is cut off", button)
	}
	browsertest.Silent(t, complaints)
}
