package emulator_test

import (
	"bufio"
	"bytes"
	"encoding/json"
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

func chat(t *testing.T, url, key string, body map[string]any) *http.Response {
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
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func messages(system, user string) []map[string]string {
	return []map[string]string{{"role": "system", "content": system}, {"role": "user", "content": user}}
}

func TestOpenAIDialect(t *testing.T) {
	s, url := start(t, emulator.Config{Keys: []string{"right"}})
	resp := chat(t, url, "right", map[string]any{"model": pro, "messages": messages("Be brief.", "Who wrote Faust?")})
	var c chunk
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		t.Fatal(err)
	}
	if len(c.Choices) != 1 || !strings.Contains(c.Choices[0].Message.Content, "Goethe") || *c.Choices[0].FinishReason != "stop" {
		t.Errorf("reply = %+v", c)
	}
	if c.Usage.Prompt != 7 || c.Usage.Details.Reasoning == 0 || c.Usage.Completion <= c.Usage.Details.Reasoning {
		t.Errorf("usage = %+v", c.Usage)
	}
	if resp := chat(t, url, "wrong", map[string]any{"model": pro}); resp.StatusCode != 401 {
		t.Errorf("wrong key: %s", resp.Status)
	}
	if resp := chat(t, url, "right", map[string]any{"messages": messages("", "x")}); resp.StatusCode != 400 {
		t.Errorf("no model: %s", resp.Status)
	}
	if e := s.Books().Models[pro][emulator.KindAnswer]; e.Successes != 1 || e.Cost == 0 {
		t.Errorf("books = %+v", e)
	}
}

func TestOpenAIStream(t *testing.T) {
	s, url := start(t, emulator.Config{})
	resp := chat(t, url, "k", map[string]any{"model": flash, "stream": true, "messages": messages("", question)})
	var text strings.Builder
	var usage, events int
	done := false
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		if string(data) == "[DONE]" {
			done = true
			continue
		}
		var c chunk
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		events++
		if c.Usage != nil {
			usage++
		}
		if len(c.Choices) > 0 {
			text.WriteString(c.Choices[0].Delta.Content)
		}
	}
	want, _ := synthetic(t).Answer(flash, question)
	if text.String() != want || !done || usage != 1 || events < 4 {
		t.Errorf("said %q (want %q), done %t, %d of %d events with usage", text.String(), want, done, usage, events)
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
	var c chunk
	if err := json.NewDecoder(chat(t, url, "k", body).Body).Decode(&c); err != nil || !strings.Contains(c.Choices[0].Message.Content, `"verdict":"correct"`) {
		t.Errorf("reply = %+v, %v", c, err)
	}
	if err := s.SetFaults(emulator.Faults{RateLimited: 1, RetryDelayMS: 1200}); err != nil {
		t.Fatal(err)
	}
	resp := chat(t, url, "k", body)
	c = chunk{}
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "2" || c.Error.Type != "rate_limit_exceeded" {
		t.Errorf("%s, %v, %+v, %v", resp.Status, resp.Header, c.Error, err)
	}
	if err := s.SetFaults(emulator.Faults{Empty: 1}); err != nil {
		t.Fatal(err)
	}
	c = chunk{}
	if err := json.NewDecoder(chat(t, url, "k", body).Body).Decode(&c); err != nil || len(c.Choices) != 0 || c.Usage == nil {
		t.Errorf("empty: %+v, %v", c, err)
	}
}
