package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluice/meter"
)

// metricsFlag is the address at which a process that runs alone tells how it is.
type metricsFlag struct {
	MetricsListen *address `placeholder:"ADDR" help:"Address of /metrics, /healthz and /readyz; port 0 takes a free one, an empty address serves none. Default: stages.metrics_listen (the monitor: monitor.metrics_listen)."`
}

// address is what the flag says, or the configuration.
func (f metricsFlag) address(configured string) string {
	if f.MetricsListen != nil {
		return string(*f.MetricsListen)
	}
	return configured
}

// process counts what this process does.
func (m *Main) process(adopted func() float64) *meter.Process {
	return &meter.Process{Adopted: adopted, Refused: m.refusals.Count, Panics: m.beside.Counts}
}

// endpoint is where a process tells how it is: /metrics, /healthz and /readyz. Its owner calls Close.
type endpoint struct {
	url     string
	server  *http.Server
	serving sync.WaitGroup // the goroutine of openEndpoint
	failed  chan error
	at      atomic.Pointer[func() error]
}

// openEndpoint listens at once, so that an address that is taken is told before anything begins. key is the address's
// in the configuration. It is not ready until readyWhen says how to tell.
func openEndpoint(ctx context.Context, key, addr string, metrics http.Handler) (*endpoint, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; name another address, or port 0 for a free one", key, err)
	}
	e := &endpoint{url: "http://" + l.Addr().String() + "/metrics", failed: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := e.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	e.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	e.serving.Go(func() {
		if err := e.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.failed <- fmt.Errorf("serve metrics: %w", err)
		}
	})
	return e, nil
}

var errStarting = errors.New("it is still starting")

func (e *endpoint) ready() error {
	if why := e.at.Load(); why != nil {
		return (*why)()
	}
	return errStarting
}

// readyWhen says from now on why the process is not ready; where why is nil, or returns nil, it is.
func (e *endpoint) readyWhen(why func() error) {
	if e == nil {
		return
	}
	if why == nil {
		why = func() error { return nil }
	}
	e.at.Store(&why)
}

// URL is where the metrics are; empty: nowhere.
func (e *endpoint) URL() string {
	if e == nil {
		return ""
	}
	return e.url
}

// Close stops serving, and says why it ended before if it did. A nil one serves nothing.
func (e *endpoint) Close() error {
	if e == nil {
		return nil
	}
	err := e.server.Close()
	e.serving.Wait()
	select {
	case failed := <-e.failed:
		return errors.Join(failed, err)
	default:
		return err
	}
}

// alone opens the endpoint of a process that does one thing; nil where none is wanted.
func (m *Main) alone(ctx context.Context, f metricsFlag, p *meter.Process) (*endpoint, error) {
	addr := f.address(m.config.Stages.MetricsListen)
	if addr == "" {
		return nil, nil //nolint:nilnil // a nil endpoint serves nothing
	}
	e, err := openEndpoint(ctx, "stages.metrics_listen", addr, p.Handler())
	if err == nil {
		m.log.Info("metrics are served", "url", e.url)
	}
	return e, err
}

// reaches says why a process that works on ctx can't: it is ending, or the log is away.
func (l *openedLog) reaches(ctx context.Context) func() error {
	return func() error {
		switch {
		case ctx.Err() != nil:
			return errors.New("it is shutting down")
		case !l.NC.IsConnected():
			return errors.New("the log is out of reach")
		}
		return nil
	}
}

// beAlone tells how the process is while it does what it is there for.
func (m *Main) beAlone(ctx context.Context, f metricsFlag, l *openedLog, do func() error) (err error) {
	e, err := m.alone(ctx, f, m.process(nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	e.readyWhen(l.reaches(ctx))
	m.ready(Where{NATS: l.URL, Metrics: e.URL()})
	return do()
}
