package llm_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"sluice"
	"sluice/llm"
)

// endless is a server that begins a reply and goes on for as long as somebody reads, and how many bytes it got rid of.
func endless(t *testing.T, status int, begin, piece string) (url string, sent *atomic.Int64) {
	t.Helper()
	sent = new(atomic.Int64)
	piece = strings.Repeat(piece, 1+(64<<10)/len(piece))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, begin)
		for {
			n, err := io.WriteString(w, piece)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, sent
}

const (
	longMost = 16 << 20 // of one reply
	onTheWay = 16 << 20 // what buffers between the server and us may hold
)

var (
	page      = strings.Repeat("All work and no play makes Jack a dull boy. ", 100)
	geminiSay = `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"` + page + `"}]}}]}` + "\n\n"
	openAISay = `data: {"choices":[{"index":0,"delta":{"content":"` + page + `"}}]}` + "\n\n"
	openAIDo  = `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"` + page + `"}}]}}]}` + "\n\n"
)

func TestAReplyWithoutEndIsGivenUpAndSaysSo(t *testing.T) {
	for _, c := range []struct {
		name, provider string
		status         int
		begin, piece   string
		stream         bool
		outcome        sluice.Outcome
		says           string
	}{
		{"a whole reply", "gemini", 200, `{"candidates":[{"content":{"role":"model","parts":[{"text":"`, page, false, sluice.OutcomeBroken, "more than 16 MiB"},
		{"a whole reply", "openai", 200, `{"choices":[{"index":0,"message":{"content":"`, page, false, sluice.OutcomeBroken, "more than 16 MiB"},
		{"a stream", "gemini", 200, "", geminiSay, true, sluice.OutcomeBroken, "more than 16 MiB"},
		{"a stream", "openai", 200, "", openAISay, true, sluice.OutcomeBroken, "more than 16 MiB"},
		{"a tool call", "openai", 200, "", openAIDo, true, sluice.OutcomeBroken, "more than 16 MiB"},
		{"an explanation", "gemini", 401, "no: ", page, false, sluice.OutcomeRefused, "HTTP 401"},
		{"an explanation", "openai", 401, "no: ", page, false, sluice.OutcomeRefused, "HTTP 401"},
		{"an explanation", "gemini", 401, "no: ", page, true, sluice.OutcomeRefused, "HTTP 401"},
	} {
		t.Run(c.provider+" "+c.name, func(t *testing.T) {
			url, sent := endless(t, c.status, c.begin, c.piece)
			var sink func(llm.Chunk) error
			if c.stream {
				sink = func(llm.Chunk) error { return nil }
			}
			reply, err := chatters(t, url)[c.provider].Chat(t.Context(), conversation(), sink)
			var e *llm.Error
			if !errors.As(err, &e) || e.Outcome != c.outcome || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 2000 {
				t.Errorf("%.2000v", err)
			}
			if len(reply.Text) > longMost {
				t.Errorf("%d bytes are kept", len(reply.Text))
			}
			if n := sent.Load(); n > 3*longMost+onTheWay { // a stream's events are more than their text
				t.Errorf("%d bytes were read", n)
			}
		})
	}
}
