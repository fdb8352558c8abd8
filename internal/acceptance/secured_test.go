package acceptance

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"

	"sluice/internal/natstest"
	"sluice/internal/pgtest"
	"sluice/internal/process"
	"sluice/streams"
)

// secured is a deployment whose log lets in users of roles alone, as sluice streams permissions prints them, with
// certificates on both sides. Every process plays one role.
type secured struct {
	t             *testing.T
	dir, db       string
	port          int
	ca, cert, key string
	server        *process.Child
	running       []*process.Child
	env           []string // of every process
}

func startSecured(t *testing.T, env ...string) *secured {
	t.Helper()
	s := &secured{t: t, dir: t.TempDir(), port: natstest.FreePort(t), db: pgtest.Cluster(t).URL(""), env: env}
	authority := natstest.NewAuthority(t)
	s.ca = authority.File
	s.cert, s.key = authority.Issue("client", x509.ExtKeyUsageClientAuth)
	cert, key := authority.Issue("server", x509.ExtKeyUsageServerAuth)
	printed := process.Start(t, process.Spec{Name: "permissions", Path: binaries.Sluice(t), Args: []string{"streams", "permissions"}, Dir: s.dir})
	if err := printed.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("listen: \"127.0.0.1:%d\"\njetstream { store_dir: %q }\ntls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\n",
		s.port, filepath.Join(s.dir, "jetstream"), cert, key, authority.File) + printed.Stdout()
	path := filepath.Join(s.dir, "nats.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var passwords []string
	for _, r := range streams.Roles() {
		passwords = append(passwords, streams.PasswordVariable(r)+"="+passwordOf(r))
	}
	s.server = process.Start(t, process.Spec{Name: "nats", Path: binaries.NATSServer(t), Args: []string{"-c", path}, Env: passwords})
	if err := s.server.WaitFor(t.Context(), "Server is ready"); err != nil {
		t.Fatal(err)
	}
	return s
}

func passwordOf(r streams.Role) string { return "pw-" + string(r) }

// spec is a process of a role, in a directory of its own with the given sections in its configuration.
func (s *secured) spec(role streams.Role, config string, args ...string) process.Spec {
	s.t.Helper()
	dir, err := os.MkdirTemp(s.dir, string(role)+"-")
	if err == nil {
		config = fmt.Sprintf("nats: {tls_ca: %q, tls_cert: %q, tls_key: %q}\n", s.ca, s.cert, s.key) + config
		err = os.WriteFile(filepath.Join(dir, "sluice.yaml"), []byte(config), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return process.Spec{
		Name: string(role) + ": " + strings.Join(args, " "), Path: binaries.Sluice(s.t), Args: args, Dir: dir,
		Env: append([]string{
			fmt.Sprintf("NATS_URL=tls://%s:%s@127.0.0.1:%d", role, passwordOf(role), s.port), "SLUICE_NATS_ROLE=" + string(role), "DATABASE_URL=" + s.db,
		}, s.env...),
	}
}

// run runs a command to its end.
func (s *secured) run(role streams.Role, config string, args ...string) string {
	s.t.Helper()
	spec := s.spec(role, config, args...)
	c := process.Start(s.t, spec)
	if err := c.Wait(s.t.Context()); err != nil {
		s.t.Fatalf("%s: %v\n%s", spec.Name, err, c.Output())
	}
	return c.Stdout()
}

// serve starts a command and waits until it says that it is at work.
func (s *secured) serve(role streams.Role, config, ready string, args ...string) *process.Child {
	s.t.Helper()
	return s.start(s.spec(role, config, args...), ready)
}

func (s *secured) start(spec process.Spec, ready string) *process.Child {
	s.t.Helper()
	c := process.Start(s.t, spec)
	if err := c.WaitFor(s.t.Context(), ready); err != nil {
		s.t.Fatal(err)
	}
	s.running = append(s.running, c)
	return c
}

// stop ends everything that serve started, gently.
func (s *secured) stop() {
	s.t.Helper()
	for i := len(s.running) - 1; i >= 0; i-- {
		if c := s.running[i]; c.Running() {
			if err := c.Stop(); err != nil {
				s.t.Errorf("%v\n%s", err, c.Output())
			}
		}
	}
}

// violations are the server's own words on what it refused, by user.
func (s *secured) violations() (all []string) {
	for line := range strings.Lines(s.server.Output()) {
		if strings.Contains(line, "Violation") || strings.Contains(line, "authentication error") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

// connect is a plain client of a role.
func (s *secured) connect(role streams.Role) *nats.Conn {
	s.t.Helper()
	nc, err := streams.Connect(fmt.Sprintf("tls://127.0.0.1:%d", s.port), streams.ConnectOptions{
		Name: "test", Role: role, User: string(role), Password: passwordOf(role), CAFile: s.ca, CertFile: s.cert, KeyFile: s.key,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// rows waits until a query of the tables counts so many, or more.
func (s *secured) rows(least int, what, sql string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.db)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for got := 0; got < least; <-tick.C {
		if err := conn.QueryRow(ctx, sql).Scan(&got); err != nil {
			s.t.Fatalf("%s: %v; %d of %d so far; the server refused %v", what, err, got, least, s.violations())
		}
	}
}
