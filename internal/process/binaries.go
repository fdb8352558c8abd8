package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The main packages that tests run.
const (
	pkgSluice     = "sluice/cmd/sluice"
	pkgNATSServer = "github.com/nats-io/nats-server/v2"
)

// Binaries builds each program at most once and keeps it until Remove. The zero value is ready to use,
// as one variable of a test package whose TestMain removes it.
type Binaries struct {
	mu    sync.Mutex
	dir   string
	built map[string]result
}

type result struct {
	path string
	err  error
}

// Sluice is the path of this checkout's binary.
func (b *Binaries) Sluice(tb testing.TB) string { tb.Helper(); return b.get(tb, pkgSluice) }

// NATSServer is the path of the NATS server whose version go.mod pins, as its makers ship it: what it
// does under SIGKILL is not ours to soften.
func (b *Binaries) NATSServer(tb testing.TB) string { tb.Helper(); return b.get(tb, pkgNATSServer) }

// Remove deletes what was built.
func (b *Binaries) Remove() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
	b.dir, b.built = "", nil
}

func (b *Binaries) get(tb testing.TB, pkg string) string {
	tb.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.built == nil {
		dir, err := os.MkdirTemp("", "sluice-bin-") //nolint:usetesting // outlives the test that builds first
		if err != nil {
			tb.Fatalf("a directory for binaries: %v", err)
		}
		b.dir, b.built = dir, map[string]result{}
	}
	r, ok := b.built[pkg]
	if !ok {
		r = build(tb, b.dir, pkg)
		b.built[pkg] = r
	}
	if r.err != nil {
		tb.Fatal(r.err)
	}
	return r.path
}

func build(tb testing.TB, dir, pkg string) result {
	tb.Helper()
	name := strings.ReplaceAll(strings.TrimPrefix(pkg, "github.com/"), "/", "-")
	path := filepath.Join(dir, name)
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-o", path, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return result{err: fmt.Errorf("go build %s: %w\n%s", pkg, err, out)}
	}
	return result{path: path}
}
