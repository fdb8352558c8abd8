package llm_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice"
	"sluice/llm"
)

// What the event stream standard lets a server write harms no answer: its mark, its line ends, its comments, events
// without data, an event of several lines.
func TestStreamsAreReadHoweverServersWriteThem(t *testing.T) {
	t.Parallel()
	said := map[string][2]string{
		"openai": {
			`{"choices":[{"index":0,"delta":{"content":"Goe"}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"the"},"finish_reason":"stop"}],` + "\ndata: " + `"usage":{"prompt_tokens":3,"completion_tokens":2}}`,
		},
		"gemini": {
			`{"candidates":[{"content":{"role":"model","parts":[{"text":"Goe"}]}}]}`,
			`{"candidates":[{"content":{"role":"model","parts":[{"text":"the"}]},"finishReason":"STOP"}],` + "\ndata: " + `"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}`,
		},
	}
	for _, end := range []string{"\n", "\r\n", "\r"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name := "openai"
			if strings.Contains(r.URL.Path, "/models/") {
				name = "gemini"
			}
			w.Header().Set("Content-Type", "text/event-stream")
			body := "\ufeff: hello\n\nretry: 10\ndata: " + said[name][0] + "\n\n: ping\n\ndata\n\ndata: " + said[name][1] + "\n\n"
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "\n", end))
		}))
		t.Cleanup(server.Close)
		for provider, p := range providers(t, server.URL) {
			req := llm.ChatRequest{Model: "gemini-2.5-pro", Messages: []llm.Message{{Role: llm.User, Text: "Who wrote Faust?"}}}
			pieces := 0
			reply, err := p.(llm.Chatter).Chat(t.Context(), req, func(c llm.Chunk) error {
				if c.Text != "" {
					pieces++
				}
				return nil
			})
			if err != nil || reply.Text != "Goethe" || pieces != 2 || reply.Usage != (sluice.Usage{Prompt: 3, Output: 2}) {
				t.Errorf("%s, lines that end with %q: %+v in %d pieces, %v", provider, end, reply, pieces, err)
			}
		}
	}
}
