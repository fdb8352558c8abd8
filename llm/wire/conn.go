package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// conn is one connection. It belongs to one exchange at a time.
type conn struct {
	net.Conn
	r *bufio.Reader
	// raw looks at the socket itself, to see whether the server has closed it.
	raw syscall.RawConn
	// left is how many bytes a head may still have; below 0 there is no bound.
	left int
	// since is when it fell idle, used says that it ever did.
	since time.Time
	used  bool

	step   func(fd uintptr) bool // c.advance, made once
	asking *http.Request         // by ask
	words  *bytes.Buffer         // of asking
	asked  bool                  // words are written
	failed error                 // why they are not
}

func newConn(raw net.Conn) (*conn, error) {
	s, ok := raw.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("wire: a connection of type %T has no socket", raw)
	}
	socket, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, raw: socket}
	c.r, c.step = bufio.NewReader(c), c.advance
	return c, nil
}

// errLeft says that the server had closed the connection before anything was sent: another one will do.
var errLeft = errors.New("wire: the server has closed the connection")

// ask sends a request and waits until the server says something: in one go, since to look for an answer right
// after the question is in vain. The request is written into words, unless they hold it already.
func (c *conn) ask(r *http.Request, words *bytes.Buffer) error {
	c.asking, c.words, c.asked, c.failed = r, words, false, nil
	err := c.raw.Read(c.step)
	c.asking, c.words = nil, nil
	if c.failed != nil {
		return c.failed
	}
	return err
}

// advance sends what c.ask was told to, and returns true once there is something to read, or no hope for it. The
// runtime calls it at once, and again when the socket has something new.
func (c *conn) advance(fd uintptr) bool {
	if c.asked {
		return true
	}
	if c.used && !quiet(fd) {
		c.failed = errLeft
		return true
	}
	if c.words.Len() == 0 {
		if c.failed = encode(c.words, c.asking); c.failed != nil {
			return true
		}
	}
	n, err := c.Write(c.words.Bytes())
	if c.failed = err; err != nil && n == 0 && c.used { // it was closed since we looked
		c.failed = errLeft
	}
	c.asked = true
	return err != nil || !c.used // on a new one the server may have spoken before we waited, which nobody tells again
}

var errHead = fmt.Errorf("wire: the response's head has more than %d bytes", maxHead)

// Read counts while a head is read.
func (c *conn) Read(p []byte) (int, error) {
	if c.left < 0 {
		return c.Conn.Read(p)
	}
	if c.left == 0 {
		return 0, errHead
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// readHead reads until the response's body begins. Interim responses are passed over.
func (c *conn) readHead(r *http.Request) (*http.Response, error) {
	c.left = maxHead
	defer func() { c.left = -1 }()
	if resp := c.readPlain(r); resp != nil {
		return resp, nil
	}
	for {
		resp, err := http.ReadResponse(c.r, r)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errors.New("wire: the server closed the connection without a response")
		case err != nil:
			return nil, err
		case resp.StatusCode >= 200:
			return resp, nil
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("wire: the server changes the protocol, and was not asked to")
		}
	}
}

// readPlain reads a head that has come as a whole and is plain; nil where it has or is not.
func (c *conn) readPlain(r *http.Request) *http.Response {
	_, _ = c.r.Peek(1) // what is wrong, net/http will meet again
	come, _ := c.r.Peek(c.r.Buffered())
	end := bytes.Index(come, []byte("\r\n\r\n"))
	if end < 0 || r.Method == http.MethodHead {
		return nil
	}
	var whole struct { // one piece of memory
		http.Response
		body counted
	}
	var ok bool
	if whole.Response, ok = plain(string(come[:end+4])); !ok {
		return nil
	}
	_, _ = c.r.Discard(end + 4)
	whole.body = counted{r: c.r, left: whole.ContentLength}
	whole.Request, whole.Body = r, &whole.body
	return &whole.Response
}

// counted is a body of so many bytes.
type counted struct {
	r    *bufio.Reader
	left int64
}

// Read tells the end with the last bytes.
func (b *counted) Read(p []byte) (int, error) {
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case b.left == 0:
		err = io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *counted) Close() error { return nil }

// interrupt ends reading and writing: the request's context has ended.
func (c *conn) interrupt() { _ = c.SetDeadline(time.Unix(1, 0)) }

// quiet says whether a connection is open and the server says nothing on it unasked.
func quiet(fd uintptr) bool {
	var one [1]byte
	_, err := syscall.Read(int(fd), one[:])
	return errors.Is(err, syscall.EAGAIN)
}
