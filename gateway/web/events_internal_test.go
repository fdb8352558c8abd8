package web

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"sluice"
)

func TestAClientThatReadsNoMoreIsGivenUp(t *testing.T) {
	t.Parallel()
	gaveUp := make(chan error, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e := NewEvents(w)
		e.wait = 50 * time.Millisecond
		e.Begin(&sluice.Decision{})
		piece := strings.Repeat("a", 1<<20)
		var err error
		for err == nil {
			err = e.Send("", piece)
		}
		gaveUp <- err
	}))
	defer s.Close()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := <-gaveUp; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the stream ended with %v", err)
	}
}
