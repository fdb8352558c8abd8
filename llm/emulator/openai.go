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

func decodeOpenAI(_ string, _ bool, body []byte) (ask, error) {
	var c struct {
		Model    string `json:"model"`
		Stream   bool   `json:"stream"`
		Messages []struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		} `json:"messages"`
		MaxTokens           int64 `json:"max_tokens"`
		MaxCompletionTokens int64 `json:"max_completion_tokens"`
		ResponseFormat      struct {
			Type       string `json:"type"`
			JSONSchema struct {
				Name   string `json:"name"`
				Schema titled `json:"schema"`
			} `json:"json_schema"`
		} `json:"response_format"`
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return ask{}, errors.New("we could not parse the JSON body of your request")
	}
	a := ask{model: c.Model, stream: c.Stream, maxOutput: max(c.MaxTokens, c.MaxCompletionTokens)}
	if a.model == "" {
		return a, errors.New("you must provide a model parameter")
	}
	for _, m := range c.Messages {
		switch m.Role {
		case "system", "developer":
			a.system = m.Content
		case "user":
			a.prompt = m.Content
		}
	}
	title := ""
	if f := c.ResponseFormat; f.Type == "json_schema" {
		if title = f.JSONSchema.Schema.Title; title == "" {
			title = f.JSONSchema.Name
		}
	}
	return a, a.understand(title)
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

func openAIWhole(a ask, r *reply) any {
	if r == nil {
		o := openAIEnvelope(a, "chat.completion", []object{})
		o["usage"] = openAIUsage(sluice.Usage{Prompt: Tokens(a.system) + Tokens(a.prompt)})
		return o
	}
	o := openAIEnvelope(a, "chat.completion", []object{{
		"index": 0, "finish_reason": openAIFinish(r),
		"message": object{"role": "assistant", "content": r.text},
	}})
	o["usage"] = openAIUsage(r.usage)
	return o
}

func openAIFinish(r *reply) string {
	if r.cutShort {
		return "length"
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

// openAIChunks is a stream's events; usage comes in one of its own at the end.
func openAIChunks(a ask, r *reply) []any {
	var out []any
	usage := sluice.Usage{Prompt: Tokens(a.system) + Tokens(a.prompt)}
	if r != nil {
		usage = r.usage
		for i, p := range pieces(r.text) {
			delta := object{"content": p}
			if i == 0 {
				delta["role"] = "assistant"
			}
			out = append(out, openAIEnvelope(a, "chat.completion.chunk", []object{{"index": 0, "delta": delta, "finish_reason": nil}}))
		}
		out = append(out, openAIEnvelope(a, "chat.completion.chunk", []object{{"index": 0, "delta": object{}, "finish_reason": openAIFinish(r)}}))
	}
	last := openAIEnvelope(a, "chat.completion.chunk", []object{})
	last["usage"] = openAIUsage(usage)
	return append(out, last)
}
