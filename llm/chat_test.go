package llm_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"sluice"
	"sluice/llm"
	"sluice/llm/emulator"
)

// chatters are both providers at one server.
func chatters(tb testing.TB, url string) map[string]llm.Chatter {
	tb.Helper()
	out := map[string]llm.Chatter{}
	for name, p := range providers(tb, url) {
		out[name] = p.(llm.Chatter)
	}
	return out
}

// heard is what a sink got.
type heard struct {
	text   strings.Builder
	calls  []llm.ToolCall
	chunks []llm.Chunk
}

func (h *heard) sink(c llm.Chunk) error {
	h.chunks = append(h.chunks, c)
	h.text.WriteString(c.Text)
	for _, d := range c.ToolCalls {
		for len(h.calls) <= d.Index {
			h.calls = append(h.calls, llm.ToolCall{})
		}
		h.calls[d.Index].ID += d.ID
		h.calls[d.Index].Name += d.Name
		h.calls[d.Index].Arguments += d.Arguments
	}
	return nil
}

func conversation() llm.ChatRequest {
	return llm.ChatRequest{
		Model: "gemini-2.5-pro", System: "Be brief.", MaxOutputTokens: 4096,
		Messages: []llm.Message{
			{Role: llm.User, Text: "Do you know plays?"}, {Role: llm.Assistant, Text: "Some."}, {Role: llm.User, Text: "Who wrote Faust?"},
		},
	}
}

