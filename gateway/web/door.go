package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"sluice/bulkhead"
	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/telemetry"
)

// Keys knows who may come in; *keys.Store is one.
type Keys interface {
	Authenticate(secret string, loopback bool) (keys.Key, error)
}

// Options describe a door. Keys is required.
type Options struct {
	Keys Keys
	// MaxBody bounds a request's body in bytes; 0 is 2 MiB.
	MaxBody int64
	// BodyTimeout bounds the reading of a body; 0 is 30 s.
	BodyTimeout time.Duration
	// Replies remembers what was answered to requests with an Idempotency-Key; nil: the header is refused.
	Replies *Replies
	// Shared is where gateways tell each other of those answers; nil: each remembers its own alone.
	Shared Shared
	// Rates bounds how often a key may ask what no pipeline decides on; nil: nothing does.
	Rates gateway.Limiter
	// Ready says why requests can't be answered now; nil: they can. For /readyz.
	Ready func(ctx context.Context) error
	// Metrics serves /metrics; nil: there are none.
	Metrics http.Handler
	// Tracing makes a span of every request; nil: none.
	Tracing *telemetry.Tracing
	// Panics hears of requests that panicked; nil: nobody does.
	Panics *gateway.Panics
	// Beside contains panics of what works beside the requests; nil: they end the process.
	Beside *bulkhead.Bulkhead
	// Log hears of what clients are not told; nil: nobody does.
	Log *slog.Logger
}

// Door is the handler of a gateway.
type Door struct {
	o   Options
	mux *http.ServeMux
	// posts are the routes of mux that are asked most, by path: the mux takes some times as long to find them.
	posts map[string]http.HandlerFunc
	// aloneTold is when Door.alone last told the log, in seconds of Unix time.
	aloneTold atomic.Int64
	// telling bounds the lines about refused requests, untold are those that got none since the last one.
	telling *rate.Limiter
	untold  atomic.Int64
}

// New makes a door of routes. A path that none has is answered by lost, and a method that a path does not have
// by the dialect of the first route of that path.
func New(o Options, lost func(http.ResponseWriter, *gateway.Fault), routes ...Route) *Door {
	if o.MaxBody <= 0 {
		o.MaxBody = 2 << 20
	}
	if o.BodyTimeout <= 0 {
		o.BodyTimeout = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Door{o: o, mux: http.NewServeMux(), posts: map[string]http.HandlerFunc{}, telling: rate.NewLimiter(mostTold, mostTold)}
	routes, google := apart(routes)
	for _, r := range routes {
		other, shared := google[r.Pattern]
		handle := func(w http.ResponseWriter, req *http.Request) {
			if shared && fromGoogle(req) {
				d.serve(w, req, other)
				return
			}
			d.serve(w, req, r)
		}
		d.mux.HandleFunc(r.Pattern, handle)
		if path, posted := strings.CutPrefix(r.Pattern, "POST /"); posted && !strings.ContainsAny(path, "{}") {
			d.posts["/"+path] = handle
		}
	}
	d.otherMethods(routes)
	d.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { WriteJSON(w, []byte(`{"status":"ok"}`)) })
	d.mux.HandleFunc("GET /readyz", d.readyz)
	if o.Metrics != nil {
		d.mux.Handle("GET /metrics", o.Metrics)
	}
	d.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.refuse(w, r, "/", lost, &gateway.Fault{Kind: gateway.NotFound, Message: "there is no such endpoint here; OpenAI's begin with /v1/, Gemini's with /v1beta/, and docs/gateway.md lists them"})
	})
	return d
}

// apart takes out the routes that share a pattern with another dialect's.
func apart(routes []Route) (others []Route, google map[string]Route) {
	google = map[string]Route{}
	for _, r := range routes {
		if r.Google {
			google[r.Pattern] = r
		} else {
			others = append(others, r)
		}
	}
	return others, google
}

// otherMethods answers what is asked of a route's path with a method that it does not have: 405, and in the
// header Allow what would do.
func (d *Door) otherMethods(routes []Route) {
	allowed := map[string][]string{}
	fails := map[string]func(http.ResponseWriter, *gateway.Fault){}
	for _, r := range routes {
		method, path, named := strings.Cut(r.Pattern, " ")
		if !named { // it takes every method
			continue
		}
		path = anyName.ReplaceAllString(path, "{any}")
		if allowed[path] = append(allowed[path], method); fails[path] == nil {
			fails[path] = r.Fail
		}
	}
	for path, methods := range allowed {
		allow := strings.Join(methods, ", ")
		d.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			d.refuse(w, r, path, fails[path], &gateway.Fault{Kind: gateway.WrongMethod, Message: r.Method + " is not understood here; use " + allow})
		})
	}
}

// anyName is a wildcard of a pattern: two that differ in its name alone are one path.
var anyName = regexp.MustCompile(`\{\w+\}`)

// Handle adds a handler that guards itself: a page.
func (d *Door) Handle(pattern string, h http.Handler) { d.mux.Handle(pattern, h) }

// ServeHTTP answers. A panic is told to the log and cuts the connection off: what was begun must not look whole.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
				d.o.Panics.Note(r.URL.Path, v)
			}
			panic(http.ErrAbortHandler)
		}
	}()
	d.bound(w, r)
	if handle := d.posts[r.URL.Path]; handle != nil && r.Method == http.MethodPost && r.URL.RawPath == "" {
		handle(w, r)
		return
	}
	identify(w, r)
	d.mux.ServeHTTP(w, r)
}

