package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/machine"
)

// major is the version that made the cluster; 0 where there is none.
func (l layout) major() (int, error) {
	data, err := os.ReadFile(filepath.Join(l.data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("the cluster in %s: %w", l.dir, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("the cluster in %s: PG_VERSION is %q", l.dir, data)
	}
	return n, nil
}

// initialise makes the cluster beside its place and moves it there when it is whole: an initdb that is cut
// short leaves nothing that looks like a cluster.
func (c *Cluster) initialise(ctx context.Context) error {
	part := c.layout.data + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("clear an unfinished cluster: %w", err)
	}
	if err := os.Mkdir(part, 0o700); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	if err := c.layout.account.own(part); err != nil {
		return err
	}
	args := []string{
		"-D", part, "-U", superuser, "--encoding=UTF8", "--locale=C",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions",
	}
	if c.opts.Fast {
		args = append(args, "--no-sync")
	}
	c.opts.log("making a Postgres cluster", "dir", c.layout.dir, "version", c.bin.major, "from", c.bin.source,
		"user", c.layout.account.name)
	out, err := c.bin.command(ctx, c.layout.account, "initdb", args...).CombinedOutput()
	if err != nil && ctx.Err() != nil { // what it had said until it was killed tells nothing
		return errors.Join(ctx.Err(), os.RemoveAll(part))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("initdb in %s: %w: %s", part, err, strings.TrimSpace(string(out))), os.RemoveAll(part))
	}
	if err := os.Rename(part, c.layout.data); err != nil {
		return fmt.Errorf("move the new cluster to its place: %w", err)
	}
	return nil
}

// arguments are the server's settings. They are given at every start, so that a cluster made by an older
// version of ours has them too.
func (c *Cluster) arguments() []string {
	buffers := sharedBuffers(machine.Memory())
	if c.opts.Fast {
		buffers = sharedBuffers(0)
	}
	settings := []string{
		"listen_addresses=", "port=" + socketPort,
		"unix_socket_directories=" + c.layout.socket, "unix_socket_permissions=0700",
		"max_connections=100", "shared_buffers=" + buffers, "work_mem=16MB", "maintenance_work_mem=128MB",
		"wal_level=minimal", "max_wal_senders=0", "max_wal_size=2GB", "checkpoint_timeout=15min",
		"random_page_cost=1.1", "jit=off",
		// Tables that only grow are looked at soon, and again when they are half as large again.
		"autovacuum_naptime=15s", "autovacuum_analyze_scale_factor=0.5", "autovacuum_vacuum_insert_scale_factor=0.5",
		"log_line_prefix=%m [%p] ", "log_timezone=UTC", "timezone=UTC",
	}
	if c.opts.Fast {
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	args := []string{"-D", c.layout.data}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}
