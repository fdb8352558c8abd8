package llm_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice"
	"sluice/llm"
)

// serves is a server that says the body, as server-sent events, and then closes the connection, in the
// middle of the body if cut is set.
func serves(t *testing.T, body string, cut bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		if cut {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func events(data ...string) string {
	return "data: " + strings.Join(data, "\n\ndata: ") + "\n\n"
}

const (
	geminiHello = `{"candidates":[{"content":{"role":"model","parts":[{"text":"Hel"}]}}],"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":1}}`
	geminiEnd   = `{"candidates":[{"content":{"role":"model","parts":[{"text":"lo"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":2,"thoughtsTokenCount":5}}`
	openAIHello = `{"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}`
	openAIFinal = `{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}],"usage":null}`
	openAIUsed  = `{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":7,"completion_tokens_details":{"reasoning_tokens":5}}}`
)

func TestStreamsAreWholeOnlyIfTheirEndSaysSo(t *testing.T) {
	all := sluice.Usage{Prompt: 20, Output: 2, Thoughts: 5}
	for _, c := range []struct {
		name, provider, body string
		cut                  bool
		outcome              sluice.Outcome
		usage                sluice.Usage
		estimated            bool
	}{
		{"whole", "gemini", events(geminiHello, geminiEnd), false, sluice.OutcomeOK, all, false},
		{"without its end", "gemini", events(geminiHello), false, sluice.OutcomeBroken, sluice.Usage{Prompt: 20, Output: 1}, true},
		{"cut", "gemini", events(geminiHello), true, sluice.OutcomeBroken, sluice.Usage{Prompt: 20, Output: 1}, true},
		{"cut after its end", "gemini", events(geminiHello, geminiEnd), true, sluice.OutcomeBroken, all, false},
		{"an error in it", "gemini", events(geminiHello, `{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}`), false, sluice.OutcomeBroken, sluice.Usage{Prompt: 20, Output: 1}, true},
		{"garbage in it", "gemini", events(geminiHello, `{"cand`, geminiEnd), false, sluice.OutcomeBroken, sluice.Usage{Prompt: 20, Output: 1}, true},
		{"HTML", "gemini", "<html>busy</html>", false, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"nothing", "gemini", "", false, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"blocked in the middle", "gemini", events(geminiHello, strings.Replace(geminiEnd, "STOP", "SAFETY", 1)), false, sluice.OutcomeBlocked, all, false},
		{"a call that cannot be read", "gemini", events(strings.Replace(geminiEnd, "STOP", "MALFORMED_FUNCTION_CALL", 1)), false, sluice.OutcomeBroken, all, false},
		{"usage after the end", "gemini", events(geminiHello, strings.Split(geminiEnd, `,"usageMetadata"`)[0]+"}", `{"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":2,"thoughtsTokenCount":5}}`), false, sluice.OutcomeOK, all, false},
		{"no usage", "gemini", events(strings.Split(geminiEnd, `,"usageMetadata"`)[0] + "}"), false, sluice.OutcomeOK, sluice.Usage{}, true},

		{"whole", "openai", events(openAIHello, openAIFinal, openAIUsed, "[DONE]"), false, sluice.OutcomeOK, all, false},
		{"whole without [DONE]", "openai", events(openAIHello, openAIFinal, openAIUsed), false, sluice.OutcomeOK, all, false},
		{"no usage", "openai", events(openAIHello, openAIFinal, "[DONE]"), false, sluice.OutcomeOK, sluice.Usage{}, true},
		{"without its end", "openai", events(openAIHello, "[DONE]"), false, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"cut", "openai", events(openAIHello), true, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"cut before its usage", "openai", events(openAIHello, openAIFinal), true, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"an error in it", "openai", events(openAIHello, `{"error":{"message":"overloaded"}}`), false, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"garbage in it", "openai", events(openAIHello, `{"choi`, openAIFinal), false, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"HTML", "openai", "<html>busy</html>", false, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"nothing", "openai", "", false, sluice.OutcomeBroken, sluice.Usage{}, true},
		{"blocked in the middle", "openai", events(openAIHello, strings.Replace(openAIFinal, `"stop"`, `"content_filter"`, 1), openAIUsed, "[DONE]"), false, sluice.OutcomeBlocked, all, false},
		{"a refusal", "openai", events(`{"choices":[{"delta":{"refusal":"I won't."},"finish_reason":"stop"}]}`, openAIUsed, "[DONE]"), false, sluice.OutcomeBlocked, all, false},
		{"a made-up tool index", "openai", events(`{"choices":[{"delta":{"tool_calls":[{"index":99999999,"function":{"name":"f"}}]}}]}`), false, sluice.OutcomeBroken, sluice.Usage{}, true},
	} {
		t.Run(c.provider+"/"+c.name, func(t *testing.T) {
			caller, err := llm.New(t.Context(), llm.Config{Models: []llm.ModelConfig{
				{Provider: c.provider, Model: flash, BaseURL: serves(t, c.body, c.cut)},
			}}, llm.Deps{})
			if err != nil {
				t.Fatal(err)
			}
			defer caller.Close()
			var h heard
			res, err := caller.Chat(t.Context(), llm.ChainOptions{Models: []string{flash}, MaxAttempts: 1}, conversation(), llm.Hooks{}, h.sink)
			if (err == nil) != (c.outcome == sluice.OutcomeOK) || len(res.Lines) != 1 {
				t.Fatalf("%d lines, %v", len(res.Lines), err)
			}
			if l := res.Lines[0]; l.Outcome != c.outcome || l.Usage != c.usage || l.CostEstimated != c.estimated || l.Cost == 0 {
				t.Errorf("line %+v\nwant %s, %+v, estimated %t", l, c.outcome, c.usage, c.estimated)
			}
			var e *llm.Error
			if err != nil && !errors.As(err, &e) {
				t.Errorf("no *Error: %v", err)
			}
			if ended := len(h.chunks) > 0 && h.chunks[len(h.chunks)-1].FinishReason != ""; ended != (err == nil) {
				t.Errorf("the sink heard of an end: %t; %v", ended, err)
			}
		})
	}
}
