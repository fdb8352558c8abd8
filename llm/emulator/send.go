package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"sluice"
)

// sending is the way of one reply to its client.
type sending struct {
	s      *Server
	w      http.ResponseWriter
	d      dialect
	a      ask
	f      Fault
	faults Faults
}

// spoilt is the reply as a fault of its content makes it.
func (r reply) spoilt(f Fault, a ask) reply {
	switch {
	case f == Empty, f == Blocked:
		return reply{usage: sluice.Usage{Prompt: r.usage.Prompt, Cached: r.usage.Cached}, empty: f == Empty, blocked: f == Blocked}
	case f == Malformed && a.kind != KindAnswer:
		r.text = `Here is my verdict: {"verdict": "mostly rig`
	}
	return r
}

// reply sends a reply, whole or as server-sent events, or spoils it, and books it.
func (s sending) reply(ctx context.Context, rep reply) {
	pack := s.whole
	if s.a.stream {
		pack = s.streamed
	}
	pieces, booked := pack(rep), false
	book := func(whole bool) {
		if !booked {
			s.s.ledger.record(s.a, http.StatusOK, s.f, rep.usage, whole)
		}
		booked = true
	}
	s.write(ctx, pieces, book)
	book(false)
	if s.f == Cut || s.f == Stall || s.f == ResetAfterHeaders {
		hangUp(s.w, s.f == ResetAfterHeaders)
	}
}

// streamed is a reply as server-sent events, and their head.
func (s sending) streamed(rep reply) (pieces [][]byte) {
	for _, c := range s.d.chunks(s.a, rep) {
		data := s.json(c)
		pieces = append(pieces, append(append([]byte("data: "), data...), "\n\n"...))
	}
	if s.f == Garbage {
		data := pieces[0]
		pieces[0] = append(data[:len(data)/2:len(data)/2], "\n\n"...)
	}
	if s.d.end != "" {
		pieces = append(pieces, []byte(s.d.end))
	}
	s.w.Header().Set("Content-Type", "text/event-stream")
	return pieces
}

// whole is a reply in one piece, or in two where a fault wants that, and its head.
func (s sending) whole(rep reply) [][]byte {
	body := s.json(s.d.whole(s.a, rep))
	if s.f == Garbage {
		body = append(body[:len(body)/2:len(body)/2], "\x00<html>"...)
	}
	s.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	s.w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if s.f == SlowBody || s.f == Stall || s.f == Cut {
		return [][]byte{body[:len(body)/2], body[len(body)/2:]}
	}
	return [][]byte{body}
}

// write writes the pieces with the fault of their way. Before the last one, so that a client that has a
// reply finds it in the books, it is booked.
func (s sending) write(ctx context.Context, pieces [][]byte, book func(whole bool)) {
	flush := http.NewResponseController(s.w).Flush
	pause := s.pause(len(pieces))
	if s.f == ResetAfterHeaders || pause > 0 {
		s.w.WriteHeader(http.StatusOK)
		if flush() != nil || s.f == ResetAfterHeaders {
			return
		}
	}
	for i, p := range pieces {
		if (s.f == Cut || s.f == Stall) && i >= len(pieces)/2 {
			if s.f == Stall {
				s.s.wait(ctx, s.faults.hangFor())
			}
			return
		}
		if pause > 0 && !s.s.wait(ctx, pause) {
			return
		}
		last := i == len(pieces)-1
		if last {
			book(s.f != Garbage && s.f != Empty && s.f != Blocked && ctx.Err() == nil)
		}
		if _, err := s.w.Write(p); err != nil {
			return
		}
		if last && !s.a.stream {
			return // the server flushes it
		}
		if flush() != nil {
			return
		}
	}
}

// pause is the time before each of n pieces.
func (s sending) pause(n int) time.Duration {
	if s.f == SlowBody || (s.f == Slow && s.a.stream) {
		return s.faults.slowFor() / time.Duration(n)
	}
	return 0
}

func (s sending) json(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("emulator: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
