package wire

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	// longest is the body, in bytes, that a socket takes in whole: a server may answer before it has read the
	// request, and nobody reads while we write.
	longest = 32 << 10
	// idleFor is how long a connection is kept that nobody uses, maxIdle how many are.
	idleFor, maxIdle = 90 * time.Second, 512
	// maxHead bounds, in bytes, a response's head.
	maxHead = 1 << 20
)

// Wire is the connections to one server. It is safe for concurrent use, and owns no goroutine. Make one with
// [New].
type Wire struct {
	host    string
	address string
	dialer  net.Dialer

	mu   sync.Mutex
	idle []*conn // the one that was used last comes last
}

// New makes a wire to a host, whose port is 80 where it names none. It opens no connection.
func New(host string) *Wire {
	u := url.URL{Host: host}
	return &Wire{
		host: host, address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")),
		dialer: net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second},
	}
}

// Takes says whether a request is one for the wire: http, to its host, with a body that is there and short.
func (w *Wire) Takes(r *http.Request) bool {
	return r.URL.Scheme == "http" && r.URL.Host == w.host && r.Body != nil && r.ContentLength > 0 && r.ContentLength <= longest
}

// requests holds buffers to write requests into.
var requests = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// RoundTrip makes the exchange of a request that the wire takes. The end of the request's context ends it,
// the reading of the response's body included. The caller reads the body to its end or closes it.
func (w *Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	words := requests.Get().(*bytes.Buffer)
	defer requests.Put(words)
	words.Reset()
	for {
		c, err := w.connect(r.Context())
		if err != nil {
			_ = r.Body.Close()
			return nil, err
		}
		stop := context.AfterFunc(r.Context(), c.interrupt)
		var resp *http.Response
		if err = c.ask(r, words); err == nil {
			resp, err = c.readHead(r)
		}
		if err == nil {
			return w.lend(c, resp, stop), nil
		}
		stop()
		_ = c.Close()
		if !errors.Is(err, errLeft) { // another one: at last a new one, which nobody has left
			return nil, err
		}
	}
}

// lend has a response's body give its connection back.
func (w *Wire) lend(c *conn, resp *http.Response, stop func() bool) *http.Response {
	b := &body{ReadCloser: resp.Body, w: w, c: c, stop: stop, last: resp.Close}
	if resp.Body == http.NoBody {
		b.end()
		return resp
	}
	resp.Body = b
	return resp
}

// encode writes a request as it is sent. The body is read and closed.
func encode(buf *bytes.Buffer, r *http.Request) error {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	buf.WriteString(r.Method)
	buf.WriteByte(' ')
	buf.WriteString(r.URL.RequestURI())
	buf.WriteString(" HTTP/1.1\r\nHost: ")
	buf.WriteString(host)
	if r.Header.Get("User-Agent") == "" {
		buf.WriteString("\r\nUser-Agent: sluice")
	}
	buf.WriteString("\r\nContent-Length: ")
	buf.Write(strconv.AppendInt(buf.AvailableBuffer(), r.ContentLength, 10))
	buf.WriteString("\r\n")
	_ = r.Header.Write(buf) // a buffer takes everything
	buf.WriteString("\r\n")
	n, err := buf.ReadFrom(r.Body)
	_ = r.Body.Close()
	if err == nil && n != r.ContentLength {
		err = fmt.Errorf("wire: a body of %d bytes has %d", r.ContentLength, n)
	}
	return err
}

// connect is a connection that was used before, or a new one.
func (w *Wire) connect(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for c := w.take(); c != nil; c = w.take() {
		if time.Since(c.since) < idleFor {
			return c, nil
		}
		_ = c.Close()
	}
	raw, err := w.dialer.DialContext(ctx, "tcp", w.address)
	if err != nil {
		return nil, err
	}
	return newConn(raw)
}

func (w *Wire) take() *conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.idle)
	if n == 0 {
		return nil
	}
	c := w.idle[n-1]
	w.idle[n-1] = nil
	w.idle = w.idle[:n-1]
	return c
}

// release keeps a connection for the next request.
func (w *Wire) release(c *conn) {
	c.since, c.used = time.Now(), true
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.idle) > 0 && (len(w.idle) == maxIdle || c.since.Sub(w.idle[0].since) > idleFor) {
		_ = w.idle[0].Close()
		w.idle = append(w.idle[:0], w.idle[1:]...)
	}
	w.idle = append(w.idle, c)
}

// CloseIdleConnections closes what nobody uses now.
func (w *Wire) CloseIdleConnections() {
	for c := w.take(); c != nil; c = w.take() {
		_ = c.Close()
	}
}

// body is the body of a response, whose end gives the connection back. It belongs to one goroutine.
type body struct {
	io.ReadCloser
	w    *Wire
	c    *conn
	stop func() bool
	// last is set where the server wants no other request on the connection.
	last, over bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.over {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.end()
	}
	return n, err
}

// Close ends the exchange; a body that was not read to its end takes the connection along.
func (b *body) Close() error {
	b.last = true
	b.end()
	return nil
}

func (b *body) end() {
	if b.over {
		return
	}
	b.over = true
	if whole := b.stop(); whole && !b.last && b.c.r.Buffered() == 0 {
		b.w.release(b.c)
		return
	}
	_ = b.c.Close()
}