// bound gives a body that is yet to come its time, whoever reads it: a handler, or net/http, which reads what no handler
// did before it lets the reply go.
func (d *Door) bound(w http.ResponseWriter, r *http.Request) {
	if _, come := r.Body.(interface{ Here() []byte }); r.ContentLength != 0 && !come {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d.o.BodyTimeout))
	}
}

func (d *Door) readyz(w http.ResponseWriter, r *http.Request) {
	if d.o.Ready != nil {
		if err := d.o.Ready(r.Context()); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, err.Error()+"\n")
			return
		}
	}
	WriteJSON(w, []byte(`{"status":"ready"}`))
}

// serve answers one request, and traces it.
func (d *Door) serve(w http.ResponseWriter, r *http.Request, route Route) {
	ctx, span := d.o.Tracing.Request(r.Context(), route.Pattern, first(r.Header, "Traceparent"))
	if span != nil {
		method, path, _ := strings.Cut(route.Pattern, " ")
		span.Set("http.request.method", method)
		span.Set("http.route", path)
		r = r.WithContext(ctx)
		defer span.End(nil)
	}
	if route.Rated { // nothing decides on it
		identify(w, r)
	}
	if fault := d.letIn(w, r, route); fault != nil { //nolint:contextcheck // r has it
		span.Count("http.response.status_code", int64(fault.Status()))
		d.refuse(w, r, route.Pattern, route.Fail, fault)
	}
}

// letIn has a request answered; a fault is the caller's to write.
func (d *Door) letIn(w http.ResponseWriter, r *http.Request, route Route) *gateway.Fault {
	key, fault := d.authenticate(r, route.Scope)
	if fault != nil {
		return fault
	}
	if route.Rated && d.o.Rates != nil {
		if ok, wait := d.o.Rates.Allow(key); !ok {
			return gateway.TooOften(key, wait)
		}
	}
	req := &Request{Request: r, Key: key}
	if r.Method != http.MethodGet {
		if req.Body, fault = d.body(w, r); fault != nil {
			return fault
		}
	}
	if name := first(r.Header, "Idempotency-Key"); name != "" && r.Method == http.MethodPost {
		d.once(w, req, route, name)
		return nil
	}
	return route.Handle(w, req)
}

func (d *Door) authenticate(r *http.Request, scope keys.Scope) (keys.Key, *gateway.Fault) {
	key, err := d.o.Keys.Authenticate(secretOf(r), ownMachine(r))
	if err != nil {
		return key, gateway.FaultOfKey(err)
	}
	if !key.May(scope) {
		return key, &gateway.Fault{Kind: gateway.Forbidden, Message: "the API key lacks the scope " + string(scope)}
	}
	return key, nil
}

// ownMachine says whether a request came straight from a program of this machine: from loopback, through no
// proxy, and not from a page in a browser, whoever's name it was told for this address.
func ownMachine(r *http.Request) bool { return !has(r, "Origin") && Loopback(r) }

func isLoopback(hostport string) bool {
	if a, err := netip.ParseAddrPort(hostport); err == nil && a.Addr().Zone() == "" {
		return a.Addr().Unmap().IsLoopback()
	}
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// body reads the whole body, within its bounds.
func (d *Door) body(w http.ResponseWriter, r *http.Request) ([]byte, *gateway.Fault) {
	if ct := first(r.Header, "Content-Type"); ct != "" && !isJSON(ct) {
		return nil, gateway.Invalid("Content-Type", "send the header Content-Type: application/json")
	}
	if r.ContentLength > d.o.MaxBody {
		return nil, tooLarge(d.o.MaxBody)
	}
	body, err := d.all(w, r)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, tooLarge(d.o.MaxBody)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, gateway.Invalid("body", fmt.Sprintf("did not come whole within %s", d.o.BodyTimeout))
	case err != nil:
		return nil, gateway.Invalid("body", "could not be read")
	case !utf8.Valid(body): // encoding/json would replace what is not, without a word
		return nil, gateway.Invalid("body", "is not valid UTF-8, or is compressed")
	}
	return body, nil
}

// all is the body, read within the time of bound where it is not here yet.
func (d *Door) all(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if come, ok := r.Body.(interface{ Here() []byte }); ok {
		return come.Here(), nil
	}
	source := r.Body
	if r.ContentLength < 0 { // net/http sees to it that others are no longer than they say
		source = http.MaxBytesReader(w, r.Body, d.o.MaxBody)
	}
	body, err := readAll(source, r.ContentLength)
	if err == nil && r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // from here on only the client's leaving is awaited
	}
	return body, err
}

func isJSON(contentType string) bool {
	_, ok := cutPrefixFold(contentType, "application/json")
	return ok
}

func readAll(r io.Reader, length int64) ([]byte, error) {
	if length <= 0 {
		return io.ReadAll(r)
	}
	body := make([]byte, length)
	_, err := io.ReadFull(r, body)
	return body, err
}

func tooLarge(most int64) *gateway.Fault {
	return &gateway.Fault{Kind: gateway.TooLarge, Message: "the body is larger than " + sizeOf(most)}
}
