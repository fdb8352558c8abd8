package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"sluice/gateway/plain"
)

// Server serves a handler over HTTP, or over HTTPS.
type Server struct {
	srv      *http.Server
	plain    *plain.Listener // nil where it speaks TLS
	listener net.Listener
	scheme   string
	serving  sync.WaitGroup // the goroutine of Listen
	failed   chan error
}

// Listen listens and serves at once; its owner calls Shutdown. longest is how long a whole reply may take to be made and
// read, from the request's head on; a stream's writes have bounds of their own ([Events]). With certFile and keyFile it
// speaks TLS 1.2 or later, and reads the files again when they have changed. ctx gives requests their values, not their
// end.
func Listen(ctx context.Context, addr, certFile, keyFile string, longest time.Duration, h http.Handler, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", addr) //nolint:noctx // bound at once
	if err != nil {
		return nil, fmt.Errorf("gateway: listen on %s: %w; choose another address (gateway.listen, --listen)", addr, err)
	}
	s := &Server{listener: l, scheme: "http", failed: make(chan error, 1), srv: &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: longest, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}}
	if certFile != "" {
		pair := &keyPair{cert: certFile, key: keyFile, now: time.Now}
		if _, err := pair.get(nil); err != nil {
			_ = l.Close()
			return nil, fmt.Errorf("gateway: TLS: %w", err)
		}
		s.scheme = "https"
		s.srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}
	}
	if s.scheme == "http" {
		s.plain = plain.New(ctx, l, plain.Options{
			Handler: h, ReadHeaderTimeout: s.srv.ReadHeaderTimeout, WriteTimeout: longest, IdleTimeout: s.srv.IdleTimeout, ErrorLog: s.srv.ErrorLog,
		})
	}
	s.serving.Go(func() {
		var err error
		if s.scheme == "https" {
			err = s.srv.ServeTLS(l, "", "")
		} else {
			err = s.srv.Serve(s.plain)
		}
		if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) { // Shutdown alone closes the listener
			s.failed <- err
		}
	})
	return s, nil
}

// URL is where the server is.
func (s *Server) URL() string { return s.scheme + "://" + s.listener.Addr().String() }

// Failed tells, at most once, that serving ended by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Shutdown lets no connection in any more, waits for what is under way until ctx ends, and closes the rest.
func (s *Server) Shutdown(ctx context.Context) error {
	var ending sync.WaitGroup
	var plain error
	if s.plain != nil {
		ending.Go(func() { plain = s.plain.Shutdown(ctx) })
	}
	err := s.srv.Shutdown(ctx)
	if err != nil {
		err = s.srv.Close()
	}
	ending.Wait()
	s.serving.Wait()
	return errors.Join(err, plain)
}

// keyPair is a certificate that is read again when its file has changed, looked at once a minute at most.
type keyPair struct {
	cert, key string
	now       func() time.Time

	mu       sync.Mutex
	loaded   *tls.Certificate
	changed  time.Time // of the certificate's file
	lookedAt time.Time
}

func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.loaded != nil && k.now().Sub(k.lookedAt) < time.Minute {
		return k.loaded, nil
	}
	k.lookedAt = k.now()
	info, err := os.Stat(k.cert)
	if err == nil && k.loaded != nil && info.ModTime().Equal(k.changed) {
		return k.loaded, nil
	}
	pair, loadErr := tls.LoadX509KeyPair(k.cert, k.key)
	if err = errors.Join(err, loadErr); err != nil {
		if k.loaded != nil {
			return k.loaded, nil // half replaced: the old one serves on
		}
		return nil, err
	}
	k.loaded, k.changed = &pair, info.ModTime()
	return k.loaded, nil
}
