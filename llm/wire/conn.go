package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// conn is one connection.
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
}

func newConn(raw net.Conn) *conn {
	c := &conn{Conn: raw}
	if s, ok := raw.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn() // without it the connection is never found quiet
	}
	c.r = bufio.NewReader(c)
	return c
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

// interrupt ends reading and writing: the request's context has ended.
func (c *conn) interrupt() { _ = c.SetDeadline(time.Unix(1, 0)) }

// quiet says whether the connection is open and the server says nothing on it unasked.
func (c *conn) quiet() bool {
	if c.raw == nil {
		return false
	}
	var one [1]byte
	open := false
	err := c.raw.Read(func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), one[:])
		open = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && open
}
