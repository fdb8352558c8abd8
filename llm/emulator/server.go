package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluice/pricing"
)

// Config makes a server. The zero value has no source and is refused.
type Config struct {
	// Source says what models say.
	Source Source
	// Seed decides faults, latencies and token counts.
	Seed uint64
	// Faults are the shares of requests that go wrong, until they are changed.
	Faults Faults
	// Latency by model; "" is that of every other model.
	Latency map[string]Latency
	// Thinking is the mean number of thinking tokens by model; nil lets models with "-pro" in their name
	// think 300.
	Thinking map[string]int
	// Keys are the API keys that are let in; nil lets in everybody.
	Keys []string
	// KeepBills keeps a [Bill] for every request, for ever.
	KeepBills bool
	// Prices price the books; the zero value is the built-in table.
	Prices pricing.Table
}

// Server is an emulated provider. Make one with [New]; use its [Server.Handler], or [Server.Start] it.
type Server struct {
	cfg    Config
	ledger *ledger
	faults atomic.Pointer[Faults]
	number atomic.Uint64

	scripts scripts

	mu       sync.Mutex
	underway int        // requests
	idle     *sync.Cond // under mu: none is

	once    sync.Once
	closed  chan struct{}
	httpSrv *http.Server
	serving sync.WaitGroup // the goroutine of Start
}

// New makes a server that does not listen yet.
func New(cfg Config) (*Server, error) {
	if cfg.Source == nil {
		return nil, errors.New("emulator: no source of answers")
	}
	if len(cfg.Prices.Models()) == 0 {
		cfg.Prices = pricing.Builtin()
	}
	for model, l := range cfg.Latency {
		if err := l.fault(); err != nil {
			return nil, fmt.Errorf("emulator: model %q: %w", model, err)
		}
	}
	s := &Server{cfg: cfg, ledger: newLedger(cfg.Prices), closed: make(chan struct{})}
	s.idle = sync.NewCond(&s.mu)
	s.ledger.keep = cfg.KeepBills
	if err := s.SetFaults(cfg.Faults); err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	s.httpSrv = &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	return s, nil
}

// Name is "emulator:recorded" or "emulator:synthetic": what summaries call the upstream.
func (s *Server) Name() string { return "emulator:" + s.cfg.Source.Name() }

// Handler serves both dialects, the books and the faults.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1beta/models/{call}", s.gemini)
	mux.HandleFunc("GET /v1beta/models", s.listModels)
	mux.HandleFunc("GET /v1beta/models/{model}", s.showModel)
	mux.HandleFunc("POST /v1/chat/completions", s.openAI)
	mux.HandleFunc("GET /emulator/books", s.showBooks)
	mux.HandleFunc("GET /emulator/faults", s.showFaults)
	mux.HandleFunc("POST /emulator/faults", s.changeFaults)
	return mux
}

// Start listens on addr ("127.0.0.1:0" takes a free port) and returns the base URL for clients. The
// server runs until [Server.Close].
func (s *Server) Start(addr string) (url string, err error) {
	l, err := net.Listen("tcp", addr) //nolint:noctx // does not block: the address is our own
	if err != nil {
		return "", fmt.Errorf("emulator: listen on %s: %w", addr, err)
	}
	s.serving.Go(func() { _ = s.httpSrv.Serve(l) }) // always ErrServerClosed: the listener is ours
	return "http://" + l.Addr().String(), nil
}

// enter counts a request in until the result is called.
func (s *Server) enter() (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underway++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.underway--; s.underway == 0 {
			s.idle.Broadcast()
		}
	}
}

// Wait waits until no request is under way: what clients gave up is in the books then.
func (s *Server) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.underway > 0 {
		s.idle.Wait()
	}
}

// Close stops listening, ends every request under way (hanging ones too) and waits for the listener's
// goroutine. It may be called more than once, and without Start.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.closed)
		_ = s.httpSrv.Close()
	})
	s.serving.Wait()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}
