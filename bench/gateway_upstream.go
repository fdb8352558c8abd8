package bench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// Loopback is an upstream that answers at once, in OpenAI's dialect, and a plain reverse proxy before it.
type Loopback struct {
	// Upstream and Proxy are base URLs.
	Upstream, Proxy string
	servers         []*http.Server
	serving         sync.WaitGroup
}

const (
	loopbackText  = "The Tigris flows through Baghdad, from the north-west to the south-east of the city."
	loopbackUsage = `{"prompt_tokens":24,"completion_tokens":19,"total_tokens":43}`
	loopbackWhole = `{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		loopbackText + `"},"finish_reason":"stop"}],"usage":` + loopbackUsage + `}`
)

// StartLoopback starts both; the owner calls Close.
func StartLoopback() (*Loopback, error) {
	l := &Loopback{}
	var err error
	if l.Upstream, err = l.serve(http.HandlerFunc(answerAtOnce)); err != nil {
		return nil, err
	}
	target, err := url.Parse(l.Upstream)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 512, IdleConnTimeout: 90 * time.Second},
	}
	if l.Proxy, err = l.serve(proxy); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Loopback) serve(h http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // bound at once
	if err != nil {
		return "", fmt.Errorf("loopback upstream: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	l.servers = append(l.servers, s)
	l.serving.Go(func() { _ = s.Serve(listener) }) // ends with Close
	return "http://" + listener.Addr().String(), nil
}

// Close ends both.
func (l *Loopback) Close() {
	for _, s := range l.servers {
		_ = s.Close()
	}
	l.serving.Wait()
}

func answerAtOnce(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, loopbackWhole)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	for _, piece := range []string{
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":"The Tigris "}}]}`,
		`{"choices":[{"index":0,"delta":{"content":"flows through Baghdad."}}]}`,
		`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		`{"choices":[],"usage":` + loopbackUsage + `}`, `[DONE]`,
	} {
		_, _ = io.WriteString(w, "data: "+piece+"\n\n")
		_ = flush()
	}
}
