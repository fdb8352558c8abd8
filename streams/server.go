package streams

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ServerOptions describe an embedded NATS server with JetStream.
type ServerOptions struct {
	// Name is the server's name; members of a cluster need different ones. Empty: a random one.
	Name string
	// StoreDir is where streams live; required. One server at a time.
	StoreDir string
	// Host and Port are where it listens; an empty host is loopback, port -1 a free one, and port 0
	// means that it does not listen at all: connect in process.
	Host string
	Port int
	// MaxStore bounds the bytes of all streams together; zero: three quarters of what they hold at the start and
	// what is free on their disk then.
	MaxStore int64
	// Cluster makes it a member of a cluster; nil: it stands alone.
	Cluster *ClusterOptions
	// Users, where there are any, are the only ones let in, in process too.
	Users []User
	// TLS makes clients speak TLS; nil: they do not.
	TLS *ServerTLS
}

// User is a client of an embedded server.
type User struct {
	Name, Password string
	Permissions    Permissions
}

// ServerTLS names the PEM files of an embedded server. With ClientCA only clients with a certificate of
// that authority are let in.
type ServerTLS struct{ CertFile, KeyFile, ClientCA string }

// ClusterOptions place a server in a cluster.
type ClusterOptions struct {
	Name string
	// Host and Port are where other members connect; an empty host is loopback.
	Host string
	Port int
	// Routes are the other members' "nats-route://host:port".
	Routes []string
}

// Server is a NATS server in this process.
type Server struct{ s *server.Server }

// StartServer starts a server and waits until it accepts connections. Its owner must call
// [Server.Shutdown].
func StartServer(ctx context.Context, o ServerOptions) (*Server, error) {
	opts, err := o.natsOptions()
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS in %s: %w", o.StoreDir, err)
	}
	// A server that can't listen says so as its last word, and then stays as it is.
	fatal := &lastWord{said: make(chan error, 1)}
	s.SetLogger(fatal, false, false)
	s.Start()
	for !s.ReadyForConnections(50 * time.Millisecond) {
		var why error
		select {
		case why = <-fatal.said:
		case <-ctx.Done():
			why = ctx.Err()
		default:
			if s.Running() {
				continue
			}
			why = errors.New("it stopped at once")
		}
		s.Shutdown()
		return nil, fmt.Errorf("embedded NATS in %s, port %d: did not start: is the port (nats.embedded_port) or the directory taken? %w",
			o.StoreDir, o.Port, why)
	}
	return &Server{s: s}, nil
}

// lastWord is a server's log of which only what is fatal is kept. The server itself does not end for it.
type lastWord struct{ said chan error }

// Fatalf keeps the first.
func (l *lastWord) Fatalf(format string, v ...any) {
	select {
	case l.said <- fmt.Errorf(format, v...):
	default:
	}
}

func (*lastWord) Noticef(string, ...any) {}
func (*lastWord) Warnf(string, ...any)   {}
func (*lastWord) Errorf(string, ...any)  {}
func (*lastWord) Debugf(string, ...any)  {}
func (*lastWord) Tracef(string, ...any)  {}

func (o ServerOptions) natsOptions() (*server.Options, error) {
	if o.StoreDir == "" {
		return nil, errors.New("no store directory")
	}
	opts := &server.Options{
		ServerName:             o.Name,
		Host:                   orLoopback(o.Host),
		Port:                   o.Port,
		DontListen:             o.Port == 0,
		JetStream:              true,
		StoreDir:               o.StoreDir,
		JetStreamMaxStore:      o.maxStore(),
		NoSigs:                 true,
		NoLog:                  true,
		DisableJetStreamBanner: true,
		// Nearly every subject of a fact and of an acknowledgement is used once: to remember who listens to it
		// costs more than to find out.
		NoSublistCache: true,
	}
	for _, u := range o.Users {
		opts.Users = append(opts.Users, u.natsUser())
	}
	if err := o.TLS.apply(opts); err != nil {
		return nil, err
	}
	if o.Cluster == nil {
		return opts, nil
	}
	opts.Cluster = server.ClusterOpts{Name: o.Cluster.Name, Host: orLoopback(o.Cluster.Host), Port: o.Cluster.Port}
	for _, r := range o.Cluster.Routes {
		u, err := url.Parse(r)
		if err != nil {
			return nil, fmt.Errorf("route %q: %w", r, err)
		}
		opts.Routes = append(opts.Routes, u)
	}
	return opts, nil
}

// maxStore is the bound. The server's own is a share of what is free alone, so that on a disk that is half full of
// streams it would take nothing after its next start. This one is the same at every start.
func (o ServerOptions) maxStore() int64 {
	var fs syscall.Statfs_t
	if o.MaxStore != 0 || os.MkdirAll(o.StoreDir, 0o700) != nil || syscall.Statfs(o.StoreDir, &fs) != nil {
		return o.MaxStore
	}
	var held int64
	_ = filepath.WalkDir(o.StoreDir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				held += info.Size()
			}
		}
		return nil // what can't be read is not counted
	})
	return (held + int64(fs.Bavail*uint64(fs.Bsize))) / 4 * 3
}

// natsUser is the user as the server knows it.
func (u User) natsUser() *server.User {
	p := &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: u.Permissions.Publish},
		Subscribe: &server.SubjectPermission{Allow: u.Permissions.Subscribe},
	}
	if u.Permissions.Respond {
		p.Response = &server.ResponsePermission{MaxMsgs: -1, Expires: 10 * time.Minute}
	}
	return &server.User{Username: u.Name, Password: u.Password, Permissions: p}
}

// apply reads the files.
func (t *ServerTLS) apply(opts *server.Options) error {
	if t == nil {
		return nil
	}
	c, err := server.GenTLSConfig(&server.TLSConfigOpts{
		CertFile: t.CertFile, KeyFile: t.KeyFile, CaFile: t.ClientCA, Verify: t.ClientCA != "",
	})
	if err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	opts.TLS, opts.TLSConfig, opts.TLSVerify, opts.TLSTimeout = true, c, t.ClientCA != "", 5
	return nil
}

func orLoopback(host string) string {
	if host == "" {
		return "127.0.0.1"
	}
	return host
}

// URL is where clients connect; empty where the server does not listen.
func (s *Server) URL() string {
	if s.s.Addr() == nil {
		return ""
	}
	return s.s.ClientURL()
}

// Shutdown stops the server and waits until its files are closed. Clients find it gone; nothing that
// was confirmed is lost.
func (s *Server) Shutdown() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
}
