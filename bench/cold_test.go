package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// onTerm is a program that says once that it runs, by the named pipe $0/up, and does these commands when it is asked to
// end; begun waits for it.
func onTerm(t *testing.T, commands string) (o ColdOptions, dir string, begun func()) {
	t.Helper()
	dir = t.TempDir()
	up := filepath.Join(dir, "up")
	if err := syscall.Mkfifo(up, 0o600); err != nil {
		t.Fatal(err)
	}
	const wait = `sleep 600 >/dev/null 2>&1 & echo >"$0/up"; wait`
	o = ColdOptions{Command: []string{"sh", "-c", "trap 'kill $!; " + commands + "' TERM; " + wait, dir}, Env: os.Environ()}
	return o, dir, func() {
		if _, err := os.ReadFile(up); err != nil {
			t.Error(err)
		}
	}
}

// However the program takes it: one that breaks off in the middle of its own start ends with a status.
func TestABenchmarkThatIsInterruptedDuringAStartSaysJustThat(t *testing.T) {
	t.Parallel()
	o, dir, begun := onTerm(t, `echo term >>"$0/terms"; exit 3`)
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { begun(); interrupt() }() // ends before RunCold, which only the interruption ends
	if _, err := RunCold(ctx, o); err == nil || err.Error() != context.Canceled.Error() {
		t.Errorf("it says %v", err)
	}
	if terms, err := os.ReadFile(filepath.Join(dir, "terms")); err != nil || string(terms) != "term\n" {
		t.Errorf("the program was told %q (%v) to end, want once", terms, err)
	}
	b := Beginning{Command: o.Command}
	ctx, interrupt = context.WithCancel(t.Context())
	go func() { begun(); interrupt() }() // as above
	if _, err := b.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a ring that begins says %v", err)
	}
}

// A program that ends well has said nothing that anybody asked for.
func TestWhatAProgramSaidIsToldWhereItFailed(t *testing.T) {
	t.Parallel()
	for end, want := range map[string]string{"exit 0": "", "exit 1": "no room"} {
		o, _, begun := onTerm(t, "echo no room >&2; "+end)
		p, _, err := o.start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begun()
		err = p.stop()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", end, err)
		}
	}
}

// Nobody waits for the log of a program that is gone.
func TestAProgramThatEndsByItselfEndsTheBenchmarkWithWhatItSaid(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"0", "3"} {
		o := ColdOptions{Command: []string{"sh", "-c", "echo no room >&2; exit " + status}, Env: os.Environ(), ServerFile: filepath.Join(t.TempDir(), "none")}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // far less than the benchmark's own patience
		_, err := RunCold(ctx, o)
		cancel()
		if !errors.Is(err, errEnded) || status != "0" && !strings.Contains(err.Error(), "exit status 3: no room") {
			t.Errorf("status %s: %v", status, err)
		}
	}
}
