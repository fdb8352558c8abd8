package emulator

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"sluice"
)

// maxBody bounds, in bytes, the body of a request.
const maxBody = 32 << 20

// dialect is how a provider's API is spelled.
type dialect struct {
	// key reads the API key.
	key func(r *http.Request) string
	// noKey and badKey are what a request without a key, or with a wrong one, gets.
	noKey, badKey problem
	// decode reads a request; model is that of the path, if any.
	decode func(model string, stream bool, body []byte) (ask, error)
	// failure, whole and chunks make JSON bodies.
	failure func(p problem) any
	whole   func(a ask, r reply) any
	chunks  func(a ask, r reply) []any
	// end is sent after the last chunk.
	end string
}

// serve reads one request for a reply, and answers it unless its words or its key are wrong.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, d dialect, model string, stream bool) {
	leave := s.enter()
	defer leave()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return // the client left, or sent more than any client of ours would
	}
	a, err := d.decode(model, stream, body)
	if err != nil {
		a.kind, a.about = KindUnreadable, nil
	}
	p := s.keyProblem(d, r)
	if p == nil && err != nil {
		p = &problem{status: 400, message: err.Error()}
	}
	if p != nil {
		s.fail(w, d, a, "", *p)
		return
	}
	s.answer(w, r, d, a)
}

// answer says what the models say, with the fault that falls to this request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, d dialect, a ask) {
	n := s.number.Add(1)
	faults := s.Faults()
	f := s.fault(a.model, n, faults)
	if p := faults.problem(f); p != nil {
		s.fail(w, d, a, f, *p)
		return
	}
	if f == Reset || f == Hang {
		if f == Hang {
			s.wait(r.Context(), faults.hangFor())
		}
		s.ledger.record(a, 0, f, sluice.Usage{}, false)
		hangUp(w, f == Reset)
		return
	}
	rep, p := s.think(a)
	if p != nil {
		s.fail(w, d, a, "", *p)
		return
	}
	latency := s.latency(a.model).of(s.cfg.Seed, n)
	if f == SlowHeaders || (f == Slow && !a.stream) {
		latency += faults.slowFor()
	}
	if !s.wait(r.Context(), latency) {
		s.ledger.record(a, 0, f, rep.usage, false)
		hangUp(w, false)
		return
	}
	send := sending{s: s, w: w, d: d, a: a, f: f, faults: faults}
	send.reply(r.Context(), rep.spoilt(f, a))
}

// keyProblem is nil for a key that is let in.
func (s *Server) keyProblem(d dialect, r *http.Request) *problem {
	if s.cfg.Keys == nil {
		return nil
	}
	switch key := d.key(r); {
	case key == "":
		return &d.noKey
	case !slices.Contains(s.cfg.Keys, key):
		return &d.badKey
	}
	return nil
}

func (s *Server) fail(w http.ResponseWriter, d dialect, a ask, f Fault, p problem) {
	if p.retry > 0 {
		// As servers do, in whole seconds; the exact delay is in the details.
		w.Header().Set("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	s.ledger.record(a, p.status, f, sluice.Usage{}, false)
	writeJSON(w, p.status, d.failure(p))
}

// hangUp closes the connection without a word, by a reset if need be.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the server closes it
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
