package wire_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sluice/llm/wire"
)

// peer is a server that says exactly what a test has it say. Every connection is one more.
type peer struct {
	net.Listener
	connections atomic.Int64
	serving     sync.WaitGroup
}

// listen serves each connection with serve, which gets its number from 1.
func listen(t *testing.T, serve func(c net.Conn, r *bufio.Reader, n int64)) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Listener: l}
	p.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := p.connections.Add(1)
			p.serving.Go(func() {
				defer func() { _ = c.Close() }()
				serve(c, bufio.NewReader(c), n)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); p.serving.Wait() })
	return p
}

// answering reads requests and answers each with the same words.
func answering(words string) func(net.Conn, *bufio.Reader, int64) {
	return func(c net.Conn, r *bufio.Reader, _ int64) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if _, err := io.WriteString(c, words); err != nil {
				return
			}
		}
	}
}

func post(t *testing.T, ctx context.Context, p *peer, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Addr().String()+"/v1/x?y=1", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

func open(t *testing.T, p *peer) *wire.Wire {
	t.Helper()
	w := wire.New(p.Addr().String())
	t.Cleanup(w.CloseIdleConnections)
	return w
}

// said is the whole body of a response.
func said(t *testing.T, w *wire.Wire, r *http.Request) string {
	t.Helper()
	resp, err := w.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(data))
}

func TestAServerOfNetHTTPReadsWhatIsSent(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %s %s %d", r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.UserAgent(), body, r.ContentLength)
	}))
	defer s.Close()
	w := wire.New(strings.TrimPrefix(s.URL, "http://"))
	defer w.CloseIdleConnections()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/a b?c=d", strings.NewReader("words"))
	r.Header.Set("Content-Type", "application/json")
	if got := said(t, w, r); got != "200 POST /a%20b?c=d application/json sluice words 5" {
		t.Error(got)
	}
}

func TestAConnectionIsUsedAgainHoweverTheBodyEnds(t *testing.T) {
	for name, words := range map[string]string{
		"by its length": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"in chunks":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
		"after others":  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
	} {
		p := listen(t, answering(words))
		w := open(t, p)
		for range 5 {
			if got := said(t, w, post(t, t.Context(), p, "x")); got != "200 hi" {
				t.Errorf("%s: %q", name, got)
			}
		}
		if n := p.connections.Load(); n != 1 {
			t.Errorf("%s: %d connections, want 1", name, n)
		}
	}
	p := listen(t, answering("HTTP/1.1 204 No Content\r\n\r\n"))
	w := open(t, p)
	for range 2 {
		if got := said(t, w, post(t, t.Context(), p, "x")); got != "204 " || p.connections.Load() != 1 {
			t.Errorf("without a body: %q, %d connections", got, p.connections.Load())
		}
	}
}

func TestAConnectionThatTheServerIsDoneWithIsNotUsedAgain(t *testing.T) {
	for name, serve := range map[string]func(net.Conn, *bufio.Reader, int64){
		"it says so": answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"),
		"it closes without a word": func(c net.Conn, r *bufio.Reader, _ int64) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			}
		},
		"the body ends with the connection": func(c net.Conn, r *bufio.Reader, _ int64) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nhi")
			}
		},
		"it talks unasked": answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 408 Request Timeout\r\n\r\n"),
	} {
		p := listen(t, serve)
		w := open(t, p)
		for i := range int64(3) {
			if got := said(t, w, post(t, t.Context(), p, "x")); got != "200 hi" || p.connections.Load() != i+1 {
				t.Errorf("%s: %q over %d connections, want one each", name, got, p.connections.Load())
			}
			if name == "it closes without a word" {
				w.AwaitClosed()
			}
		}
	}
}

// unread tells whether it was read.
type unread struct {
	io.Reader
	read bool
}

func (u *unread) Read(b []byte) (int, error) {
	u.read = true
	return u.Reader.Read(b)
}

func (u *unread) Close() error { return nil }

// Whether a model has read what was sent and made its answer nobody knows: to send it again may be to pay twice.
func TestWhatWasSentIsNotSentAgain(t *testing.T) {
	var asked atomic.Int64
	p := listen(t, func(c net.Conn, r *bufio.Reader, _ int64) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if asked.Add(1) > 1 {
				return // without a word
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	})
	w := open(t, p)
	if got := said(t, w, post(t, t.Context(), p, "x")); got != "200 hi" {
		t.Fatal(got)
	}
	resp, err := w.RoundTrip(post(t, t.Context(), p, "x"))
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || asked.Load() != 2 || p.connections.Load() != 1 {
		t.Errorf("%v: asked %d times on %d connections, want 2 on 1", err, asked.Load(), p.connections.Load())
	}
}

