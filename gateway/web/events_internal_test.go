package web

import (
	"errors"
	"io"
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

// HTTP/2 ends a stream whose deadline passes, whether or not anything is being written.
func TestAModelThatPausesLongerThanAClientMayKeepsItsStream(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := NewEvents(w)
		e.wait = 2 * time.Second
		e.Begin(&sluice.Decision{})
		_ = e.Send("", "before")
		<-read
		select { // the pause
		case <-time.After(e.wait * 3 / 2):
		case <-r.Context().Done():
		}
		e.End(&sluice.Decision{}, "[DONE]")
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	close(read)
	words, err := io.ReadAll(resp.Body)
	if want := "data: \"before\"\n\ndata: [DONE]\n\n"; err != nil || resp.ProtoMajor != 2 || string(words) != want {
		t.Errorf("%s: %q, %v", resp.Proto, words, err)
	}
}
