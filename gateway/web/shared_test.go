package web_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/gateway/openai"
	"sluice/gateway/web"
)

// board is a log's bucket in memory.
type board struct {
	mu       sync.Mutex
	values   map[string]stood
	revision uint64
	away     bool
}

type stood struct {
	value    []byte
	revision uint64
	at       time.Time
}

func (b *board) Put(_ context.Context, name string, value []byte, over uint64) (uint64, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return 0, false, errors.New("away")
	}
	if b.values[name].revision != over {
		return 0, false, nil
	}
	b.revision++
	b.values[name] = stood{value, b.revision, time.Now()}
	return b.revision, true, nil
}

func (b *board) Get(_ context.Context, name string) ([]byte, uint64, time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.values[name]
	return s.value, s.revision, time.Since(s.at), nil
}

func (b *board) Drop(_ context.Context, name string, revision uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.values[name].revision == revision {
		delete(b.values, name)
	}
	return nil
}

// sharing is gateways' doors before one board; handle is what each does with a request.
func sharing(b *board, n int, handle func(door int, w http.ResponseWriter) *gateway.Fault) []http.Handler {
	doors := make([]http.Handler, n)
	for i := range doors {
		doors[i] = web.New(web.Options{Keys: &seeing{}, Replies: web.NewReplies(1<<20, time.Hour, time.Now), Shared: b}, openai.Fail,
			web.Route{Pattern: "POST /x", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: func(w http.ResponseWriter, _ *web.Request) *gateway.Fault {
				return handle(i, w)
			}})
	}
	return doors
}

func askOnce(ctx context.Context, door http.Handler, key, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/x", strings.NewReader(body))
	req.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	door.ServeHTTP(w, req)
	return w
}

func TestARepeatedKeyIsAnsweredByAnotherGatewayAsItWas(t *testing.T) {
	t.Parallel()
	b, calls := &board{values: map[string]stood{}}, 0
	doors := sharing(b, 2, func(_ int, w http.ResponseWriter) *gateway.Fault {
		calls++
		w.Header().Set("X-Sluice-Decision-Id", "d1")
		web.WriteJSON(w, []byte(`"the answer of a lifetime"`))
		return nil
	})
	first := askOnce(t.Context(), doors[0], "a key", `{"q":1}`)
	second := askOnce(t.Context(), doors[1], "a key", `{"q":1}`)
	if second.Body.String() != first.Body.String() || second.Header().Get("X-Sluice-Decision-Id") != "d1" ||
		second.Header().Get("X-Sluice-Replayed") != "true" || second.Code != 200 || calls != 1 {
		t.Errorf("%d calls; the second is %d %v %s", calls, second.Code, second.Header(), second.Body)
	}
	if other := askOnce(t.Context(), doors[1], "a key", `{"q":2}`); other.Code != http.StatusUnprocessableEntity {
		t.Errorf("another request under the key: %d %s", other.Code, other.Body)
	}
	for name, s := range b.values {
		if strings.Contains(name, "key") || bytes.Contains(s.value, []byte("lifetime")) {
			t.Errorf("the log can be read: %s: %s", name, s.value)
		}
	}
	b.away = true // each answers by what it knows itself
	if third := askOnce(t.Context(), doors[0], "another", `{}`); third.Code != 200 || calls != 2 {
		t.Errorf("while the log is away: %d, %d calls", third.Code, calls)
	}
}

// A reply's day begins when it is made, whoever remembers it, and however late that one heard of it.
func TestAReplyOfAnotherGatewayIsAsOldAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := time.Sleep //nolint:forbidigo // the bubble's clock jumps
		b, calls := &board{values: map[string]stood{}}, 0
		doors := sharing(b, 2, func(_ int, w http.ResponseWriter) *gateway.Fault {
			calls++
			web.WriteJSON(w, []byte(`"yes"`))
			return nil
		})
		askOnce(t.Context(), doors[0], "k", "{}")
		wait(20 * time.Minute)
		askOnce(t.Context(), doors[1], "another", "{}") // stands behind what is older
		wait(30 * time.Minute)
		if w := askOnce(t.Context(), doors[1], "k", "{}"); w.Header().Get("X-Sluice-Replayed") != "true" || calls != 2 {
			t.Fatalf("%d calls; after 50 minutes: %d %v", calls, w.Code, w.Header())
		}
		wait(11 * time.Minute)
		if askOnce(t.Context(), doors[1], "k", "{}"); calls != 3 {
			t.Errorf("%d calls: a reply was given that is older than an hour", calls)
		}
		if w := askOnce(t.Context(), doors[1], "another", "{}"); w.Header().Get("X-Sluice-Replayed") != "true" {
			t.Error("a reply of less than an hour is forgotten")
		}
	})
}

