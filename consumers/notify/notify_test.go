package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/bulkhead"
	"sluice/streams"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func alert(t *testing.T) streams.Message {
	t.Helper()
	m, err := streams.RaisedFact(sluice.Alert{ID: "a1", Rule: "drift", Severity: "warning", Message: "words drifted", RaisedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAnAlertIsPostedSignedToEveryHookAndRepeatedWhereOneFails(t *testing.T) {
	var mu sync.Mutex // hooks are posted to at once
	var got []string
	status := http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var a struct{ ID, Rule, Text string }
		if err := json.Unmarshal(body, &a); err != nil || a.ID != "a1" || a.Text != "warning: drift: words drifted" || r.Header.Get(HeaderAlert) != "a1" {
			t.Errorf("%s, %v", body, err)
		}
		if want := Sign("secret", noon, body); r.URL.Path == "/signed" && r.Header.Get(HeaderSignature) != want || r.URL.Path == "/plain" && r.Header.Get(HeaderSignature) != "" {
			t.Errorf("%s is signed %q", r.URL.Path, r.Header.Get(HeaderSignature))
		}
		mu.Lock()
		got = append(got, r.URL.Path)
		mu.Unlock()
		if r.URL.Path == "/plain" {
			w.WriteHeader(status)
		}
	}))
	t.Cleanup(server.Close)
	s := New([]Hook{{URL: server.URL + "/plain"}, {URL: server.URL + "/signed", Secret: "secret"}}, server.Client(), time.Hour, func() time.Time { return noon }, nil)
	if _, err := s.Handle(t.Context(), alert(t)); err != nil || strings.Join(slices.Sorted(slices.Values(got)), " ") != "/plain /signed" {
		t.Errorf("%v, %v", got, err)
	}
	status = http.StatusTeapot
	_, err := s.Handle(t.Context(), alert(t))
	if sluice.ClassOf(err) != sluice.ClassRetryable || err == nil || !strings.Contains(err.Error(), "418") || len(got) != 4 {
		t.Errorf("%v, %v", got, err)
	}
	for range 9 { // a chat shows whatever it is sent
		_, _ = s.Handle(t.Context(), alert(t))
	}
	if n := strings.Count(strings.Join(got, " "), "/signed"); n != 2 {
		t.Errorf("who had taken it heard of it %d times, while another was away", n-1)
	}
	status = http.StatusNoContent
	if _, err := s.Handle(t.Context(), alert(t)); err != nil || got[len(got)-1] != "/plain" || len(s.taken)+len(s.recent) != 0 {
		t.Errorf("%v, %v; remembered %v", got, err, s.taken)
	}
}

// wires answers requests without a network.
type wires func(*http.Request) (*http.Response, error)

func (w wires) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func TestAHookWaitsForNoneThatHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := &http.Client{Transport: wires(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "hangs" {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		cancel() // the others have hung long enough
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
	})}
	hooks := slices.Repeat([]Hook{{URL: "http://hangs"}}, 7)
	s := New(append(hooks, Hook{URL: "http://well"}), client, time.Hour, func() time.Time { return noon }, nil)
	_, err := s.Handle(ctx, alert(t))
	if n := strings.Count(fmt.Sprint(err), "webhook"); n != 7 {
		t.Errorf("%d hooks have not taken it, want the 7 that hang: %v", n, err)
	}
}

func TestNoErrorShowsTheSecretOfAURL(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:1/T0KEN", "http://127.0.0.1:1/T0KEN\x7f"} {
		s := New([]Hook{{URL: url}}, &http.Client{Timeout: time.Second}, time.Hour, func() time.Time { return noon }, nil)
		if _, err := s.Handle(t.Context(), alert(t)); err == nil || strings.Contains(err.Error(), "T0KEN") {
			t.Errorf("%v", err)
		}
	}
}

func TestNewsThatAreOldAreNotPosted(t *testing.T) {
	s := New([]Hook{{URL: "http://127.0.0.1:1"}}, http.DefaultClient, time.Hour, func() time.Time { return noon.Add(2 * time.Hour) }, nil)
	if _, err := s.Handle(t.Context(), alert(t)); err != nil {
		t.Error(err)
	}
}

// A webhook that was away for a morning: its alerts rest in the dead letters, from where an operator has them sent.
func TestAnOldAlertThatIsHandedOverOnceMoreIsPosted(t *testing.T) {
	posted := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posted++ }))
	t.Cleanup(server.Close)
	s := New([]Hook{{URL: server.URL}}, server.Client(), time.Hour, func() time.Time { return noon.Add(5 * time.Hour) }, nil)
	m := alert(t)
	m.Retry = "by hand"
	if _, err := s.Handle(t.Context(), m); err != nil || posted != 1 {
		t.Errorf("%d posted, %v", posted, err)
	}
}

func TestBytesThatAreNoAlertArePoison(t *testing.T) {
	s := New(nil, http.DefaultClient, time.Hour, func() time.Time { return noon }, nil)
	if _, err := s.Handle(t.Context(), streams.Message{Subject: "alerts.raised.x.y", Data: []byte{0xc1}}); sluice.ClassOf(err) != sluice.ClassPoison {
		t.Error(err)
	}
}

func TestASignatureIsTheHMACOfTimeAndBody(t *testing.T) {
	// printf '1700000000.{}' | openssl dgst -sha256 -hmac key
	const want = "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
	if got := Sign("key", time.Unix(1_700_000_000, 0), []byte("{}")); got != want {
		t.Error(got)
	}
}

// panicky is a transport that breaks for one host.
type panicky struct{ http.RoundTripper }

func (p panicky) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/broken" {
		panic("no transport")
	}
	return p.RoundTripper.RoundTrip(r)
}

func TestAPostThatPanicsIsTriedAgainAndHoldsUpNoOther(t *testing.T) {
	var posts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts.Add(1) }))
	t.Cleanup(server.Close)
	beside := bulkhead.New(slog.New(slog.DiscardHandler), time.Now)
	s := New([]Hook{{URL: server.URL + "/broken"}, {URL: server.URL + "/sound"}}, &http.Client{Transport: panicky{http.DefaultTransport}}, time.Hour, func() time.Time { return noon }, beside)
	for range 2 {
		if _, err := s.Handle(t.Context(), alert(t)); sluice.ClassOf(err) != sluice.ClassRetryable || err == nil || !strings.Contains(err.Error(), "webhook 1") {
			t.Errorf("error %v", err)
		}
	}
	if n := beside.Counts()["post to a webhook"]; n != 2 || posts.Load() != 1 {
		t.Errorf("%d panics counted, %d posts arrived", n, posts.Load())
	}
}
