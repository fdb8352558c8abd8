package llm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"sluice/llm/wire"
)

// newObserver is the way to one provider's servers, for many calls at once. It adds sign's header to every
// request and follows no redirect, so that the key goes to the configured host alone. It has no timeout of its
// own: the Caller's context bounds each attempt. Servers that are asked in the clear, without a proxy, are asked
// by a wire.
func newObserver(base *url.URL, sign signature) *observer {
	o := &observer{sign: sign, next: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   512,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // replies are short, and a stream must not wait in a packer
	}}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	if base.Scheme == "http" && proxy == nil && err == nil {
		o.wire = wire.New(base.Host)
	}
	return o
}

// newClient is an observer as an HTTP client, for libraries that want one.
func newClient(base *url.URL, sign signature) *http.Client {
	return &http.Client{
		Transport:     newObserver(base, sign),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// signature is a header that carries a key. It is set on the wire's edge, so that no library above
// holds the key in a form that shows when it is printed. Without a key nothing is set.
type signature struct {
	header, prefix string
	key            Key
}

// exchange is what can be told of one HTTP exchange from the outside, whatever the library above it
// makes of its end.
type exchange struct {
	sent       atomic.Bool
	status     atomic.Int64
	retryAfter atomic.Int64 // nanoseconds
	long       atomic.Bool  // the body was given up: see boundedBody
	// quiet makes the body of a stream end with io.EOF however it ended, and cut tell how. It is for libraries that
	// print such errors. Both belong to the goroutine that reads the body.
	quiet bool
	cut   error
}

type exchangeKey struct{}

// observe makes a context whose next HTTP exchange is written down in the result.
func observe(ctx context.Context) (context.Context, *exchange) {
	ex := &exchange{}
	return context.WithValue(ctx, exchangeKey{}, ex), ex
}

// observer signs requests, and writes down what becomes of their exchanges.
type observer struct {
	wire *wire.Wire // nil: everything goes by next
	next *http.Transport
	sign signature
}

// RoundTrip makes the exchange of a client's request.
func (o *observer) RoundTrip(r *http.Request) (*http.Response, error) {
	ex, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		ex = &exchange{} // nobody asks what became of it
	}
	mine := *r
	if r.Body != nil {
		mine.Body = &watched{r.Body, ex}
	}
	if again := r.GetBody; again != nil {
		mine.GetBody = func() (io.ReadCloser, error) { // on another connection
			body, err := again()
			return &watched{body, ex}, err
		}
	}
	resp, err := o.send(&mine, ex)
	if err == nil && (!ex.quiet || resp.StatusCode != http.StatusOK) {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxReply, ex: ex, status: resp.StatusCode}
	}
	return resp, err
}

// send makes an exchange. The request is the observer's to change, its header is not; its body tells when it is
// read.
func (o *observer) send(r *http.Request, ex *exchange) (*http.Response, error) {
	if key := o.sign.key.reveal(); key != "" {
		signed := make(http.Header, len(r.Header)+1)
		maps.Copy(signed, r.Header)
		signed.Set(o.sign.header, o.sign.prefix+key)
		r.Header = signed
	}
	resp, err := o.roundTrip(r)
	if err != nil {
		return nil, err
	}
	ex.status.Store(int64(resp.StatusCode))
	if later := resp.Header.Get("Retry-After"); later != "" {
		ex.retryAfter.Store(int64(retryAfter(later, time.Now())))
	}
	if ex.quiet && resp.StatusCode == http.StatusOK {
		resp.Body = &quietBody{ReadCloser: resp.Body, events: newEvents(resp.Body), ex: ex}
	}
	return resp, nil
}

func (o *observer) roundTrip(r *http.Request) (*http.Response, error) {
	if o.wire != nil && o.wire.Takes(r) {
		return o.wire.RoundTrip(r)
	}
	return o.next.RoundTrip(r)
}

// watched is a request's body that marks its exchange as sent when it is read: by then the head is written.
type watched struct {
	io.ReadCloser
	ex *exchange
}

func (w *watched) Read(b []byte) (int, error) {
	w.ex.sent.Store(true)
	return w.ReadCloser.Read(b)
}

// payload is a body of our own that does the same.
type payload struct {
	data bytes.Reader
	ex   *exchange
}

func newPayload(data []byte, ex *exchange) *payload {
	p := &payload{ex: ex}
	p.data.Reset(data)
	return p
}

func (p *payload) Read(b []byte) (int, error) {
	p.ex.sent.Store(true)
	return p.data.Read(b)
}

func (p *payload) Close() error { return nil }

// boundedBody is a body for libraries that read whatever comes: they are handed maxReply bytes at most. Beyond them a
// reply is an error, that its exchange tells of; a server's explanation of what went wrong just ends.
type boundedBody struct {
	io.ReadCloser
	left   int
	ex     *exchange
	status int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n <= b.left {
		b.left -= n
		return n, err
	}
	n, b.left = b.left, 0
	if b.status != http.StatusOK {
		return n, io.EOF
	}
	b.ex.long.Store(true)
	return n, errLong
}

// quietBody is the body of a quiet exchange: its events, each written in the one way that every library reads.
type quietBody struct {
	io.ReadCloser
	events *events
	rest   []byte
	ex     *exchange
}

func (b *quietBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		data, err := b.events.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				b.ex.cut = err
			}
			return 0, io.EOF
		}
		b.rest = append(append(append(b.rest[:0], "data: "...), bytes.ReplaceAll(data, []byte("\n"), []byte(" "))...), "\n\n"...)
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// CloseIdleConnections lets http.Client pass the call on.
func (o *observer) CloseIdleConnections() {
	o.next.CloseIdleConnections()
	if o.wire != nil {
		o.wire.CloseIdleConnections()
	}
}

// retryAfter reads a Retry-After header: seconds or an HTTP date. Anything else is 0.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 && seconds < 1e6 {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
