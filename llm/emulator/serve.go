package emulator

import (
	"encoding/json"
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
	// failure, whole and chunks make JSON bodies. A reply of no candidate is nil.
	failure func(p problem) any
	whole   func(a ask, r *reply) any
	chunks  func(a ask, r *reply) []any
	// end is sent after the last chunk.
	end string
}

// serve answers one request for a reply.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, d dialect, model string, stream bool) {
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
	n := s.number.Add(1)
	faults := s.Faults()
	f := faults.of(s.cfg.Seed, n)
	if p := faults.problem(f); p != nil {
		s.fail(w, d, a, f, *p)
		return
	}
	if f == "reset" || f == "hang" {
		if f == "hang" {
			s.wait(r.Context(), faults.hangFor())
		}
		s.ledger.record(a, 0, f, sluice.Usage{}, false)
		hangUp(w, f == "reset")
		return
	}
	rep, p := s.think(a)
	if p != nil {
		s.fail(w, d, a, "", *p)
		return
	}
	latency := s.latency(a.model).of(s.cfg.Seed, n)
	if f == "slow" && !a.stream {
		latency += faults.slowFor()
	}
	if !s.wait(r.Context(), latency) {
		s.ledger.record(a, 0, f, rep.usage, false)
		hangUp(w, false)
		return
	}
	if f == "malformed" && a.kind != KindAnswer {
		rep.text = `Here is my verdict: {"verdict": "mostly rig`
	}
	if a.stream {
		s.sendStream(w, r, d, a, rep, f, faults.slowFor())
		return
	}
	s.sendWhole(w, d, a, rep, f)
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

func (s *Server) fail(w http.ResponseWriter, d dialect, a ask, f fault, p problem) {
	if p.retry > 0 {
		// As servers do, in whole seconds; the exact delay is in the details.
		w.Header().Set("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	s.ledger.record(a, p.status, f, sluice.Usage{}, false)
	writeJSON(w, p.status, d.failure(p))
}

// sendWhole sends a reply in one piece, or spoils it.
func (s *Server) sendWhole(w http.ResponseWriter, d dialect, a ask, rep reply, f fault) {
	said := &rep
	if f == "empty" {
		rep.usage.Output, rep.usage.Thoughts, rep.text = 0, 0, ""
		said = nil
	}
	body, err := json.Marshal(d.whole(a, said))
	if err != nil {
		panic("emulator: " + err.Error())
	}
	if f == "garbage" {
		body = append(body[:len(body)/2:len(body)/2], "\x00<html>"...)
	}
	s.ledger.record(a, http.StatusOK, f, rep.usage, f != "cut" && f != "garbage" && f != "empty")
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if f == "cut" {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body)
	if f == "cut" {
		_ = http.NewResponseController(w).Flush()
		hangUp(w, false)
	}
}

// sendStream sends a reply as server-sent events, the usage in the last, or spoils it.
func (s *Server) sendStream(w http.ResponseWriter, r *http.Request, d dialect, a ask, rep reply, f fault, slow time.Duration) {
	said := &rep
	if f == "empty" {
		rep.usage.Output, rep.usage.Thoughts, rep.text = 0, 0, ""
		said = nil
	}
	chunks := d.chunks(a, said)
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	whole := false
	defer func() {
		s.ledger.record(a, http.StatusOK, f, rep.usage, whole)
		if f == "cut" {
			hangUp(w, false)
		}
	}()
	for i, c := range chunks {
		if f == "cut" && i >= (len(chunks)+1)/2 {
			return
		}
		if f == "slow" && !s.wait(r.Context(), slow/time.Duration(len(chunks))) {
			return
		}
		data, err := json.Marshal(c)
		if err != nil {
			panic("emulator: " + err.Error())
		}
		if f == "garbage" {
			data = data[:len(data)/2]
		}
		_, err = w.Write(append(append([]byte("data: "), data...), "\n\n"...))
		if err == nil {
			err = flush()
		}
		if err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, d.end)
	whole = f != "garbage" && f != "empty" && r.Context().Err() == nil
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
