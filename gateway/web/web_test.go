package web_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/gateway/openai"
	"sluice/gateway/web"
	"sluice/internal/gatetest"
)

func body(t *testing.T, r gatetest.Reply, status int) string {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	return r.Body
}

func TestRouteTellsTheDecisionAloneAndPublishesNothing(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	var d web.Decision
	if err := json.Unmarshal([]byte(body(t, r.Post(t, "/v1/route", `{"query":"A complex one?","explain":true}`), 200)), &d); err != nil {
		t.Fatal(err)
	}
	if d.Policy != sluice.Complex || d.Model != gatetest.Large || d.RouterVersion != "words" || d.Rule == "" || d.RulesVersion == "" || d.Probabilities[sluice.Complex] != 0.8 || d.Reasoning == "" {
		t.Errorf("decision %+v", d)
	}
	body(t, r.Post(t, "/v1/route", `{"query":"Hi","temper":1}`), 400)
	for _, nothing := range []string{`{}`, `{"query":" \n"}`} {
		if said := body(t, r.Post(t, "/v1/route", nothing), 400); !strings.Contains(said, `"param":"query"`) {
			t.Errorf("%s: %s", nothing, said)
		}
	}
	body(t, r.Post(t, "/v1/route", `{"query":"Hi"}`, "Authorization", "Bearer only-chat"), 403)
	if n := len(r.Decisions(t)); n != 0 || r.Emulator.Books().Total.Requests != 0 {
		t.Errorf("%d decisions, %d calls", n, r.Emulator.Books().Total.Requests)
	}
}

func TestFeedbackIsPublishedMasked(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	body(t, r.Post(t, "/v1/feedback", `{"decision_id":"abc","thumb":"down","score":0.25,"correction":"Write to jo@example.com"}`, "Authorization", "Bearer acme"), 200)
	r.Decisions(t)
	got := gatetest.Facts[sluice.Feedback](t, r.Log, "feedback.given.abc.")
	if len(got) != 1 || got[0].Thumb != "down" || *got[0].Score != 0.25 || got[0].Tenant != "acme" || got[0].Source != "client" || strings.Contains(got[0].Correction, "jo@") {
		t.Errorf("feedback %+v", got)
	}
	for reply, decision := range map[string]string{"chatcmpl-abd": "abd", "resp_abe": "abe"} {
		body(t, r.Post(t, "/v1/feedback", `{"decision_id":"`+reply+`","thumb":"up"}`), 200)
		r.Decisions(t)
		if got := gatetest.Facts[sluice.Feedback](t, r.Log, "feedback.given."+decision+"."); len(got) != 1 || got[0].DecisionID != decision {
			t.Errorf("feedback on the reply %s: %+v", reply, got)
		}
	}
	for _, bad := range []string{`{"thumb":"up"}`, `{"decision_id":"chatcmpl-","thumb":"up"}`, `{"decision_id":"a.b","thumb":"up"}`, `{"decision_id":"abc"}`, `{"decision_id":"abc","thumb":"sideways"}`, `{"decision_id":"abc","score":2}`} {
		body(t, r.Post(t, "/v1/feedback", bad), 400)
	}
}

// seeing remembers how it was asked.
type seeing struct {
	secret   string
	loopback bool
}

func (s *seeing) Authenticate(secret string, loopback bool) (keys.Key, error) {
	s.secret, s.loopback = secret, loopback
	return keys.Key{Scopes: keys.Scopes()}, nil
}

func TestAKeyIsTakenOffTheRequestWhereverItStands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ header, value, query string }{
		{"Authorization", "Bearer s3cret", ""}, {"X-Goog-Api-Key", "s3cret", ""}, {"X-Api-Key", "s3cret", ""}, {"", "", "?alt=sse&key=s3cret"},
	} {
		k := &seeing{}
		left := ""
		door := web.New(web.Options{Keys: k}, openai.Fail, web.Route{Pattern: "POST /x", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: func(_ http.ResponseWriter, r *web.Request) *gateway.Fault {
			var b bytes.Buffer
			_ = r.Header.Write(&b)
			left = b.String() + r.URL.String() + r.RequestURI
			return nil
		}})
		req := httptest.NewRequest(http.MethodPost, "http://localhost/x"+c.query, strings.NewReader("{}"))
		if c.header != "" {
			req.Header.Set(c.header, c.value)
		}
		door.ServeHTTP(httptest.NewRecorder(), req)
		if k.secret != "s3cret" || strings.Contains(left, "s3cret") {
			t.Errorf("%+v: the key is %q, behind the door stands %q", c, k.secret, left)
		}
	}
}

