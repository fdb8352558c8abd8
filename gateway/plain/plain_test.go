package plain_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/gateway/plain"
)

// server is a plain listener with net/http behind it.
type server struct {
	*plain.Listener
	behind  *http.Server
	serving sync.WaitGroup
}

func start(t *testing.T, h http.HandlerFunc, o plain.Options) *server {
	t.Helper()
	return startOn(t, listen(t), h, o)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startOn(t *testing.T, l net.Listener, h http.HandlerFunc, o plain.Options) *server {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	o.Handler, o.ErrorLog = h, quiet
	o.ReadHeaderTimeout, o.IdleTimeout = time.Minute, time.Minute
	if o.WriteTimeout == 0 {
		o.WriteTimeout = time.Minute
	}
	s := &server{Listener: plain.New(t.Context(), l, o), behind: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: quiet}}
	s.serving.Go(func() { _ = s.behind.Serve(s.Listener) })
	t.Cleanup(func() {
		if err := s.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		_ = s.behind.Close()
		s.serving.Wait()
	})
	return s
}

// client is a connection on which what is sent is written out.
type client struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

func (s *server) dial(t *testing.T) *client {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, bufio.NewReader(c), t}
}

func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

func (c *client) say(words string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, words); err != nil {
		c.t.Fatal(err)
	}
}

// heard is a reply.
type heard struct {
	status int
	last   bool // of the connection
	body   string
}

// hear reads a reply.
func (c *client) hear() heard {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: http.MethodPost})
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return heard{resp.StatusCode, resp.Close, string(body)}
}

// who answers a request with what it asked, and who answers it.
func who(w http.ResponseWriter, r *http.Request) {
	by := "plain"
	if r.Context().Value(http.ServerContextKey) != nil {
		by = "net/http"
	}
	body, _ := io.ReadAll(r.Body)
	_, _ = fmt.Fprintf(w, "%s %s %s %s", by, r.Method, r.URL.Path, body)
}

func TestAConnectionIsNetHTTPsFromTheFirstRequestOnThatIsNotPlain(t *testing.T) {
	t.Parallel()
	c := start(t, who, plain.Options{}).dial(t)
	for _, step := range []struct{ say, want string }{
		{post("/a", "1"), "plain POST /a 1"},
		{post("/b", "2"), "plain POST /b 2"},
		{"GET /c HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "net/http GET /c "},
		{post("/d", "3"), "net/http POST /d 3"},
	} {
		c.say(step.say)
		if got := c.hear(); got.body != step.want || got.status != http.StatusOK {
			t.Errorf("%+v, want %q", got, step.want)
		}
	}
}

func TestABodyThatComesLaterIsWaitedForByNetHTTP(t *testing.T) {
	t.Parallel()
	c := start(t, who, plain.Options{}).dial(t)
	whole := post("/a", strings.Repeat("x", 20_000))
	c.say(whole[:100])
	c.say(whole[100:])
	if got := c.hear(); got.body != "net/http POST /a "+strings.Repeat("x", 20_000) {
		t.Errorf("%.40q", got.body)
	}
}

// A reply that a reset connection takes with it is one that whoever sends too much never reads.
func TestWhoeverSendsMoreThanIsReadIsToldSo(t *testing.T) {
	t.Parallel()
	c := start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) }, plain.Options{}).dial(t)
	c.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n" + strings.Repeat("x", 60_000))
	if got := c.hear(); got.status != http.StatusRequestEntityTooLarge || !got.last {
		t.Errorf("%+v", got)
	}
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the reply it reads %v", err)
	}
}

func TestRequestsThatComeTogetherAreAnsweredInTurn(t *testing.T) {
	t.Parallel()
	c := start(t, who, plain.Options{}).dial(t)
	c.say(post("/a", "1") + post("/b", "2") + "GET /c HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + post("/d", "3"))
	for _, want := range []string{"plain POST /a 1", "plain POST /b 2", "net/http GET /c ", "net/http POST /d 3"} {
		if got := c.hear(); got.body != want {
			t.Errorf("%q, want %q", got.body, want)
		}
	}
}

// Old clients end a body by a line's end that they do not count; net/http passes over it.
func TestALinesEndBehindABodyIsNoRequest(t *testing.T) {
	t.Parallel()
	for _, next := range []string{post("/b", "2"), "GET /b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"} {
		for _, apart := range []bool{true, false} {
			c := start(t, who, plain.Options{}).dial(t)
			if c.say(post("/a", "1") + "\r\n"); apart {
				c.hear()
				c.say(next)
			} else {
				c.say(next)
				c.hear()
			}
			if got := c.hear(); got.status != http.StatusOK || !strings.Contains(got.body, " /b ") {
				t.Errorf("apart %t: %.20q is answered %+v", apart, next, got)
			}
		}
	}
	fresh := start(t, who, plain.Options{}).dial(t)
	fresh.say("\r\n" + post("/a", "1"))
	if got := fresh.hear(); got.status != http.StatusBadRequest {
		t.Errorf("before the first one: %+v, net/http refuses it", got)
	}
}

// replies are handlers whose replies must not tell who wrote them.
var replies = map[string]http.HandlerFunc{
	"nothing": func(http.ResponseWriter, *http.Request) {},
	"whole":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "whole") },
	"fault": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header()["Retry-After"] = []string{"1", "2"}
		w.WriteHeader(http.StatusTooManyRequests)
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "later")
	},
	"no type": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<html>")
	},
	"no words": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) },
	"packed": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "x-own")
		_, _ = io.WriteString(w, "<html>")
	},
	"empty": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"long": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "600000")
		for range 6 {
			_, _ = io.WriteString(w, strings.Repeat("l", 100_000))
		}
	},
	"stream": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Trailer", "X-Cost")
		for _, piece := range []string{"one", "two"} {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set("X-Cost", "7")
		w.Header().Set("X-Late", "8")
	},
	"announced": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Trailer", "X-Cost")
		_, _ = io.WriteString(w, "whole")
		w.Header().Set("X-Cost", "7")
	},
	"line's end": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "a\r\nX-B: b")
		_, _ = io.WriteString(w, "{}")
	},
	"last": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "{}")
	},
}

