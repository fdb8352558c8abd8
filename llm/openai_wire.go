package llm

import (
	"encoding/json"
	"strings"

	"sluice"
)

// openAIRequest is a request as it is sent.
type openAIRequest struct {
	Model               string          `json:"model"`
	Messages            []openAIMessage `json:"messages"`
	Stream              bool            `json:"stream,omitempty"`
	StreamOptions       *streamOptions  `json:"stream_options,omitempty"`
	Temperature         *float32        `json:"temperature,omitempty"`
	TopP                *float32        `json:"top_p,omitempty"`
	PresencePenalty     *float32        `json:"presence_penalty,omitempty"`
	FrequencyPenalty    *float32        `json:"frequency_penalty,omitempty"`
	Stop                []string        `json:"stop,omitempty"`
	Seed                *int64          `json:"seed,omitempty"`
	MaxTokens           int             `json:"max_tokens,omitempty"`
	MaxCompletionTokens int             `json:"max_completion_tokens,omitempty"`
	ReasoningEffort     string          `json:"reasoning_effort,omitempty"`
	ResponseFormat      *openAIFormat   `json:"response_format,omitempty"`
	Tools               []openAITool    `json:"tools,omitempty"`
	ToolChoice          any             `json:"tool_choice,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// openAIMessage is a turn, of a request or of a reply.
type openAIMessage struct {
	Role       string           `json:"role,omitempty"`
	Content    *string          `json:"content"`
	Refusal    string           `json:"refusal,omitempty"`
	ToolCalls  []openAIToolCall `json:"tool_calls,omitempty"`
	ToolCallID string           `json:"tool_call_id,omitempty"`
}

type openAIToolCall struct {
	Index    *int           `json:"index,omitempty"` // in streams
	ID       string         `json:"id,omitempty"`
	Type     string         `json:"type,omitempty"`
	Function openAIFunction `json:"function"`
}

type openAIFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type openAITool struct {
	Type     string            `json:"type"`
	Function openAIDeclaration `json:"function"`
}

type openAIDeclaration struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

type openAIFormat struct {
	Type       string        `json:"type"`
	JSONSchema *openAISchema `json:"json_schema,omitempty"`
}

type openAISchema struct {
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"schema"`
}

// openAIReply is a reply, or a piece of one in a stream.
type openAIReply struct {
	Choices []openAIChoice `json:"choices"`
	Usage   *openAIUsage   `json:"usage"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type openAIChoice struct {
	Message      openAIMessage `json:"message"`
	Delta        openAIMessage `json:"delta"`
	FinishReason string        `json:"finish_reason"`
}

type openAIUsage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	PromptDetails    struct {
		CachedTokens int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// tokens are the counts in our terms. Reasoning tokens come as a part of the completion tokens and leave
// apart from them. nil is none.
func (u *openAIUsage) tokens() sluice.Usage {
	if u == nil {
		return sluice.Usage{}
	}
	thoughts := min(u.CompletionDetails.ReasoningTokens, u.CompletionTokens)
	return sluice.Usage{
		Prompt: u.PromptTokens, Cached: min(u.PromptDetails.CachedTokens, u.PromptTokens),
		Output: u.CompletionTokens - thoughts, Thoughts: thoughts,
	}
}

// request is a request as it is sent.
func (o *OpenAI) request(req ChatRequest, stream bool) openAIRequest {
	w := openAIRequest{
		Model: req.Model, Temperature: req.Temperature, TopP: req.TopP, Stop: req.Stop, Seed: req.Seed,
		PresencePenalty: req.PresencePenalty, FrequencyPenalty: req.FrequencyPenalty, ReasoningEffort: req.ReasoningEffort,
	}
	if stream {
		w.Stream, w.StreamOptions = true, &streamOptions{IncludeUsage: true}
	}
	if o.official {
		w.MaxCompletionTokens = req.MaxOutputTokens
	} else {
		w.MaxTokens = req.MaxOutputTokens
	}
	if req.System != "" {
		w.Messages = append(w.Messages, openAIMessage{Role: "system", Content: &req.System})
	}
	for _, m := range req.Messages {
		w.Messages = append(w.Messages, openAITurn(m))
	}
	for _, t := range req.Tools {
		w.Tools = append(w.Tools, openAITool{"function", openAIDeclaration(t)})
	}
	switch {
	case req.ToolChoice.Name != "":
		w.ToolChoice = map[string]any{"type": "function", "function": map[string]string{"name": req.ToolChoice.Name}}
	case req.ToolChoice.Mode != "":
		w.ToolChoice = req.ToolChoice.Mode
	}
	w.ResponseFormat = openAIFormatOf(req)
	return w
}

func openAITurn(m Message) openAIMessage {
	w := openAIMessage{Role: string(m.Role), Content: &m.Text, ToolCallID: m.ToolCallID}
	if m.Text == "" && len(m.ToolCalls) > 0 {
		w.Content = nil
	}
	for _, c := range m.ToolCalls {
		if c.Arguments == "" {
			c.Arguments = "{}"
		}
		w.ToolCalls = append(w.ToolCalls, openAIToolCall{ID: c.ID, Type: "function", Function: openAIFunction{c.Name, c.Arguments}})
	}
	return w
}

func openAIFormatOf(req ChatRequest) *openAIFormat {
	if len(req.Schema) == 0 {
		if req.JSON {
			return &openAIFormat{Type: "json_object"}
		}
		return nil
	}
	var titled struct {
		Title string `json:"title"`
	}
	if json.Unmarshal(req.Schema, &titled) != nil || titled.Title == "" {
		titled.Title = "reply"
	}
	return &openAIFormat{Type: "json_schema", JSONSchema: &openAISchema{titled.Title, req.Schema}}
}

// read reads a choice; said is its message, or in a stream its delta.
func (c openAIChoice) read(a *assembly, said openAIMessage) error {
	if said.Content != nil {
		if err := a.addText(*said.Content); err != nil {
			return err
		}
	}
	for i, t := range said.ToolCalls {
		index := i
		if t.Index != nil {
			index = *t.Index
		}
		if err := a.addCall(ToolCallDelta{Index: index, ID: t.ID, Name: t.Function.Name, Arguments: t.Function.Arguments}); err != nil {
			return err
		}
	}
	if said.Refusal != "" {
		a.blocked = "the model refused to follow the schema"
	}
	if c.FinishReason != "" {
		a.said = c.FinishReason
	}
	switch reason := strings.ToLower(c.FinishReason); {
	case reason == "":
		return nil
	case reason == "content_filter":
		a.finish, a.blocked = FinishBlocked, "the reply was blocked: content_filter"
	case a.blocked != "":
		a.finish = FinishBlocked
	case reason == "length":
		a.finish = FinishLength
	case reason == "tool_calls", reason == "function_call":
		a.finish = FinishToolCalls
	default:
		a.finish = FinishStop
	}
	return nil
}
