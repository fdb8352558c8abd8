package emulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice"
)

// openAIDialect is the chat completions API.
var openAIDialect = dialect{
	key: func(r *http.Request) string {
		key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		return key
	},
	noKey:   problem{status: 401, message: "You didn't provide an API key."},
	badKey:  problem{status: 401, message: "Incorrect API key provided."},
	decode:  decodeOpenAI,
	failure: openAIFailure,
	whole:   openAIWhole,
	chunks:  openAIChunks,
	end:     "data: [DONE]\n\n",
}

// openAI is POST /v1/chat/completions.
func (s *Server) openAI(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, openAIDialect, "", false)
}

type openAIRequest struct {
	Model         string          `json:"model"`
	Stream        bool            `json:"stream"`
	Messages      []openAIMessage `json:"messages"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           int64      `json:"max_tokens"`
	MaxCompletionTokens int64      `json:"max_completion_tokens"`
	Stop                openAIStop `json:"stop"`
	ResponseFormat      struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Tools []struct {
		Function struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Parameters  json.RawMessage `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	ToolChoice json.RawMessage `json:"tool_choice"`
}

type openAIMessage struct {
	Role      string        `json:"role"`
	Content   openAIContent `json:"content"`
	ToolCalls []struct {
		Function json.RawMessage `json:"function"`
	} `json:"tool_calls"`
}

// openAIContent is a text, or a list of parts with texts.
type openAIContent string

// UnmarshalJSON takes either.
func (c *openAIContent) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		var parts []struct {
			Text string `json:"text"`
		}
		err := json.Unmarshal(data, &parts)
		for _, p := range parts {
			*c += openAIContent(p.Text)
		}
		return err
	}
	return json.Unmarshal(data, (*string)(c))
}

// openAIStop is a text or a list of them.
type openAIStop []string

// UnmarshalJSON takes either.
func (s *openAIStop) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*s = []string{""}
		return json.Unmarshal(data, &(*s)[0])
	}
	return json.Unmarshal(data, (*[]string)(s))
}

func decodeOpenAI(_ string, _ bool, body []byte) (ask, error) {
	var c openAIRequest
	if err := json.Unmarshal(body, &c); err != nil {
		return ask{}, errors.New("we could not parse the JSON body of your request")
	}
	a := ask{
		model: c.Model, stream: c.Stream, maxOutput: max(c.MaxTokens, c.MaxCompletionTokens), stop: c.Stop,
		untold: !c.StreamOptions.IncludeUsage, json: c.ResponseFormat.Type == "json_object",
	}
	if a.model == "" {
		return a, errors.New("you must provide a model parameter")
	}
	for _, m := range c.Messages {
		a.turn(m)
	}
	for _, t := range c.Tools {
		a.tools = append(a.tools, tool{t.Function.Name, t.Function.Parameters})
		a.input += Tokens(t.Function.Name) + Tokens(t.Function.Description) + Tokens(string(t.Function.Parameters))
	}
	a.choose(c.ToolChoice)
	title := ""
	if f := c.ResponseFormat; f.Type == "json_schema" {
		if title = titleOf(f.JSONSchema.Schema); title == "" {
			title = f.JSONSchema.Name
		}
		a.schema = f.JSONSchema.Schema
	}
	return a, a.understand(title)
}

// turn reads a message.
func (a *ask) turn(m openAIMessage) {
	text := string(m.Content)
	a.result = nil
	switch m.Role {
	case "system", "developer":
		a.system = text
	case "user":
		a.prompt = text
	case "tool":
		a.result = &text
	}
	a.input += Tokens(text)
	for _, c := range m.ToolCalls {
		a.input += Tokens(string(c.Function))
	}
}

// choose reads tool_choice: a word, or an object that names a function.
func (a *ask) choose(choice json.RawMessage) {
	var named struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if json.Unmarshal(choice, &a.choice) != nil && json.Unmarshal(choice, &named) == nil && named.Function.Name != "" {
		a.choice, a.only = "required", named.Function.Name
	}
	if a.choice == "auto" {
		a.choice = ""
	}
}

func openAIFailure(p problem) any {
	kind := "invalid_request_error"
	switch {
	case p.status == 429:
		kind = "rate_limit_exceeded"
	case p.status >= 500:
		kind = "server_error"
	}
	return object{"error": object{"message": p.message, "type": kind, "code": nil, "param": nil}}
}

// openAIEnvelope is what a reply and a chunk have in common. The id is a function of the request, so
// that the same request always has the same reply, but for the time.
func openAIEnvelope(a ask, kind string, choices []object) object {
	return object{
		"id":     "chatcmpl-" + strconv.FormatUint(hash(0, a.model, a.prompt), 36),
		"object": kind, "created": time.Now().Unix(), "model": a.model, "choices": choices,
	}
}

func openAIWhole(a ask, r reply) any {
	choices := []object{}
	if !r.empty {
		message := object{"role": "assistant", "content": r.text}
		if r.call.name != "" {
			message["content"], message["tool_calls"] = nil, []object{openAICall(a, r, r.call.args)}
		}
		choices = []object{{"index": 0, "finish_reason": openAIFinish(r), "message": message}}
	}
	o := openAIEnvelope(a, "chat.completion", choices)
	o["usage"] = openAIUsage(r.usage)
	return o
}

func openAICall(a ask, r reply, args string) object {
	return object{
		"id": "call_" + strconv.FormatUint(hash(0, a.model, a.prompt, r.call.name), 36), "type": "function",
		"function": object{"name": r.call.name, "arguments": args},
	}
}

func openAIFinish(r reply) string {
	switch {
	case r.blocked:
		return "content_filter"
	case r.cutShort:
		return "length"
	case r.call.name != "":
		return "tool_calls"
	}
	return "stop"
}

// openAIUsage counts reasoning tokens as a part of the completion's, as OpenAI does.
func openAIUsage(u sluice.Usage) object {
	return object{
		"prompt_tokens": u.Prompt, "completion_tokens": u.Output + u.Thoughts,
		"total_tokens":              u.Prompt + u.Output + u.Thoughts,
		"prompt_tokens_details":     object{"cached_tokens": u.Cached},
		"completion_tokens_details": object{"reasoning_tokens": u.Thoughts},
	}
}

// openAIChunks is a stream's events; usage, where it is asked for, comes in one of its own at the end.
func openAIChunks(a ask, r reply) []any {
	var out []any
	add := func(delta object, finish any) {
		out = append(out, openAIEnvelope(a, "chat.completion.chunk", []object{{"index": 0, "delta": delta, "finish_reason": finish}}))
	}
	switch {
	case r.empty:
	case r.call.name != "":
		first := openAICall(a, r, "")
		first["index"] = 0
		add(object{"role": "assistant", "content": nil, "tool_calls": []object{first}}, nil)
		half := len(r.call.args) / 2
		for _, args := range []string{r.call.args[:half], r.call.args[half:]} {
			add(object{"tool_calls": []object{{"index": 0, "function": object{"arguments": args}}}}, nil)
		}
	default:
		for i, p := range pieces(r.text) {
			delta := object{"content": p}
			if i == 0 {
				delta["role"] = "assistant"
			}
			add(delta, nil)
		}
	}
	if !r.empty {
		add(object{}, openAIFinish(r))
	}
	if a.untold && !r.empty {
		return out
	}
	last := openAIEnvelope(a, "chat.completion.chunk", []object{})
	last["usage"] = openAIUsage(r.usage)
	return append(out, last)
}