func TestARepliesBytesMeanTheSameWhoeverWritesThem(t *testing.T) {
	t.Parallel()
	for name, h := range replies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs := httptest.NewUnstartedServer(h)
			theirs.Config.ErrorLog = log.New(io.Discard, "", 0)
			theirs.Start()
			defer theirs.Close()
			ours := start(t, h, plain.Options{})
			want := told(t, theirs.URL)
			for range 2 { // the second on the same connection
				if got := told(t, "http://"+ours.Addr().String()); !reflect.DeepEqual(got, want) {
					t.Errorf("%.400s, net/http's %.400s", fmt.Sprint(got), fmt.Sprint(want))
				}
			}
		})
	}
}

// reply is all that a client is told, but for the date and how the length is told.
type reply struct {
	status          int
	last            bool
	header, trailer http.Header
	body            string
}

func told(t *testing.T, url string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil {
		t.Error(err)
	}
	resp.Header.Del("Date")
	resp.Header.Del("Content-Length")
	return reply{resp.StatusCode, resp.Close, resp.Header, resp.Trailer, string(body)}
}

func TestAClientThatLeavesEndsItsRequest(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	c := start(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended <- r.Context().Err()
	}, plain.Options{}).dial(t)
	c.say(post("/", "{}"))
	_ = c.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// watched tells of every connection that somebody has looked at it, and found something.
type watched struct {
	net.Listener
	found chan struct{}
}

func (l watched) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return watchedConn{c, l.found}, err
}

type watchedConn struct {
	net.Conn
	found chan struct{}
}

func (c watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if len(p) == 1 && n == 1 {
		c.found <- struct{}{}
	}
	return n, err
}

func TestWhatAClientSaysWhileItIsAnsweredIsNotLost(t *testing.T) {
	t.Parallel()
	asked, answer, found := make(chan struct{}, 2), make(chan struct{}, 2), make(chan struct{}, 2)
	c := startOn(t, watched{listen(t), found}, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-answer
		who(w, r)
	}, plain.Options{}).dial(t)
	c.say(post("/a", "1"))
	<-asked
	c.say(post("/b", "2"))
	<-found
	answer <- struct{}{}
	answer <- struct{}{}
	for _, want := range []string{"plain POST /a 1", "net/http POST /b 2"} { // of the second a byte came before the rest
		if got := c.hear(); got.body != want {
			t.Errorf("%q, want %q", got.body, want)
		}
	}
}

func TestShutdownWaitsForWhatIsInHandAndEndsWhatIsIdle(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(asked)
			<-answer
		}
		who(w, r)
	}, plain.Options{})
	idle, busy := s.dial(t), s.dial(t)
	idle.say(post("/", "{}"))
	idle.hear()
	busy.say(post("/slow", "{}"))
	<-asked
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(t.Context()) }() // ends with the request
	if _, err := idle.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("an idle connection ends with %v", err)
	}
	select {
	case err := <-down:
		t.Fatalf("shut down with a request in hand: %v", err)
	default:
	}
	close(answer)
	if got := busy.hear(); got.body != "plain POST /slow {}" || !got.last {
		t.Errorf("%+v", got)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	s := start(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}, plain.Options{})
	c := s.dial(t)
	c.say(post("/", "{}"))
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestAPanicEndsItsConnectionAlone(t *testing.T) {
	t.Parallel()
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		if r.URL.Path == "/panic" {
			panic("on purpose")
		}
	}, plain.Options{})
	c := s.dial(t)
	c.say(post("/panic", "{}"))
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("what was begun looks whole")
	}
	other := s.dial(t)
	other.say(post("/", "{}"))
	if got := other.hear(); got.body != "begun" {
		t.Errorf("%+v", got)
	}
}

func TestAClientThatDoesNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	gaveUp := make(chan error, 1)
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20))
		gaveUp <- err
	}, plain.Options{WriteTimeout: 100 * time.Millisecond}).dial(t)
	c.say(post("/", "{}"))
	if err := <-gaveUp; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the reply ended with %v", err)
	}
}