func TestOnlyAProgramOfThisMachineIsOfThisMachine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, from, header string
		want               bool
	}{
		{"127.0.0.1:8080", "127.0.0.1:5", "", true},
		{"localhost", "[::1]:5", "", true},
		{"evil.example", "127.0.0.1:5", "", false},
		{"127.0.0.1", "10.0.0.1:5", "", false},
		{"127.0.0.1", "127.0.0.1:5", "Origin", false},
		{"127.0.0.1", "127.0.0.1:5", "X-Forwarded-For", false},
	} {
		k := &seeing{}
		door := web.New(web.Options{Keys: k}, openai.Fail, web.Route{Pattern: "POST /x", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: func(http.ResponseWriter, *web.Request) *gateway.Fault { return nil }})
		req := httptest.NewRequest(http.MethodPost, "http://"+c.host+"/x", strings.NewReader("{}"))
		req.RemoteAddr = c.from
		if c.header != "" {
			req.Header[c.header] = []string{"", "x"} // as a proxy adds its word to a client's
		}
		door.ServeHTTP(httptest.NewRecorder(), req)
		if k.loopback != c.want {
			t.Errorf("%+v: %t", c, k.loopback)
		}
	}
}

func TestRepliesAreBoundedAndForgotten(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	calls := 0
	door := web.New(web.Options{Keys: &seeing{}, Replies: web.NewReplies(1300, time.Hour, func() time.Time { return now })}, openai.Fail,
		web.Route{Pattern: "POST /x", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: func(w http.ResponseWriter, _ *web.Request) *gateway.Fault {
			calls++
			web.WriteJSON(w, []byte(`"ten bytes"`))
			return nil
		}})
	ask := func(key string) {
		req := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader("{}"))
		req.Header.Set("Idempotency-Key", key)
		door.ServeHTTP(httptest.NewRecorder(), req)
	}
	for _, c := range []struct {
		key  string
		want int
	}{{"a", 1}, {"a", 1}, {"b", 2}, {"c", 3}, {"c", 3}, {"a", 4}} { // c drove a out
		if ask(c.key); calls != c.want {
			t.Fatalf("after %s: %d calls, want %d", c.key, calls, c.want)
		}
	}
	now = now.Add(2 * time.Hour)
	if ask("a"); calls != 5 {
		t.Errorf("%d calls after the key's age, want 5", calls)
	}
}

// Whoever leaves while its answer is under way asks again with the same key: that is what the key is for.
func TestAClientThatLeftAsItsAnswerWasWrittenIsNotAnsweredAnew(t *testing.T) {
	t.Parallel()
	calls := 0
	door := web.New(web.Options{Keys: &seeing{}, Replies: web.NewReplies(64<<10, time.Hour, time.Now)}, openai.Fail,
		web.Route{Pattern: "POST /x", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: func(w http.ResponseWriter, r *web.Request) *gateway.Fault {
			if calls++; r.Context().Err() == nil {
				return &gateway.Fault{Kind: gateway.ClientGone, Message: "left before there was an answer"}
			}
			web.WriteJSON(w, []byte(`"paid"`))
			return nil
		}})
	ask := func(ctx context.Context) string {
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/x", strings.NewReader("{}"))
		req.Header.Set("Idempotency-Key", "k")
		w := httptest.NewRecorder()
		door.ServeHTTP(deaf{w}, req)
		return w.Body.String()
	}
	gone, leave := context.WithCancel(t.Context())
	ask(gone)
	leave()
	ask(gone)
	if got := ask(t.Context()); got != `"paid"` || calls != 2 {
		t.Errorf("%s after %d calls, want the answer of the second", got, calls)
	}
}

// deaf is a client that reads nothing of an answer but a replayed one.
type deaf struct{ *httptest.ResponseRecorder }

func (d deaf) Write(p []byte) (int, error) {
	if d.Header().Get(web.HeaderReplayed) == "" {
		return 0, net.ErrClosed
	}
	return d.ResponseRecorder.Write(p)
}

// A body is the least of what a remembered reply takes: what is refused must not fill the memory either.
func TestRepliesWithoutABodyAreBoundedToo(t *testing.T) {
	t.Parallel()
	calls := 0
	door := web.New(web.Options{Keys: &seeing{}, Replies: web.NewReplies(64<<10, time.Hour, time.Now)}, openai.Fail,
		web.Route{Pattern: "POST /x", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: func(w http.ResponseWriter, _ *web.Request) *gateway.Fault {
			calls++
			w.WriteHeader(http.StatusNoContent)
			return nil
		}})
	ask := func(i int) {
		req := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader("{}"))
		req.Header.Set("Idempotency-Key", fmt.Sprintf("%0255d", i))
		door.ServeHTTP(httptest.NewRecorder(), req)
	}
	for i := range 1000 {
		ask(i)
	}
	calls = 0
	for i := range 1000 {
		ask(999 - i) // the latest are known, those before them are not
	}
	if known := 1000 - calls; known > 64 || known < 10 {
		t.Errorf("%d replies are remembered in 64 KiB", known)
	}
}

// scarce lets so many requests through.
type scarce struct{ left int }

func (s *scarce) Allow(keys.Key) (bool, time.Duration) {
	s.left--
	return s.left >= 0, 3 * time.Second
}

func TestFeedbackIsTakenOffItsKeysRate(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Web.Rates = &scarce{left: 2} })
	for _, want := range []int{200, 200, 429} {
		body(t, r.Post(t, "/v1/feedback", `{"decision_id":"abc","thumb":"up"}`), want)
	}
	r.Decisions(t)
	if got := gatetest.Facts[sluice.Feedback](t, r.Log, "feedback.given.abc."); len(got) != 2 {
		t.Errorf("%d words are written down", len(got))
	}
}

