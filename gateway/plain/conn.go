package plain

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// longest is what a request may have, head and body, in bytes.
const longest = 8 << 10

// conn is one connection, while it is ours. But for what is said of it, it belongs to the goroutine of serve.
type conn struct {
	net.Conn
	l *Listener
	// like is what all of its requests have in common; their context ends when the client leaves.
	like   *http.Request
	cancel context.CancelFunc
	// come[:have] is what has come and is not answered.
	come [longest]byte
	have int
	w    writer
	look look
	// idle says that nothing is in hand. Shutdown reads it.
	idle atomic.Bool
	// fresh says that it has said nothing yet, answered that it was answered once. reading and writing are when the
	// deadlines were set that are in force; zero: none of ours is.
	fresh, answered  bool
	reading, writing time.Time
}

func newConn(l *Listener, raw net.Conn) *conn {
	ctx, cancel := context.WithCancel(l.ctx)
	like := http.Request{Method: http.MethodPost, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: raw.RemoteAddr().String()}
	c := &conn{Conn: raw, l: l, like: like.WithContext(ctx), cancel: cancel, fresh: true}
	c.w = writer{c: c, header: http.Header{}}
	c.look.begin(c)
	return c
}

// serve answers requests until there is one that is not plain, or none any more.
func (c *conn) serve() {
	defer func() {
		if v := recover(); v != nil { // what was begun must not look whole
			_ = c.Close()
			if v != http.ErrAbortHandler && c.l.o.ErrorLog != nil { //nolint:errorlint // as net/http compares it
				c.l.o.ErrorLog.Printf("panic serving %s: %v\n%s", c.RemoteAddr(), v, debug.Stack())
			}
		}
	}()
	for c.wait() {
		if c.answered && c.blank() {
			continue
		}
		a, size := read(c.come[:c.have], c.like)
		if a == nil || !c.whole(size) {
			c.handOver()
			return
		}
		if !c.answer(a) {
			break
		}
		c.answered = true
		c.have = copy(c.come[:], c.come[size:c.have])
		if c.look.more {
			c.come[c.have] = c.look.one[0]
			c.have++
		}
	}
	_ = c.Close()
}

// wait waits until the client says something; false where it does not, or is not to be heard any more.
func (c *conn) wait() bool {
	if c.have > 0 {
		return !c.l.draining.Load()
	}
	c.idle.Store(true)
	defer c.idle.Store(false)
	patience := c.l.o.IdleTimeout
	if c.fresh {
		patience = c.l.o.ReadHeaderTimeout
	}
	// One that is a little early costs less than one that is set for each request.
	if now := time.Now(); c.reading.IsZero() || now.Sub(c.reading) > patience/64 {
		c.reading = now
		_ = c.SetReadDeadline(now.Add(patience))
	}
	if c.l.draining.Load() { // behind what it undoes
		return false
	}
	n, err := c.Read(c.come[:])
	c.have = n
	if c.fresh {
		c.fresh, c.reading = false, time.Time{}
	}
	return n > 0 && err == nil
}

// blank passes over line ends behind a body, as net/http does for old clients, and says whether that was all.
func (c *conn) blank() bool {
	n := 0
	for n < min(c.have, 4) && (c.come[n] == '\r' || c.come[n] == '\n') {
		n++
	}
	if n > 0 {
		c.have = copy(c.come[:], c.come[n:c.have])
	}
	return c.have == 0
}

// restWithin is how long a body may take to come after its head, which some clients send in two pieces.
const restWithin = 100 * time.Millisecond

// whole reads what is missing of a request of such a size; false where that does not come at once.
func (c *conn) whole(size int) bool {
	if c.have >= size {
		return true
	}
	c.reading = time.Time{}
	_ = c.SetReadDeadline(time.Now().Add(restWithin))
	for c.have < size {
		n, err := c.Read(c.come[c.have:])
		if c.have += n; err != nil {
			break
		}
	}
	return c.have >= size
}

// handOver gives the connection to net/http, with what was said on it.
func (c *conn) handOver() {
	_ = c.SetDeadline(time.Time{})
	if !c.l.give(&begun{Conn: c.Conn, said: bytes.Clone(c.come[:c.have])}, nil) {
		_ = c.Close()
	}
}

// answer has a request answered; false where the connection is of no use any more.
func (c *conn) answer(a *asked) bool {
	now := time.Now()
	c.w.reset(now)
	if c.l.busy.Add(1) == 1 {
		go wake()
	}
	defer c.l.busy.Add(-1)
	c.look.start()
	func() {
		defer c.look.stop() // also where the handler panics
		c.l.o.Handler.ServeHTTP(&c.w, &a.Request)
	}()
	defer c.w.rest()
	return c.w.finish() && !c.look.gone
}

// armed sees to it that writing ends in time for the request that began at now.
func (c *conn) armed(now time.Time) {
	if c.writing.IsZero() || now.Sub(c.writing) > c.l.o.WriteTimeout/64 {
		c.writing = now
		_ = c.SetWriteDeadline(now.Add(c.l.o.WriteTimeout))
	}
}

// begun is a connection of which something has been read.
type begun struct {
	net.Conn
	said []byte
}

// Read reads that first.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.said) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.said)
	if b.said = b.said[n:]; len(b.said) == 0 {
		b.said = nil
	}
	return n, nil
}

// CloseWrite is what net/http asks for where it does not read a body to its end: the reply must reach its client first.
func (b *begun) CloseWrite() error {
	if c, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// wake does nothing. For a goroutine that begins the runtime wakes a processor, if one sleeps, and that one is looking
// for work by the time that the handler comes to wait: what it waits for is found at once. Where several requests are
// in hand, processors are awake.
func wake() {}
