package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/config"
	"sluice/machine"
	"sluice/streams"
)

// openedLog is the log as this process reaches it.
type openedLog struct {
	NC *nats.Conn
	JS jetstream.JetStream
	// URL may be shown: it holds no password.
	URL    string
	server *streams.Server
	// stopPace ends what follows the heap of a process with a server.
	stopPace func()
	lock     *os.File
}

// Close drains the connection and stops the embedded server, if it is ours.
func (l *openedLog) Close() error {
	l.NC.Close()
	if l.server != nil {
		l.stopPace()
		l.server.Shutdown()
	}
	if l.lock != nil {
		return l.lock.Close() // and with it the lock
	}
	return nil
}

// use says what a command wants of the log.
type use int

const (
	// toRun also makes the streams that are missing.
	toRun use = iota
	// toLook leaves the streams of a running server as they are.
	toLook
	// toApply makes all streams what the configuration says.
	toApply
)

// openLog connects to the configured servers; without any, to the embedded server of the data
// directory, which is started here unless another process has it running. Streams that exist are changed
// to the configuration only where we run the server, or are told to: others share them, each with a
// configuration of its own.
func (m *Main) openLog(ctx context.Context, client string, u use) (*openedLog, error) {
	l, err := m.connectLog(ctx, client, filepath.Join(m.config.DataDir, "nats"))
	if err != nil {
		return nil, err
	}
	switch {
	case l.server != nil || u == toApply:
		err = m.applyStreams(ctx, l.JS)
	case u == toRun && !m.restricted():
		err = m.createStreams(ctx, l.JS)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (m *Main) connectLog(ctx context.Context, client, storeDir string) (*openedLog, error) {
	if m.config.NATS.URL != "" {
		return m.reach(ctx, m.config.Secrets.NATSURL.Reveal(), m.config.NATS.URL, client)
	}
	lock, err := lockDir(storeDir)
	if errors.Is(err, errTaken) {
		return m.joinServer(ctx, storeDir, client)
	}
	if err != nil {
		return nil, err
	}
	l, err := m.startServer(ctx, storeDir, client)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	l.lock = lock
	return l, nil
}

// reach is dial where one that hangs up as it is greeted is waited for: it is about to end, or to begin. One that is
// not there fails at once, since its address may be a slip.
func (m *Main) reach(ctx context.Context, url, shown, client string) (*openedLog, error) {
	l, err := m.dial(url, shown, client)
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return l, err
	}
	m.log.Warn("the log's server hung up as it was greeted; trying again", "error", err)
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	for err != nil && !errors.Is(err, nats.ErrAuthorization) && ctx.Err() == nil {
		pauseFor(ctx, joinPause)
		l, err = m.dial(url, shown, client)
	}
	return l, err
}

// dial connects to a server of somebody else's; url may hold a password, shown does not.
func (m *Main) dial(url, shown, client string) (*openedLog, error) {
	return m.dialWith(url, shown, m.connectOptions(client))
}

func (m *Main) dialWith(url, shown string, o streams.ConnectOptions) (*openedLog, error) {
	nc, err := streams.Connect(url, o)
	if errors.Is(err, nats.ErrAuthorization) {
		return nil, fmt.Errorf("%w: the server lets in its users alone; name and password belong into NATS_URL (nats://user:password@host:port)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; is a NATS server with JetStream there? Without nats.url and NATS_URL an embedded one is used", err)
	}
	js, err := streams.JetStream(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &openedLog{NC: nc, JS: js, URL: shown}, nil
}

func (m *Main) connectOptions(client string) streams.ConnectOptions {
	n := m.config.NATS
	return streams.ConnectOptions{
		Name: "sluice " + client, CredentialsFile: n.Creds,
		CAFile: n.TLSCA, CertFile: n.TLSCert, KeyFile: n.TLSKey, Role: streams.Role(n.Role), OnRefused: m.refusals.hear, Log: m.log,
	}
}

// startServer runs the embedded server: on TCP for others to join, in process for us.
func (m *Main) startServer(ctx context.Context, storeDir, client string) (_ *openedLog, err error) {
	port := m.config.NATS.EmbeddedPort
	if port == 0 {
		port = -1 // any free one
	}
	users, err := m.users(storeDir)
	if err != nil {
		return nil, err
	}
	collector := collections{debug.SetGCPercent, debug.SetMemoryLimit, liveHeap}
	stopPace := collector.tune(m.Getenv, machine.Memory())
	defer func() {
		if err != nil {
			stopPace()
		}
	}()
	server, err := streams.StartServer(ctx, streams.ServerOptions{
		Name: "sluice", StoreDir: storeDir, Host: m.config.NATS.EmbeddedHost, Port: port, Users: users, TLS: m.embeddedTLS(),
	})
	if err != nil {
		return nil, err
	}
	l, err := m.joinInProcess(server, storeDir, client)
	if err == nil {
		err = writeServerFile(storeDir, server.URL())
	}
	if err != nil {
		server.Shutdown()
		return nil, err
	}
	l.stopPace = stopPace
	return l, nil
}

// joinInProcess joins as the operator: whoever runs the server may do everything.
func (m *Main) joinInProcess(server *streams.Server, storeDir, client string) (*openedLog, error) {
	o := streams.ConnectOptions{Name: "sluice " + client, InProcess: server, OnRefused: m.refusals.hear, Log: m.log}
	if err := m.asRole(&o, storeDir, streams.RoleOperator); err != nil {
		return nil, err
	}
	nc, err := streams.Connect(server.URL(), o)
	if err != nil {
		return nil, err
	}
	js, err := streams.JetStream(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &openedLog{NC: nc, JS: js, URL: server.URL(), server: server}, nil
}

// joinTimeout is how long a server that somebody runs may take to be there: the process that holds the lock has to say
// where it listens, one that hung up has to come back. joinPause is the time between two looks.
const (
	joinTimeout = 15 * time.Second
	joinPause   = 50 * time.Millisecond
)

// joinServer connects to the embedded server of another process.
func (m *Main) joinServer(ctx context.Context, storeDir, client string) (*openedLog, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	for {
		url, err := readServerFile(storeDir)
		if err == nil {
			var l *openedLog
			if l, err = m.dialEmbedded(url, storeDir, client); err == nil {
				return l, nil
			}
			if errors.Is(err, nats.ErrAuthorization) {
				return nil, fmt.Errorf("another sluice runs the log of %s with nats.authorize; set that here too: %w", storeDir, err)
			}
		}
		timer := time.NewTimer(joinPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("another sluice runs the log of %s and can't be reached: %w; stop it, or set NATS_URL", storeDir, err)
		case <-timer.C:
		}
	}
}

// applyStreams makes the server's streams what the configuration says.
func (m *Main) applyStreams(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return streams.Apply(ctx, js, streamOptions(m.config.NATS))
}

// createStreams makes those that are missing, and tells of others that are not what the configuration says.
func (m *Main) createStreams(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	different, err := streams.Create(ctx, js, streamOptions(m.config.NATS))
	if len(different) > 0 {
		m.log.Warn("the log's streams are not what this version and its configuration (nats.*) would make them, and stay so; "+
			"sluice streams apply changes them", "different", different)
	}
	return err
}

func streamOptions(n config.NATS) streams.Options {
	o := streams.DefaultOptions()
	o.Replicas, o.MaxAge, o.MaxBytes, o.RepliesMaxBytes, o.Duplicates = n.Replicas, n.MaxAge, n.MaxBytes, n.RepliesBytes, n.Duplicates
	return o
}