func TestAStreamSaysWhatAWholeReplySays(t *testing.T) {
	s, url := emulate(t, emulator.Config{})
	for name, p := range chatters(t, url) {
		whole, err := p.Chat(t.Context(), conversation(), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var h heard
		streamed, err := p.Chat(t.Context(), conversation(), h.sink)
		if err != nil || !reflect.DeepEqual(streamed, whole) {
			t.Errorf("%s: streamed %+v, whole %+v, %v", name, streamed, whole, err)
		}
		want := emulator.Tokens("Be brief.") + emulator.Tokens("Do you know plays?") + emulator.Tokens("Some.") + emulator.Tokens("Who wrote Faust?")
		if !strings.Contains(whole.Text, "Goethe") || whole.FinishReason != llm.FinishStop || whole.Usage.Prompt != want || whole.Usage.Thoughts == 0 {
			t.Errorf("%s: %+v", name, whole)
		}
		if h.text.String() != whole.Text || len(h.chunks) < 3 {
			t.Errorf("%s: the sink heard %q in %d chunks", name, h.text.String(), len(h.chunks))
		}
		for i, c := range h.chunks {
			last := i == len(h.chunks)-1
			if (c.FinishReason != "") != last || (c.Usage != nil) != last || c.Model != "gemini-2.5-pro" {
				t.Errorf("%s: chunk %d of %d is %+v", name, i, len(h.chunks), c)
			}
		}
	}
	if e := s.Books().Models["gemini-2.5-pro"][emulator.KindAnswer]; e.Successes != 4 {
		t.Errorf("books %+v", e)
	}
}

var weather = llm.Tool{
	Name: "get_weather", Description: "The weather of a place.",
	Parameters: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"]}`),
}

func TestToolsAreCalledAndTheirResultsRead(t *testing.T) {
	_, url := emulate(t, emulator.Config{})
	for name, p := range chatters(t, url) {
		for _, stream := range []bool{false, true} {
			req := conversation()
			req.Tools = []llm.Tool{weather, {Name: "other"}}
			req.Messages = []llm.Message{{Role: llm.User, Text: `Please get_weather of "Rome" for 3 days.`}}
			var h heard
			sink := h.sink
			if !stream {
				sink = nil
			}
			reply, err := p.Chat(t.Context(), req, sink)
			if err != nil || reply.FinishReason != llm.FinishToolCalls || len(reply.ToolCalls) != 1 || reply.Text != "" {
				t.Fatalf("%s: %+v, %v", name, reply, err)
			}
			call := reply.ToolCalls[0]
			var args struct {
				City string
				Days int
			}
			if json.Unmarshal([]byte(call.Arguments), &args) != nil || call.Name != "get_weather" || call.ID == "" || args.City != "Rome" || args.Days != 3 {
				t.Errorf("%s: called %+v", name, call)
			}
			if stream && !reflect.DeepEqual(h.calls, reply.ToolCalls) {
				t.Errorf("%s: the sink heard %+v, the reply has %+v", name, h.calls, reply.ToolCalls)
			}
			req.Messages = append(req.Messages,
				llm.Message{Role: llm.Assistant, ToolCalls: reply.ToolCalls},
				llm.Message{Role: llm.ToolReply, ToolCallID: call.ID, Text: `{"sky":"blue"}`})
			reply, err = p.Chat(t.Context(), req, sink)
			if err != nil || !strings.Contains(reply.Text, "blue") || reply.FinishReason != llm.FinishStop {
				t.Errorf("%s: after the result %+v, %v", name, reply, err)
			}
		}
	}
}

func TestToolChoiceIsHonoured(t *testing.T) {
	_, url := emulate(t, emulator.Config{})
	for name, p := range chatters(t, url) {
		req := conversation()
		req.Tools = []llm.Tool{weather, {Name: "other"}}
		for choice, want := range map[llm.ToolChoice]string{
			{}: "", {Mode: "auto"}: "", {Mode: "none"}: "", {Mode: "required"}: "get_weather", {Mode: "required", Name: "other"}: "other",
		} {
			req.ToolChoice = choice
			reply, err := p.Chat(t.Context(), req, nil)
			got := ""
			if len(reply.ToolCalls) > 0 {
				got = reply.ToolCalls[0].Name
			}
			if err != nil || got != want {
				t.Errorf("%s: %+v calls %q, want %q; %v", name, choice, got, want, err)
			}
		}
	}
}

func TestJSONModeAndSchemas(t *testing.T) {
	_, url := emulate(t, emulator.Config{})
	for name, p := range chatters(t, url) {
		req := conversation()
		req.JSON = true
		reply, err := p.Chat(t.Context(), req, nil)
		var free map[string]any
		if err != nil || json.Unmarshal([]byte(reply.Text), &free) != nil {
			t.Errorf("%s: JSON mode says %q, %v", name, reply.Text, err)
		}
		req.JSON, req.Schema = false, json.RawMessage(`{"title":"Play","type":"object","properties":{"year":{"type":"integer"},"tragic":{"type":"boolean"}},"required":["year","tragic"]}`)
		reply, err = p.Chat(t.Context(), req, nil)
		var play struct {
			Year   *int
			Tragic *bool
		}
		if err != nil || json.Unmarshal([]byte(reply.Text), &play) != nil || play.Year == nil || play.Tragic == nil {
			t.Errorf("%s: the schema gives %q, %v", name, reply.Text, err)
		}
	}
}

func TestALimitThatIsReachedIsTold(t *testing.T) {
	_, url := emulate(t, emulator.Config{})
	for name, p := range chatters(t, url) {
		req := conversation()
		req.MaxOutputTokens = 10 // all of it is thought
		reply, err := p.Chat(t.Context(), req, nil)
		if err != nil || reply.FinishReason != llm.FinishLength || reply.Text != "" || reply.Usage.Output+reply.Usage.Thoughts != 10 {
			t.Errorf("%s: %+v, %v", name, reply, err)
		}
	}
}

// captured is a server that keeps the last request's body and answers nothing of use.
func captured(t *testing.T) (body func() map[string]any, url string) {
	t.Helper()
	var got []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(server.Close)
	return func() map[string]any {
		var m map[string]any
		if err := json.Unmarshal(got, &m); err != nil {
			t.Errorf("sent %q: %v", got, err)
		}
		return m
	}, server.URL
}

func ptr[T any](v T) *T { return &v }

func everyParameter() llm.ChatRequest {
	req := conversation()
	req.Temperature, req.TopP, req.Seed, req.Stop = ptr(float32(0.5)), ptr(float32(0.25)), ptr(int64(7)), []string{"END"}
	req.PresencePenalty, req.FrequencyPenalty = ptr(float32(0.125)), ptr(float32(-0.5))
	req.Tools, req.ToolChoice = []llm.Tool{weather}, llm.ToolChoice{Mode: "required", Name: "get_weather"}
	req.Messages = append(req.Messages,
		llm.Message{Role: llm.Assistant, Text: "I look.", ToolCalls: []llm.ToolCall{{ID: "c1", Name: "get_weather", Arguments: `{"city":"Rome"}`, Signature: []byte("s")}}},
		llm.Message{Role: llm.ToolReply, ToolCallID: "c1", Text: "sunny"})
	return req
}

func TestGeminiIsSentEveryParameter(t *testing.T) {
	body, url := captured(t)
	req := everyParameter()
	req.TopK, req.ThinkingBudget = ptr(20), ptr(0)
	if _, err := chatters(t, url)["gemini"].Chat(t.Context(), req, nil); err == nil {
		t.Fatal("no error")
	}
	got := body()
	want := map[string]any{
		"temperature": 0.5, "topP": 0.25, "topK": 20.0, "seed": 7.0, "stopSequences": []any{"END"}, "maxOutputTokens": 4096.0,
		"presencePenalty": 0.125, "frequencyPenalty": -0.5, "thinkingConfig": map[string]any{"thinkingBudget": 0.0},
	}
	if !reflect.DeepEqual(got["generationConfig"], want) {
		t.Errorf("generationConfig %v, want %v", got["generationConfig"], want)
	}
	tool, _ := json.Marshal(got["toolConfig"])
	if string(tool) != `{"functionCallingConfig":{"allowedFunctionNames":["get_weather"],"mode":"ANY"}}` {
		t.Errorf("toolConfig %s", tool)
	}
	turns, _ := json.Marshal(got["contents"].([]any)[3:])
	if string(turns) != `[{"parts":[{"text":"I look."},{"functionCall":{"args":{"city":"Rome"},"id":"c1","name":"get_weather"},"thoughtSignature":"cw=="}],"role":"model"},`+
		`{"parts":[{"functionResponse":{"id":"c1","name":"get_weather","response":{"output":"sunny"}}}],"role":"user"}]` {
		t.Errorf("turns %s", turns)
	}
}

// The budgets and levels are those of ai.google.dev/gemini-api/docs/openai.
func TestGeminiIsSentAReasoningEffortInItsOwnTerms(t *testing.T) {
	body, url := captured(t)
	gemini := chatters(t, url)["gemini"]
	budget := func(n float64) any { return map[string]any{"thinkingBudget": n} }
	level := func(word string) any { return map[string]any{"thinkingLevel": word} }
	for _, c := range []struct {
		model, effort string
		want          any
	}{
		{flash, "", nil},
		{flash, "none", budget(0)},
		{flash, "minimal", budget(1024)},
		{"gemini-2.5-flash-lite", "low", budget(1024)},
		{"gemini-2.5-pro", "medium", budget(8192)},
		{"models/gemini-2.5-pro", "high", budget(24576)},
		{"gemini-3-flash-preview", "minimal", level("MINIMAL")},
		{"gemini-3.1-pro-preview", "low", level("LOW")},
		{"gemini-3-flash-preview", "medium", level("MEDIUM")},
		{"gemini-3-pro-preview", "high", level("HIGH")},
	} {
		req := conversation()
		req.Model, req.ReasoningEffort = c.model, c.effort
		if err := gemini.Supports(req); err != nil {
			t.Errorf("%s, %q: %v", c.model, c.effort, err)
		}
		if _, err := gemini.Chat(t.Context(), req, nil); err == nil {
			t.Fatal("no error")
		}
		sent := body()["generationConfig"].(map[string]any)
		if got := sent["thinkingConfig"]; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s, %q: %v, want %v", c.model, c.effort, got, c.want)
		}
	}
}

