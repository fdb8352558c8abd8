package plain

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// most is how much of a reply is gathered before it is sent in pieces, kept how much room for one is kept, in bytes.
const most, kept = 256 << 10, 16 << 10

// writer writes one reply after another. A reply whose end the handler reaches before anybody asks for it to be sent
// has its length told; any other goes in chunks.
type writer struct {
	c      *conn
	header http.Header
	began  time.Time // the request
	code   int       // 0: none yet
	typed  bool      // the reply's type is told, or not to be told
	// out is the head, without its end, until it is sent; then chunks. body is what was written since.
	out, body []byte
	trailers  []string
	chunked   bool
	bare      bool // a reply without a body
	last      bool // of its connection
	own       bool // the handler has set a deadline
	err       error
}

func (w *writer) reset(began time.Time) {
	clear(w.header)
	*w = writer{c: w.c, header: w.header, began: began, out: w.out[:0], body: w.body[:0]}
}

// rest lets go of a long reply's room: its client may say nothing more for minutes.
func (w *writer) rest() {
	if cap(w.out) > kept || cap(w.body) > kept {
		w.out, w.body = nil, nil
	}
}

// Header is the reply's.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader begins the reply. Of informational ones nothing is sent.
func (w *writer) WriteHeader(code int) {
	if w.code != 0 || code < http.StatusOK {
		return
	}
	w.code = code
	_, w.typed = w.header["Content-Type"]
	w.typed = w.typed || w.header["Content-Encoding"] != nil
	w.bare = code == http.StatusNoContent || code == http.StatusNotModified
	w.out = append(append(append(strconv.AppendInt(append(w.out, "HTTP/1.1 "...), int64(code), 10), ' '), http.StatusText(code)...), "\r\n"...)
	for name, values := range w.header {
		switch name {
		case "Content-Length", "Transfer-Encoding":
			continue // ours
		case "Trailer":
			w.announce()
		case "Connection":
			w.last = w.last || strings.EqualFold(w.header.Get(name), "close")
			continue
		}
		w.out = appendField(w.out, name, values)
	}
	if w.header["Date"] == nil {
		w.out = append(append(append(w.out, "Date: "...), w.c.l.dates.at(time.Now())...), "\r\n"...)
	}
	if w.last = w.last || w.c.l.draining.Load(); w.last {
		w.out = append(w.out, "Connection: close\r\n"...)
	}
}

// announce notes the fields that follow the body.
func (w *writer) announce() {
	for _, list := range w.header["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			w.trailers = append(w.trailers, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
}

// appendField writes a header. A line's end in a value would begin another one.
func appendField(b []byte, name string, values []string) []byte {
	for _, v := range values {
		b = append(append(append(b, name...), ": "...), v...)
		for i, c := range b[len(b)-len(v):] {
			if c == '\r' || c == '\n' {
				b[len(b)-len(v)+i] = ' '
			}
		}
		b = append(b, "\r\n"...)
	}
	return b
}

// Write adds to the body.
func (w *writer) Write(p []byte) (int, error) {
	if w.code == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case len(p) == 0, w.err != nil: // or nobody reads on
		return 0, w.err
	case w.bare:
		return 0, http.ErrBodyNotAllowed
	case !w.typed && !w.chunked:
		w.typed = true
		w.out = appendField(w.out, "Content-Type", []string{http.DetectContentType(p)})
	}
	w.body = append(w.body, p...)
	if len(w.body) > most {
		return len(p), w.FlushError()
	}
	return len(p), nil
}

// FlushError sends what was written. The reply goes in chunks from now on.
func (w *writer) FlushError() error {
	if w.code == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.chunk()
	return w.send()
}

// chunk makes a chunk of the body, and ends the head before the first one.
func (w *writer) chunk() {
	if w.bare {
		return
	}
	if !w.chunked {
		w.chunked = true
		w.out = append(w.out, "Transfer-Encoding: chunked\r\n\r\n"...)
	}
	if len(w.body) > 0 {
		w.out = append(strconv.AppendInt(w.out, int64(len(w.body)), 16), "\r\n"...)
		w.out = append(append(w.out, w.body...), "\r\n"...)
		w.body = w.body[:0]
	}
}

// send sends what is ready, within the time that the handler or the listener allows.
func (w *writer) send() error {
	if w.err != nil || len(w.out) == 0 {
		return w.err
	}
	if !w.own {
		w.c.armed(w.began)
	}
	_, w.err = w.c.Write(w.out)
	if w.out = w.out[:0]; w.err != nil {
		w.c.cancel() // the client is gone
	}
	return w.err
}

// finish sends the end of the reply; false where the connection is of no use any more.
func (w *writer) finish() bool {
	if w.code == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.bare:
		w.out = append(w.out, "\r\n"...)
	case w.chunked || len(w.trailers) > 0:
		w.chunk()
		w.out = append(w.out, "0\r\n"...)
		for _, name := range w.trailers {
			w.out = appendField(w.out, name, w.header[name])
		}
		w.out = append(w.out, "\r\n"...)
	default:
		w.out = append(strconv.AppendInt(append(w.out, "Content-Length: "...), int64(len(w.body)), 10), "\r\n\r\n"...)
		w.out = append(w.out, w.body...)
	}
	return w.send() == nil && !w.last
}

// SetWriteDeadline is for [http.ResponseController]: it is in force for this reply alone.
func (w *writer) SetWriteDeadline(t time.Time) error {
	w.own, w.c.writing = true, time.Time{}
	return w.c.SetWriteDeadline(t)
}

// SetReadDeadline is for [http.ResponseController]: there is nothing more to read.
func (w *writer) SetReadDeadline(time.Time) error { return nil }
