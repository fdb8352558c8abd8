package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sluice"
)

// OpenAI speaks the chat completions API that OpenAI published and most servers offer (vLLM, Ollama,
// llama.cpp, gateways of other vendors). It makes one attempt a call. Make one with [NewOpenAI].
type OpenAI struct {
	endpoint string
	// official is true for OpenAI's own servers, which want max_completion_tokens where others know
	// max_tokens alone.
	official bool
	key      Key
	http     *http.Client
}

// maxReply bounds, in bytes, what is read of one reply.
const maxReply = 16 << 20

// NewOpenAI makes a provider. An empty baseURL is OpenAI's; "/v1/chat/completions" is added to it as
// far as it is missing. An empty key sends no Authorization header.
func NewOpenAI(baseURL string, key Key) (*OpenAI, error) {
	if baseURL == "" {
		baseURL = "https://api.openai.com"
	}
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("openai: base URL: want http://host or https://host, with a path if need be")
	}
	path := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/chat/completions")
	if !strings.HasSuffix(path, "/v1") {
		path += "/v1"
	}
	u.Path = path + "/chat/completions"
	return &OpenAI{endpoint: u.String(), official: u.Hostname() == "api.openai.com", key: key, http: newClient(signature{"Authorization", "Bearer ", key})}, nil
}

// Name is "openai".
func (o *OpenAI) Name() string { return "openai" }

// Close closes idle connections.
func (o *OpenAI) Close() { o.http.CloseIdleConnections() }

type chatRequest struct {
	Model               string        `json:"model"`
	Messages            []chatMessage `json:"messages"`
	Temperature         *float32      `json:"temperature,omitempty"`
	MaxTokens           int           `json:"max_tokens,omitempty"`
	MaxCompletionTokens int           `json:"max_completion_tokens,omitempty"`
	ResponseFormat      *chatFormat   `json:"response_format,omitempty"`
}

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type chatFormat struct {
	Type       string     `json:"type"`
	JSONSchema chatSchema `json:"json_schema"`
}

type chatSchema struct {
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"schema"`
}

type chatReply struct {
	Choices []struct {
		Message struct {
			Content *string `json:"content"`
			Refusal string  `json:"refusal"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int64 `json:"prompt_tokens"`
		CompletionTokens int64 `json:"completion_tokens"`
		PromptDetails    struct {
			CachedTokens int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		CompletionDetails struct {
			ReasoningTokens int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	} `json:"usage"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Generate makes one attempt.
func (o *OpenAI) Generate(ctx context.Context, req Request) (Response, error) {
	body, err := json.Marshal(o.chat(req))
	if err != nil {
		return Response{}, &Error{Outcome: sluice.OutcomeRefused, Err: fmt.Errorf("openai: encode the request: schema or temperature is no JSON")}
	}
	ctx, ex := observe(ctx)
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, o.endpoint, bytes.NewReader(body))
	if err != nil {
		return Response{}, &Error{Outcome: sluice.OutcomeRefused, Err: errors.New("openai: the request could not be made")}
	}
	hr.Header.Set("Content-Type", "application/json")
	resp, err := o.http.Do(hr)
	if err != nil {
		return Response{}, breakdown(ctx, ex, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return Response{}, breakdown(ctx, ex, err)
	}
	var reply chatReply
	err = json.Unmarshal(data, &reply)
	if resp.StatusCode != http.StatusOK {
		words := ""
		if err == nil && reply.Error != nil {
			words = explain(reply.Error.Message, o.key, req)
		}
		return Response{}, refusal(ex, resp.StatusCode, words)
	}
	if err != nil || reply.Error != nil {
		return Response{}, breakdown(ctx, ex, err)
	}
	return chatResponse(reply)
}

func (o *OpenAI) chat(req Request) chatRequest {
	c := chatRequest{Model: req.Model, Temperature: req.Temperature}
	if req.System != "" {
		c.Messages = append(c.Messages, chatMessage{"system", req.System})
	}
	c.Messages = append(c.Messages, chatMessage{"user", req.Prompt})
	if o.official {
		c.MaxCompletionTokens = req.MaxOutputTokens
	} else {
		c.MaxTokens = req.MaxOutputTokens
	}
	if len(req.Schema) > 0 {
		var titled struct {
			Title string `json:"title"`
		}
		if json.Unmarshal(req.Schema, &titled) != nil || titled.Title == "" {
			titled.Title = "reply"
		}
		c.ResponseFormat = &chatFormat{Type: "json_schema", JSONSchema: chatSchema{titled.Title, req.Schema}}
	}
	return c
}

// chatResponse turns a 200 into a reply, or into the reason why it is none. Reasoning tokens come as a
// part of the completion tokens and leave apart from them.
func chatResponse(reply chatReply) (Response, error) {
	var usage sluice.Usage
	if u := reply.Usage; u != nil {
		usage.Prompt, usage.Cached = u.PromptTokens, min(u.PromptDetails.CachedTokens, u.PromptTokens)
		usage.Thoughts = min(u.CompletionDetails.ReasoningTokens, u.CompletionTokens)
		usage.Output = u.CompletionTokens - usage.Thoughts
	}
	fail := func(outcome sluice.Outcome, words string) (Response, error) {
		e := &Error{Outcome: outcome, Status: http.StatusOK, Sent: true, Err: errors.New(words)}
		if usage != (sluice.Usage{}) {
			e.Usage = &usage
		}
		return Response{}, e
	}
	if len(reply.Choices) == 0 {
		return fail(sluice.OutcomeBlocked, "the reply has no choice")
	}
	c := reply.Choices[0]
	text := ""
	if c.Message.Content != nil {
		text = *c.Message.Content
	}
	switch {
	case c.FinishReason == "content_filter":
		return fail(sluice.OutcomeBlocked, "the reply was blocked: content_filter")
	case c.Message.Refusal != "":
		return fail(sluice.OutcomeBlocked, "the model refused to follow the schema")
	case text == "" && c.FinishReason == "length":
		return fail(sluice.OutcomeBlocked, "the output limit was reached before the first word (thinking counts): raise max_output_tokens")
	case text == "":
		return fail(sluice.OutcomeBroken, "the reply is empty")
	}
	return Response{Text: text, Usage: usage, FinishReason: c.FinishReason}, nil
}
