package web_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/gateway/openai"
	"sluice/gateway/web"
)

// nobody lets nobody in but to what is for chat.
type nobody struct{}

func (nobody) Authenticate(string, bool) (keys.Key, error) {
	return keys.Key{Scopes: []keys.Scope{keys.ScopeChat}}, nil
}

// Before it lets a reply go, net/http reads what no handler read of a body: a client that sends none of what it
// announced would hold a connection for ever, with or without a key.
func TestABodyThatNeverComesHoldsNoConnection(t *testing.T) {
	t.Parallel()
	read := func(w http.ResponseWriter, _ *web.Request) *gateway.Fault { web.WriteJSON(w, []byte("{}")); return nil }
	door := web.New(web.Options{Keys: nobody{}, BodyTimeout: 20 * time.Millisecond}, openai.Fail,
		web.Route{Pattern: "POST /chat", Scope: keys.ScopeChat, Fail: openai.Fail, Handle: read},
		web.Route{Pattern: "POST /admin", Scope: keys.ScopeAdmin, Fail: openai.Fail, Handle: read})
	s, err := web.Listen(t.Context(), "127.0.0.1:0", "", "", time.Minute, door, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Shutdown(t.Context()) }()
	for line, status := range map[string]string{
		"POST /chat": " 400 ", "POST /admin": " 403 ", "POST /nowhere": " 404 ", "PUT /chat": " 405 ", "GET /healthz": " 200 ",
	} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(c, line+" HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{")
		got, err := io.ReadAll(c)
		if head, _, _ := strings.Cut(string(got), "\r\n"); err != nil || !strings.Contains(head, status) {
			t.Errorf("%s: %q, %v", line, head, err)
		}
		if status == " 400 " && !strings.Contains(string(got), "did not come whole within 20ms") {
			t.Errorf("%s: %s", line, got)
		}
		_ = c.Close()
	}
}
