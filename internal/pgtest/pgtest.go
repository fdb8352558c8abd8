// Package pgtest gives every test a real Postgres: one server a test process, started when the first test asks
// for it, and one migrated database a test. A machine without Postgres fails such tests; none is ever
// skipped.
//
// A test enters; a URL leaves. The server is a private cluster without fsync, copied from a template that all
// test processes of this user share, in the system's temporary directory. It dies with the process; a
// package whose TestMain calls [Main] also removes its files at once, else the next process does.
//
// SLUICE_TEST_DATABASE_URL names a server to use instead; its role must be allowed to create databases.
package pgtest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"

	"sluice/postgres"
)

// EnvURL names a server to use instead of a private one.
const EnvURL = "SLUICE_TEST_DATABASE_URL"

// shared is this process's server.
var shared struct {
	mu      sync.Mutex
	cluster *postgres.Cluster
	dir     string // to be removed; empty with EnvURL
	from    string // the database to copy
	err     error  // why there is none; every later test fails with it at once
}

// New makes a database with every migration applied and returns its URL. It is dropped when the test ends.
func New(tb testing.TB) string {
	tb.Helper()
	c, from := server(tb)
	name := "test_" + strings.ToLower(rand.Text()[:16])
	if err := c.CopyDatabase(tb.Context(), name, from); err != nil {
		tb.Fatalf("a database for the test: %v", err)
	}
	dropLater(tb, c, name)
	return c.URL(name)
}

// Empty makes a database without any table and returns its URL.
func Empty(tb testing.TB) string {
	tb.Helper()
	c, _ := server(tb)
	name := "test_" + strings.ToLower(rand.Text()[:16])
	if err := c.CreateDatabase(tb.Context(), name); err != nil {
		tb.Fatalf("a database for the test: %v", err)
	}
	dropLater(tb, c, name)
	return c.URL(name)
}

// Made is [Dir] with a cluster in it that was stopped: to start one from costs a fifth of making one.
func Made(tb testing.TB) string {
	tb.Helper()
	dir, err := copied(tb.Context())
	if err != nil {
		tb.Fatalf("a cluster for the test: %v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) }) // the next process sweeps what is left
	return dir
}

// Cluster starts a migrated private cluster that is the test's own to kill; it is stopped when the test ends.
// The URL of its database is Cluster.URL("").
func Cluster(tb testing.TB) *postgres.Cluster {
	tb.Helper()
	dir := Made(tb)
	c, err := postgres.Start(tb.Context(), postgres.Options{Dir: dir, Fast: true})
	if err != nil {
		tb.Fatalf("a cluster for the test: %v", err)
	}
	tb.Cleanup(func() {
		if err := c.Stop(context.WithoutCancel(tb.Context())); err != nil {
			tb.Errorf("stop the test's cluster: %v", err)
		}
	})
	if _, err := postgres.Migrate(tb.Context(), c.URL("")); err != nil {
		tb.Fatalf("a cluster for the test: %v", err)
	}
	return c
}

// Dir makes a directory that the server's user may enter, as a test's own TempDir is not when the test runs
// as root. It is removed when the test ends, after whatever the test cleans up later than this call.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := newDir()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("remove the test's directory: %v", err)
		}
	})
	return dir
}

// Main runs a package's tests, then stops its server and removes the files:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
func Main(m *testing.M) {
	m.Run() // the testing package exits with its code when TestMain returns
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.cluster == nil {
		return
	}
	//nolint:forbidigo // there is no caller's context in TestMain
	if err := shared.cluster.Stop(context.Background()); err != nil {
		_, _ = os.Stderr.WriteString("pgtest: " + err.Error() + "\n")
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir) // the next process sweeps what is left
	}
}

func dropLater(tb testing.TB, c *postgres.Cluster, name string) {
	tb.Helper()
	tb.Cleanup(func() {
		if err := c.DropDatabase(context.WithoutCancel(tb.Context()), name); err != nil {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
}

// server is the process's server and the database that tests get copies of.
func server(tb testing.TB) (*postgres.Cluster, string) {
	tb.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.err = start(context.WithoutCancel(tb.Context()))
	}
	if shared.err != nil {
		tb.Fatalf("these tests need a real Postgres: %v", shared.err)
	}
	return shared.cluster, shared.from
}

func start(ctx context.Context) (err error) {
	if url := os.Getenv(EnvURL); url != "" {
		if shared.cluster, err = postgres.Start(ctx, postgres.Options{DatabaseURL: url}); err != nil {
			return err
		}
		shared.from = "sluice_template_" + schema()
		return template(ctx, shared.cluster, shared.from)
	}
	if shared.dir, err = copied(ctx); err != nil {
		return err
	}
	shared.from = templateDatabase
	shared.cluster, err = postgres.Start(ctx, postgres.Options{Dir: shared.dir, Fast: true})
	return err
}
