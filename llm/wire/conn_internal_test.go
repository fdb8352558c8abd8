package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestAServerThatSpeaksFirstIsHeard(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConn(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	if _, err := io.WriteString(server, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"); err != nil {
		t.Fatal(err)
	}
	// The runtime has told of it: either now, or before anybody waited.
	woken := false
	err = errors.Join(c.SetDeadline(time.Now().Add(50*time.Millisecond)), c.raw.Read(func(uintptr) bool { was := woken; woken = true; return was }))
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, c.interrupt)
	defer stop()
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://x/", strings.NewReader("x"))
	if err := c.ask(r, new(bytes.Buffer)); err != nil {
		t.Fatal("the answer is there, and nobody looks:", err)
	}
	resp, err := c.readHead(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Error(resp.Status, err)
	}
}
