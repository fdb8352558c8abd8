// Package natstest starts real NATS servers with JetStream for tests: one, one that can be stopped and
// started again, or a cluster of three. Everything a test starts here ends with the test, and lives in
// its temporary directory.
package natstest

import (
	"net"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// Server is a server with a store of its own.
type Server struct {
	t    testing.TB
	opts streams.ServerOptions
	s    *streams.Server
}

// Start starts a server on a free port of loopback. After Stop and Start again it keeps port and store.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartWith(t, streams.ServerOptions{})
}

// StartWith is [Start] with options; an empty StoreDir is the test's temporary directory.
func StartWith(t testing.TB, o streams.ServerOptions) *Server {
	t.Helper()
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	if o.Port == 0 {
		o.Port = FreePort(t)
	}
	s := &Server{t: t, opts: o}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts the server again after Stop.
func (s *Server) Start() {
	s.t.Helper()
	if s.s != nil {
		return
	}
	started, err := streams.StartServer(s.t.Context(), s.opts)
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

// Log starts a server with every stream applied and opens the log: what most tests need.
func Log(t testing.TB) jetstream.JetStream {
	t.Helper()
	js := Start(t).JetStream()
	Apply(t, js, Options())
	return js
}

// Options are small streams for tests: one replica, file storage.
func Options() streams.Options { return streams.DefaultOptions() }

// Apply applies the streams.
func Apply(t testing.TB, js jetstream.JetStream, o streams.Options) {
	t.Helper()
	if err := streams.Apply(t.Context(), js, o); err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := streams.Connect(url, streams.ConnectOptions{Name: t.Name(), Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func jetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := streams.JetStream(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// FreePort is a port of loopback that nobody listened on a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