func TestAFaultGivesTheKeyBackToEveryGateway(t *testing.T) {
	t.Parallel()
	b, calls := &board{values: map[string]stood{}}, 0
	doors := sharing(b, 2, func(_ int, w http.ResponseWriter) *gateway.Fault {
		if calls++; calls == 1 {
			return &gateway.Fault{Kind: gateway.Upstream, Message: "it is down"}
		}
		web.WriteJSON(w, []byte(`"yes"`))
		return nil
	})
	askOnce(t.Context(), doors[0], "k", "{}")
	if w := askOnce(t.Context(), doors[1], "k", "{}"); w.Code != 200 || calls != 2 {
		t.Errorf("%d %s after %d calls", w.Code, w.Body, calls)
	}
}

// A gateway that answers for long keeps its claim; one that fell silent loses it, and what it says too late changes
// nothing.
func TestAClaimIsKeptWhileItsGatewayLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := time.Sleep //nolint:forbidigo // the bubble's clock jumps
		b := &board{values: map[string]stood{}}
		release := []chan struct{}{make(chan struct{}), make(chan struct{})}
		doors := sharing(b, 2, func(door int, w http.ResponseWriter) *gateway.Fault {
			<-release[door]
			web.WriteJSON(w, []byte{'"', 'a' + byte(door), '"'})
			return nil
		})
		var asked sync.WaitGroup
		asked.Go(func() { askOnce(context.Background(), doors[0], "k", "{}") })
		wait(5 * time.Minute)
		if w := askOnce(t.Context(), doors[1], "k", "{}"); w.Code != http.StatusConflict || w.Header().Get("Retry-After") == "" {
			t.Errorf("while another gateway answers: %d %s", w.Code, w.Body)
		}
		b.mu.Lock()
		b.away = true // for the first, as if it were cut off
		b.mu.Unlock()
		wait(62 * time.Second) // not at a renewal
		b.mu.Lock()
		b.away = false
		b.mu.Unlock()
		asked.Go(func() { askOnce(context.Background(), doors[1], "k", "{}") })
		wait(10 * time.Second)
		close(release[0])
		close(release[1])
		asked.Wait()
		third := sharing(b, 1, func(int, http.ResponseWriter) *gateway.Fault { t.Error("answered anew"); return nil })[0]
		if w := askOnce(t.Context(), third, "k", "{}"); w.Body.String() != `"b"` {
			t.Errorf("the others are told %s, want the answer of the gateway that took over", w.Body)
		}
	})
}

func TestALogThatTakesNoClaimIsToldOnceAMinute(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Unix(1e9, 0)
	door := web.New(web.Options{
		Keys: &seeing{}, Replies: web.NewReplies(1<<20, time.Hour, func() time.Time { return now }), Shared: &board{away: true}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}, openai.Fail, web.Route{Pattern: "POST /x", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: func(w http.ResponseWriter, _ *web.Request) *gateway.Fault {
		web.WriteJSON(w, []byte(`"yes"`))
		return nil
	}})
	for _, key := range []string{"a", "b", "c", "d"} {
		if w := askOnce(t.Context(), door, key, "{}"); w.Code != 200 {
			t.Errorf("%s: %d %s", key, w.Code, w.Body)
		}
		now = now.Add(25 * time.Second)
	}
	if n := strings.Count(log.String(), "is not shared"); n != 2 {
		t.Errorf("told %d times in 75 seconds: %s", n, log.String())
	}
}

// Whoever may publish anything may have the server answer where a claim stands.
func TestWhatIsNoClaimKeepsNobodyFromAnAnswer(t *testing.T) {
	t.Parallel()
	for _, litter := range []string{`{"stream":"QUERIES","seq":5}`, "", "no JSON"} {
		b := &board{values: map[string]stood{}}
		doors := sharing(b, 2, func(_ int, w http.ResponseWriter) *gateway.Fault {
			web.WriteJSON(w, []byte(`"yes"`))
			return nil
		})
		askOnce(t.Context(), doors[0], "k", "{}")
		for name, s := range b.values {
			s.value = []byte(litter)
			b.values[name] = s
		}
		if w := askOnce(t.Context(), doors[1], "k", "{}"); w.Code != http.StatusOK {
			t.Errorf("where %q stands: %d %s", litter, w.Code, w.Body)
		}
	}
}
