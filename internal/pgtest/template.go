package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"sluice"
	"sluice/migrations"
	"sluice/postgres"
)

// templateDatabase is the migrated database of the template cluster.
const templateDatabase = "template_sluice"

// base is where this user's test clusters live.
func base() string { return filepath.Join(os.TempDir(), "sluice-pgtest-"+strconv.Itoa(os.Geteuid())) }

// schema names the state of the migrations: another state needs another template.
func schema() string {
	var parts []string
	names, _ := fs.Glob(migrations.FS, "*.sql") // the pattern is well-formed
	for _, name := range names {
		step, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			panic("pgtest: an embedded file can't be read: " + err.Error())
		}
		parts = append(parts, name, string(step))
	}
	return sluice.HashID(parts...)[:12]
}

// copied makes a directory with a copy of the template cluster, which the first process makes.
func copied(ctx context.Context) (string, error) {
	dir, err := newDir()
	if err != nil {
		return "", err
	}
	from, err := templateCluster(ctx)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "cp", "-a", filepath.Join(from, "data"), filepath.Join(dir, "data")).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("copy the template cluster: %w: %s", err, out)
	}
	return dir, nil
}

// newDir makes a directory of this process, and removes those of processes that are gone.
func newDir() (string, error) {
	if err := os.MkdirAll(base(), 0o755); err != nil { //nolint:gosec // the server's user must pass through
		return "", fmt.Errorf("make room for test clusters: %w", err)
	}
	sweep()
	dir, err := os.MkdirTemp(base(), "run-"+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", fmt.Errorf("make room for a test cluster: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's user must pass through
		return "", fmt.Errorf("make room for a test cluster: %w", err)
	}
	return dir, nil
}

// templateCluster is the directory of the template; it is made under a lock and under another name, so that a
// process that is killed leaves nothing that looks like one.
func templateCluster(ctx context.Context) (string, error) {
	whole := filepath.Join(base(), "template-"+schema())
	lock, err := os.OpenFile(filepath.Join(base(), "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("lock the template cluster: %w", err)
	}
	defer func() { _ = lock.Close() }() // releases it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock the template cluster: %w", err)
	}
	if _, err := os.Stat(whole); err == nil {
		return whole, nil
	}
	part := whole + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", fmt.Errorf("clear an unfinished template: %w", err)
	}
	c, err := postgres.Start(ctx, postgres.Options{Dir: part, Fast: true})
	if err != nil {
		return "", err
	}
	if err := errors.Join(template(ctx, c, templateDatabase), c.Stop(ctx)); err != nil {
		return "", err
	}
	if err := os.Rename(part, whole); err != nil {
		return "", fmt.Errorf("keep the template cluster: %w", err)
	}
	return whole, nil
}

// template makes a migrated database that nobody is connected to.
func template(ctx context.Context, c *postgres.Cluster, name string) error {
	if err := c.CreateDatabase(ctx, name); err != nil {
		return err
	}
	_, err := postgres.Migrate(ctx, c.URL(name))
	return err
}

// sweep removes the clusters of processes that are gone.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(base(), "run-*")) // the pattern is well-formed
	for _, dir := range dirs {
		pid, err := strconv.Atoi(strings.Split(filepath.Base(dir), "-")[1])
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir) // a server that is still ending may hold it: next time
		}
	}
}