func TestARequestThatFindsNobodyIsNotBegun(t *testing.T) {
	p := listen(t, func(c net.Conn, r *bufio.Reader, _ int64) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	})
	w := open(t, p)
	if got := said(t, w, post(t, t.Context(), p, "x")); got != "200 hi" {
		t.Fatal(got)
	}
	w.AwaitClosed()
	_ = p.Close()
	r := post(t, t.Context(), p, "x")
	body := &unread{Reader: strings.NewReader("x")}
	r.Body = body
	if resp, err := w.RoundTrip(r); err == nil {
		_ = resp.Body.Close()
		t.Error("nobody answered")
	}
	if body.read { // whoever reads a body takes it for sent, and pays for it
		t.Error("the request was read though there was nobody to send it to")
	}
}

func TestABodyThatIsNotReadTakesItsConnectionAlong(t *testing.T) {
	p := listen(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhi"))
	w := open(t, p)
	for range 2 {
		resp, err := w.RoundTrip(post(t, t.Context(), p, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := p.connections.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestTheEndOfTheContextEndsAnExchangeWhereverItIs(t *testing.T) {
	silent := func(words string) func(net.Conn, *bufio.Reader, int64) {
		return func(c net.Conn, r *bufio.Reader, _ int64) {
			_, _ = io.WriteString(c, words)
			_, _ = io.Copy(io.Discard, r) // until we are left
		}
	}
	for name, words := range map[string]string{
		"before the head": "", "within the head": "HTTP/1.1 200", "within the body": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
	} {
		p := listen(t, silent(words))
		ctx, cancel := context.WithCancel(t.Context())
		w := open(t, p)
		done := make(chan error, 1)
		go func() { // ends with the exchange, which is waited for below
			resp, err := w.RoundTrip(post(t, ctx, p, "x"))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			done <- err
		}()
		cancel()
		if err := <-done; err == nil {
			t.Errorf("%s: no error", name)
		}
		resp, err := w.RoundTrip(post(t, ctx, p, "x"))
		if !errors.Is(err, context.Canceled) {
			_ = resp.Body.Close()
			t.Errorf("%s: a request whose context has ended: %v", name, err)
		}
	}
}

func TestResponsesThatAreNoneAreErrors(t *testing.T) {
	for name, words := range map[string]string{
		"nothing": "", "garbage": "SSH-2.0-x\r\n\r\n", "half a head": "HTTP/1.1 200 OK\r\nContent-",
		"another protocol": "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"an endless head":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Long: "+strings.Repeat("y", 1000)+"\r\n", 1100) + "\r\n",
	} {
		p := listen(t, func(c net.Conn, r *bufio.Reader, _ int64) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(c, words)
			}
		})
		resp, err := open(t, p).RoundTrip(post(t, t.Context(), p, "x"))
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s is taken for %s", name, resp.Status)
		}
	}
	p := listen(t, func(c net.Conn, r *bufio.Reader, _ int64) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
		}
	})
	resp, err := open(t, p).RoundTrip(post(t, t.Context(), p, "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a body that is cut short: %v", err)
	}
}

func TestWhatIsNotForTheWireIsNotTaken(t *testing.T) {
	w := wire.New("models:8000")
	for name, c := range map[string]struct {
		url, body string
		want      bool
	}{
		"its own":      {"http://models:8000/v1", "x", true},
		"another host": {"http://models:8001/v1", "x", false},
		"TLS":          {"https://models:8000/v1", "x", false},
		"no body":      {"http://models:8000/v1", "", false},
		"a long body":  {"http://models:8000/v1", strings.Repeat("x", 33<<10), false},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, strings.NewReader(c.body))
		if err != nil || w.Takes(r) != c.want {
			t.Errorf("%s: taken %t (%v)", name, !c.want, err)
		}
	}
}

func TestAHostWithoutAPortIsAskedAtPort80(t *testing.T) {
	for host, want := range map[string]string{
		"models": "models:80", "models:": "models:80", "models:8000": "models:8000", "10.0.0.1": "10.0.0.1:80",
		"[::1]": "[::1]:80", "[::1]:": "[::1]:80", "[::1]:8000": "[::1]:8000",
	} {
		if got := wire.New(host).Address(); got != want {
			t.Errorf("%s is asked at %s, want %s", host, got, want)
		}
	}
}

func TestManyAtOnceEachGetTheirOwnAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer s.Close()
	w := wire.New(strings.TrimPrefix(s.URL, "http://"))
	defer w.CloseIdleConnections()
	var g sync.WaitGroup
	for n := range 16 {
		g.Go(func() {
			for i := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				want := strings.Repeat(fmt.Sprint(n, " ", i, "\n"), 1+i%7)
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader(want))
				resp, err := w.RoundTrip(r)
				if err != nil {
					t.Error(err)
					cancel()
					return
				}
				if i%10 == 9 { // given up: the connection must not serve another
					cancel()
				}
				got, err := io.ReadAll(resp.Body)
				if err == nil && string(got) != want {
					t.Errorf("sent %q, got %q", want, got)
				}
				_ = resp.Body.Close()
				cancel()
			}
		})
	}
	g.Wait()
}
