// Package browsertest opens pages in a headless Chromium.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds a whole test in a browser, start the browser's own first words (on a machine that has just been given
// one they come from a slow disk), step the wait for one thing to show.
const (
	patience = 4 * time.Minute
	start    = 2 * time.Minute
	step     = 30 * time.Second
)

// Open starts a browser that lives as long as the test; complaints hears what the page's scripts throw. Where there
// is no Chromium the test is skipped, and fails in CI, which installs one.
func Open(tb testing.TB) (ctx context.Context, complaints <-chan string) {
	tb.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatal("CI has no chromium")
		}
		tb.Skip("no chromium on the PATH: apt-get install chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(start),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	tb.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	tb.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	tb.Cleanup(leave)
	tb.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until it has let go of its directory
	heard := make(chan string, 100)
	chromedp.ListenTarget(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			heard <- e.ExceptionDetails.Error()
		}
	})
	return ctx, heard
}

// Until waits for a condition on the document, in JavaScript.
func Until(condition string) chromedp.Action {
	return chromedp.Poll(condition, nil, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(step))
}

// Shows waits until an element has a text.
func Shows(id, text string) chromedp.Action {
	return Until(fmt.Sprintf("document.getElementById(%q).innerText.includes(%q)", id, text))
}

// Silent fails the test where the page's scripts have thrown.
func Silent(tb testing.TB, complaints <-chan string) {
	tb.Helper()
	select {
	case c := <-complaints:
		tb.Errorf("the page's script failed: %s", c)
	default:
	}
}
