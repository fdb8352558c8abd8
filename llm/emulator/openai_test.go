package emulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice/llm/emulator"
)

type chunk struct {
	Object  string
	Choices []struct {
		Message, Delta struct{ Role, Content string }
		FinishReason   *string `json:"finish_reason"`
	}
	Usage *struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		Details    struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
	Error *struct{ Message, Type string }
}

// chatted is what a server answered.
type chatted struct {
	status int
	header http.Header
	body   []byte
}

func (c chatted) chunk(t *testing.T) (out chunk) {
	t.Helper()
	if err := json.Unmarshal(c.body, &out); err != nil {
		t.Fatalf("%s: %v", c.body, err)
	}
	return out
}

func chat(t *testing.T, url, key string, body map[string]any) chatted {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(toJSON(t, body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return chatted{resp.StatusCode, resp.Header, data}
}

func messages(system, user string) []map[string]string {
	return []map[string]string{{"role": "system", "content": system}, {"role": "user", "content": user}}
}

func TestOpenAIDialect(t *testing.T) {
	s, url := start(t, emulator.Config{Keys: []string{"right"}})
	c := chat(t, url, "right", map[string]any{"model": pro, "messages": messages("Be brief.", "Who wrote Faust?")}).chunk(t)
	if len(c.Choices) != 1 || !strings.Contains(c.Choices[0].Message.Content, "Goethe") || *c.Choices[0].FinishReason != "stop" {
		t.Errorf("reply = %+v", c)
	}
	if c.Usage.Prompt != 7 || c.Usage.Details.Reasoning == 0 || c.Usage.Completion <= c.Usage.Details.Reasoning {
		t.Errorf("usage = %+v", c.Usage)
	}
	if got := chat(t, url, "wrong", map[string]any{"model": pro}); got.status != http.StatusUnauthorized {
		t.Errorf("wrong key: %d", got.status)
	}
	if got := chat(t, url, "right", map[string]any{"messages": messages("", "x")}); got.status != http.StatusBadRequest {
		t.Errorf("no model: %d", got.status)
	}
	if e := s.Books().Models[pro][emulator.KindAnswer]; e.Successes != 1 || e.Cost == 0 {
		t.Errorf("books = %+v", e)
	}
}

func TestOpenAIStream(t *testing.T) {
	s, url := start(t, emulator.Config{})
	got := chat(t, url, "k", map[string]any{"model": flash, "stream": true, "stream_options": map[string]any{"include_usage": true}, "messages": messages("", question)})
	var text strings.Builder
	usage, events, done := 0, 0, false
	for line := range bytes.SplitSeq(got.body, []byte("\n")) {
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		if string(data) == "[DONE]" {
			done = true
			continue
		}
		c := chatted{body: data}.chunk(t)
		events++
		if c.Usage != nil {
			usage++
		}
		if len(c.Choices) > 0 {
			text.WriteString(c.Choices[0].Delta.Content)
		}
	}
	want, err := synthetic(t).Answer(flash, question)
	if err != nil || text.String() != want || !done || usage != 1 || events < 4 {
		t.Errorf("said %q (want %q, %v), done %t, %d of %d events with usage", text.String(), want, err, done, usage, events)
	}
	if n := s.Generated(emulator.KindAnswer, flash, question); n != 1 {
		t.Errorf("generated %d", n)
	}
}

func TestOpenAIVerdictAndFaults(t *testing.T) {
	s, url := start(t, emulator.Config{})
	body := map[string]any{
		"model": pro, "messages": messages("", `{"question":"q","accepted_answers":["Paris"],"answer":"Paris!"}`),
		"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "Verdict", "schema": map[string]any{"title": "Verdict"}}},
	}
	if c := chat(t, url, "k", body).chunk(t); !strings.Contains(c.Choices[0].Message.Content, `"verdict":"correct"`) {
		t.Errorf("reply = %+v", c)
	}
	if err := s.SetFaults(emulator.Faults{RateLimited: 1, RetryDelayMS: 1200}); err != nil {
		t.Fatal(err)
	}
	got := chat(t, url, "k", body)
	if c := got.chunk(t); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "2" || c.Error.Type != "rate_limit_exceeded" {
		t.Errorf("%d, %v, %+v", got.status, got.header, c.Error)
	}
	if err := s.SetFaults(emulator.Faults{Empty: 1}); err != nil {
		t.Fatal(err)
	}
	if c := chat(t, url, "k", body).chunk(t); len(c.Choices) != 0 || c.Usage == nil {
		t.Errorf("empty: %+v", c)
	}
}
