// Package natstest starts real NATS servers with JetStream for tests: one, one that can be stopped and
// started again, or a cluster of three. Everything a test starts here ends with the test, and lives in
// its temporary directory.
package natstest

import (
	"context"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// startFor bounds the start of a server.
const startFor = 30 * time.Second

// Server is a server with a store of its own.
type Server struct {
	t    testing.TB
	opts streams.ServerOptions
	s    *streams.Server
}

// Start starts a server on a free port of loopback. After Stop and Start again it keeps port and store.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return StartWith(tb, streams.ServerOptions{})
}

// StartWith is [Start] with options; an empty StoreDir is the test's temporary directory.
func StartWith(tb testing.TB, o streams.ServerOptions) *Server {
	tb.Helper()
	if o.StoreDir == "" {
		o.StoreDir = tb.TempDir()
	}
	if o.Port == 0 {
		o.Port = FreePort(tb)
	}
	s := &Server{t: tb, opts: o}
	s.Start()
	tb.Cleanup(s.Stop)
	return s
}

// Start starts the server again after Stop.
func (s *Server) Start() {
	s.t.Helper()
	if s.s != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), startFor) // the port may be somebody else's by now
	defer cancel()
	started, err := streams.StartServer(ctx, s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	s.s = started
}

// Stop stops the server; a second call does nothing.
func (s *Server) Stop() {
	if s.s == nil {
		return
	}
	s.s.Shutdown()
	s.s = nil
}

// URL is where clients connect, running or not.
func (s *Server) URL() string {
	return "nats://" + net.JoinHostPort("127.0.0.1", itoa(s.opts.Port))
}

// Connect opens a connection of its own, closed with the test.
func (s *Server) Connect() *nats.Conn {
	s.t.Helper()
	return connect(s.t, s.URL())
}

// JetStream opens the log on a connection of its own.
func (s *Server) JetStream() jetstream.JetStream {
	s.t.Helper()
	return jetStream(s.t, s.Connect())
}

// StartRoles starts a server with every stream applied that lets nobody in but users of the roles, whose
// durables have the version "v1".
func StartRoles(tb testing.TB) *Server {
	tb.Helper()
	var o streams.ServerOptions
	for _, r := range streams.Roles() {
		o.Users = append(o.Users, streams.User{Name: string(r), Password: password(r), Permissions: streams.PermissionsOf(r, "v1")})
	}
	s := StartWith(tb, o)
	Apply(tb, jetStream(tb, s.ConnectAs(streams.RoleOperator)), Options())
	return s
}

func password(r streams.Role) string { return "secret of " + string(r) }

// ConnectAs opens a connection of a role, closed with the test.
func (s *Server) ConnectAs(r streams.Role) *nats.Conn {
	s.t.Helper()
	nc, err := streams.Connect(s.URL(), streams.ConnectOptions{Name: string(r), Role: r, User: string(r), Password: password(r)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// JetStreamAs opens the log as a role.
func (s *Server) JetStreamAs(r streams.Role) jetstream.JetStream {
	s.t.Helper()
	return jetStream(s.t, s.ConnectAs(r))
}

// Log starts a server with every stream applied and opens the log: what most tests need.
func Log(tb testing.TB) jetstream.JetStream {
	tb.Helper()
	js := Start(tb).JetStream()
	Apply(tb, js, Options())
	return js
}

// Options are small streams for tests: one replica, file storage.
func Options() streams.Options { return streams.DefaultOptions() }

// Apply applies the streams.
func Apply(tb testing.TB, js jetstream.JetStream, o streams.Options) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*startFor)
	defer cancel()
	if err := streams.Apply(ctx, js, o); err != nil {
		tb.Fatal(err)
	}
}

// Upstream opens the log at a URL as a plain NATS client, anybody's, closed with the test.
func Upstream(tb testing.TB, url string, o ...nats.Option) jetstream.JetStream {
	tb.Helper()
	nc, err := nats.Connect(url, o...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return jetStream(tb, nc)
}

func connect(tb testing.TB, url string) *nats.Conn {
	tb.Helper()
	nc, err := streams.Connect(url, streams.ConnectOptions{Name: tb.Name(), Wait: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

func jetStream(tb testing.TB, nc *nats.Conn) jetstream.JetStream {
	tb.Helper()
	js, err := streams.JetStream(nc)
	if err != nil {
		tb.Fatal(err)
	}
	return js
}

// FreePort is a port of loopback that nobody listened on a moment ago, and that nobody else is given until the test
// ends, in this process or another one. It is below those that systems give to outgoing connections, of which other
// tests open many until a server listens here.
func FreePort(tb testing.TB) int {
	tb.Helper()
	var last error
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		claim, err := (&net.ListenConfig{}).Listen(tb.Context(), "unix", "@sluice-test-port-"+itoa(port)) // of no file
		if err != nil {
			last = err
			continue
		}
		tb.Cleanup(func() { _ = claim.Close() })
		l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", net.JoinHostPort("127.0.0.1", itoa(port)))
		if err != nil {
			last = err
			continue
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return port
	}
	tb.Fatal(last)
	return 0
}