func TestAClientThatDoesNotReadAWholeReplyIsGivenUp(t *testing.T) {
	t.Parallel()
	gaveUp := make(chan error, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20))
		gaveUp <- err
	})
	s, err := web.Listen(t.Context(), "127.0.0.1:0", "", "", 100*time.Millisecond, h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Shutdown(t.Context()) }()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := <-gaveUp; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the reply ended with %v", err)
	}
}

// A stream may last for hours as long as it is read: what bounds whole replies does not bound it.
func TestAStreamOutlastsTheTimeOfAWholeReply(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e := web.NewEvents(w)
		e.Begin(&sluice.Decision{})
		_ = e.Send("", "before")
		_ = e.Send("", "after")
		e.End(&sluice.Decision{}, "[DONE]")
	})
	s, err := web.Listen(t.Context(), "127.0.0.1:0", "", "", time.Nanosecond, h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Shutdown(t.Context()) }()
	for _, body := range []string{"{}", ""} { // plain, and then net/http's, whose the connection stays
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != "data: \"before\"\n\ndata: \"after\"\n\ndata: [DONE]\n\n" {
			t.Errorf("it got %q, %v", got, err)
		}
		if _, announced := resp.Trailer[web.HeaderCost]; !announced {
			t.Errorf("the trailer is %v", resp.Trailer)
		}
	}
}

func TestAPanicCutsTheReplyOffAndIsTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	door := web.New(web.Options{Keys: &seeing{}, Panics: &gateway.Panics{Log: slog.New(slog.NewTextHandler(&log, nil))}}, openai.Fail,
		web.Route{Pattern: "POST /x", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: func(http.ResponseWriter, *web.Request) *gateway.Fault { panic("ouch") }})
	s := httptest.NewServer(door)
	defer s.Close()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/x", strings.NewReader("{}"))
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		_ = resp.Body.Close()
		t.Errorf("status %d of a request that panicked", resp.StatusCode)
	}
	if s.Close(); !strings.Contains(log.String(), "ouch") {
		t.Errorf("log %s", log.String())
	}
}

func TestAWrongMethodIsToldWhichWouldDo(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for _, c := range []struct{ method, path, allow, says string }{
		{http.MethodGet, "/v1/chat/completions", "POST", `"method_not_allowed"`},
		{http.MethodDelete, "/v1/models/auto", "GET, POST", `"method_not_allowed"`},
		{http.MethodPut, "/v1beta/models/auto:generateContent", "GET, POST", `"UNIMPLEMENTED"`},
		{http.MethodOptions, "/v1/feedback", "POST", `"method_not_allowed"`},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), c.method, r.URL+c.path, http.NoBody)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != c.allow || !strings.Contains(string(text), c.says) {
			t.Errorf("%s %s: %d, allowed is %q: %s", c.method, c.path, resp.StatusCode, resp.Header.Get("Allow"), text)
		}
	}
}

func TestWhatIsNoTextIsNotTakenForText(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	if got := body(t, r.Post(t, "/v1/chat/completions", "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"a\xff\"}]}"), 400); !strings.Contains(got, "UTF-8") {
		t.Error(got)
	}
	if n := len(r.Decisions(t)); n != 0 {
		t.Errorf("%d decisions", n)
	}
}

// certificate writes a certificate of its own for 127.0.0.1.
func certificate(t *testing.T, dir string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, pool
}

func TestARequestHasTheValuesOfItsServersContextWhoeverReadsIt(t *testing.T) {
	t.Parallel()
	type name struct{}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Context().Value(name{})) })
	s, err := web.Listen(context.WithValue(t.Context(), name{}, "known"), "127.0.0.1:0", "", "", time.Minute, h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Shutdown(t.Context()) }()
	for _, body := range []string{"{}", ""} { // plain, and then net/http's, whose the connection stays
		resp, err := http.Post(s.URL(), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != "known" {
			t.Errorf("the body %q: %q, %v", body, got, err)
		}
	}
}

func TestAServerThatIsShutDownHasNotFailed(t *testing.T) {
	t.Parallel()
	for range 500 { // which of its two listeners is closed first is nobody's to say
		s, err := web.Listen(t.Context(), "127.0.0.1:0", "", "", time.Minute, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-s.Failed():
			t.Fatal(err)
		default:
		}
	}
}

func TestTLSIsServed(t *testing.T) {
	t.Parallel()
	cert, key, pool := certificate(t, t.TempDir())
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { web.WriteJSON(w, []byte(`"hello"`)) })
	s, err := web.Listen(t.Context(), "127.0.0.1:0", cert, key, time.Minute, h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), http.NoBody)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != `"hello"` || !strings.HasPrefix(s.URL(), "https://") {
		t.Errorf("%s at %s", got, s.URL())
	}
	client.CloseIdleConnections()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := web.Listen(t.Context(), "127.0.0.1:0", "nothing.pem", key, time.Minute, h, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a missing certificate was taken")
	}
}