// What is thought is billed, whoever set how much.
func TestThinkingByAnEffortIsCounted(t *testing.T) {
	_, url := emulate(t, emulator.Config{Thinking: map[string]int{flash: 300}})
	gemini := chatters(t, url)["gemini"]
	for effort, thinks := range map[string]bool{"none": false, "low": true} {
		req := conversation()
		req.Model, req.ReasoningEffort = flash, effort
		reply, err := gemini.Chat(t.Context(), req, nil)
		if err != nil || (reply.Usage.Thoughts > 0) != thinks {
			t.Errorf("%s: %+v, %v", effort, reply.Usage, err)
		}
	}
}

func TestOpenAIIsSentEveryParameter(t *testing.T) {
	body, url := captured(t)
	req := everyParameter()
	req.ReasoningEffort = "low"
	var h heard
	if _, err := chatters(t, url)["openai"].Chat(t.Context(), req, h.sink); err == nil {
		t.Fatal("no error")
	}
	got := body()
	for key, want := range map[string]any{
		"temperature": 0.5, "top_p": 0.25, "seed": 7.0, "stop": []any{"END"}, "max_tokens": 4096.0, "reasoning_effort": "low",
		"presence_penalty": 0.125, "frequency_penalty": -0.5, "stream": true, "stream_options": map[string]any{"include_usage": true},
		"tool_choice": map[string]any{"type": "function", "function": map[string]any{"name": "get_weather"}},
	} {
		if !reflect.DeepEqual(got[key], want) {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	turns, _ := json.Marshal(got["messages"].([]any)[4:])
	if string(turns) != `[{"content":"I look.","role":"assistant","tool_calls":[{"function":{"arguments":"{\"city\":\"Rome\"}","name":"get_weather"},"id":"c1","type":"function"}]},`+
		`{"content":"sunny","role":"tool","tool_call_id":"c1"}]` {
		t.Errorf("turns %s", turns)
	}
}

func TestWhatAProviderCannotDoIsRefusedByName(t *testing.T) {
	ps := chatters(t, "http://127.0.0.1:1")
	for _, c := range []struct {
		provider, param string
		change          func(*llm.ChatRequest)
	}{
		{"openai", "top_k", func(r *llm.ChatRequest) { r.TopK = ptr(3) }},
		{"openai", "thinking_budget", func(r *llm.ChatRequest) { r.ThinkingBudget = ptr(3) }},
		{"gemini", "reasoning_effort", func(r *llm.ChatRequest) { r.ReasoningEffort = "none" }},
		{"gemini", "reasoning_effort", func(r *llm.ChatRequest) { r.ReasoningEffort = "xhigh" }},
		{"gemini", "reasoning_effort", func(r *llm.ChatRequest) { r.Model, r.ReasoningEffort = "gemini-3-flash-preview", "none" }},
		{"gemini", "reasoning_effort", func(r *llm.ChatRequest) { r.Model, r.ReasoningEffort = "gemini-2.0-flash", "low" }},
		{"gemini", "seed", func(r *llm.ChatRequest) { r.Seed = ptr(int64(1) << 40) }},
		{"gemini", "stop", func(r *llm.ChatRequest) { r.Stop = make([]string, 6) }},
		{"gemini", "thinking_budget", func(r *llm.ChatRequest) { r.ThinkingBudget = ptr(-2) }},
	} {
		req := conversation()
		if err := ps[c.provider].Supports(req); err != nil {
			t.Errorf("%s: a plain conversation: %v", c.provider, err)
		}
		c.change(&req)
		var u *llm.UnsupportedError
		if err := ps[c.provider].Supports(req); !errors.As(err, &u) || u.Param != c.param {
			t.Errorf("%s, %s: %v", c.provider, c.param, err)
		}
	}
}

func TestARequestThatNobodyCouldHonourIsRefusedByName(t *testing.T) {
	c, err := llm.New(t.Context(), llm.Config{Models: []llm.ModelConfig{{Provider: "openai", Model: flash, BaseURL: "http://127.0.0.1:1"}}}, llm.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	for param, change := range map[string]func(*llm.ChatRequest){
		"messages":                            func(r *llm.ChatRequest) { r.Messages = nil },
		"messages[1].role":                    func(r *llm.ChatRequest) { r.Messages[1].Role = "system" },
		"messages[1].tool_calls[0].arguments": func(r *llm.ChatRequest) { r.Messages[1].ToolCalls = []llm.ToolCall{{Arguments: "[1]"}} },
		"messages[2].tool_call_id":            func(r *llm.ChatRequest) { r.Messages[2] = llm.Message{Role: llm.ToolReply} },
		"tools[0].name":                       func(r *llm.ChatRequest) { r.Tools = []llm.Tool{{}} },
		"tools[0].parameters":                 func(r *llm.ChatRequest) { r.Tools = []llm.Tool{{Name: "f", Parameters: []byte("{")}} },
		"response_schema":                     func(r *llm.ChatRequest) { r.Schema = []byte("{") },
		"tool_choice":                         func(r *llm.ChatRequest) { r.ToolChoice.Mode = "required" },
		"top_k":                               func(r *llm.ChatRequest) { r.TopK = ptr(1) },
	} {
		req := conversation()
		change(&req)
		_, err := c.Chat(t.Context(), llm.ChainOptions{Models: []string{flash}}, req, llm.Hooks{}, nil)
		var u *llm.UnsupportedError
		if !errors.As(err, &u) || u.Param != param {
			t.Errorf("%s: %v", param, err)
		}
	}
	_, err = c.Chat(t.Context(), llm.ChainOptions{Models: []string{"nobody"}}, conversation(), llm.Hooks{}, nil)
	var u *llm.UnsupportedError
	if !errors.As(err, &u) || u.Param != "model" {
		t.Errorf("an unknown model: %v", err)
	}
	req := conversation()
	req.Messages[2] = llm.Message{Role: llm.ToolReply, ToolCallID: "c9", Text: "of a call that no turn has"}
	if _, err := c.Chat(t.Context(), llm.ChainOptions{Models: []string{flash}}, req, llm.Hooks{}, nil); !errors.As(err, &u) || u.Param != "messages[2].tool_call_id" {
		t.Errorf("the result of no call: %v", err)
	}
	req = conversation()
	req.System = strings.Repeat("x", 300<<10)
	if _, err := c.Chat(t.Context(), llm.ChainOptions{Models: []string{flash}}, req, llm.Hooks{}, nil); sluice.ReasonOf(err) != sluice.ReasonTooLarge {
		t.Errorf("too large: %v", err)
	}
}

// Servers number the calls of one reply as they like.
func TestToolCallsAreToldApartHoweverTheServerNumbersThem(t *testing.T) {
	const end = `{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}`
	piece := func(call string) string { return `{"choices":[{"delta":{"tool_calls":[` + call + `]}}]}` }
	two := `[{"ID":"a","Name":"f","Arguments":"{\"x\":1}","Signature":null},{"ID":"b","Name":"g","Arguments":"{\"y\":2}","Signature":null}]`
	for name, c := range map[string]struct{ body, want string }{
		"each by its own": {events(piece(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}`), piece(`{"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\":"}}`),
			piece(`{"index":0,"function":{"arguments":"1}"}}`), piece(`{"index":1,"function":{"arguments":"2}"}}`), end), two},
		"all 0": {events(piece(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}`), piece(`{"index":0,"function":{"arguments":"1}"}}`),
			piece(`{"index":0,"id":"b","function":{"name":"g","arguments":"{\"y\":"}}`), piece(`{"index":0,"function":{"arguments":"2}"}}`), end), two},
		"not at all": {events(piece(`{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}`), piece(`{"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}}`), end), two},
		"from 1":     {events(piece(`{"index":1,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}`), piece(`{"index":2,"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}}`), end), two},
		"another id for each piece": {
			events(piece(`{"index":0,"id":"z","function":{"name":"f","arguments":"{\"x\":"}}`), piece(`{"index":0,"id":"a","function":{"arguments":"1}"}}`), end),
			`[{"ID":"a","Name":"f","Arguments":"{\"x\":1}","Signature":null}]`,
		},
	} {
		p, err := llm.NewOpenAI(serves(t, c.body, false), llm.Key{})
		if err != nil {
			t.Fatal(err)
		}
		var h heard
		reply, err := p.Chat(t.Context(), conversation(), h.sink)
		p.Close()
		got, _ := json.Marshal(reply.ToolCalls)
		if streamed, _ := json.Marshal(h.calls); err != nil || string(got) != c.want || len(h.calls) != len(reply.ToolCalls) {
			t.Errorf("%s: %s (%v), streamed %s, want %s", name, got, err, streamed, c.want)
		}
	}
}
