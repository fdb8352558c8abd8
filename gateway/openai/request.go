package openai

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/gateway"
	"sluice/llm"
)

// chatBody is the body of a chat completion. What it does not know is refused by its name.
type chatBody struct {
	Model               string            `json:"model"`
	Messages            []message         `json:"messages"`
	Stream              bool              `json:"stream"`
	StreamOptions       *streamOptions    `json:"stream_options"`
	MaxTokens           *int              `json:"max_tokens"`
	MaxCompletionTokens *int              `json:"max_completion_tokens"`
	Temperature         *float32          `json:"temperature"`
	TopP                *float32          `json:"top_p"`
	PresencePenalty     *float32          `json:"presence_penalty"`
	FrequencyPenalty    *float32          `json:"frequency_penalty"`
	Stop                stops             `json:"stop"`
	Seed                *int64            `json:"seed"`
	Tools               []tool            `json:"tools"`
	ToolChoice          *toolChoice       `json:"tool_choice"`
	ResponseFormat      *format           `json:"response_format"`
	ReasoningEffort     string            `json:"reasoning_effort"`
	Metadata            map[string]string `json:"metadata"`

	// These say nothing that an answer depends on.
	User             string `json:"user"`
	SafetyIdentifier string `json:"safety_identifier"`
	PromptCacheKey   string `json:"prompt_cache_key"`

	// These are let in with the one value that means what we do anyway.
	N                 *int     `json:"n"`
	Store             *bool    `json:"store"`
	Logprobs          *bool    `json:"logprobs"`
	TopLogprobs       *int     `json:"top_logprobs"`
	Modalities        []string `json:"modalities"`
	ParallelToolCalls *bool    `json:"parallel_tool_calls"`
	ServiceTier       *string  `json:"service_tier"`

	asked gateway.Ask // what it becomes
}

type streamOptions struct {
	IncludeUsage       bool  `json:"include_usage"`
	IncludeObfuscation *bool `json:"include_obfuscation"`
}

type message struct {
	Role       string     `json:"role"`
	Content    content    `json:"content"`
	Name       string     `json:"name"`
	ToolCalls  []toolCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
	// Refusal, Annotations and Audio come back in an assistant's turn that a client repeats.
	Refusal     passed `json:"refusal"`
	Annotations passed `json:"annotations"`
	Audio       passed `json:"audio"`
}

// passed is a value that is let in and passed over.
type passed struct{}

// UnmarshalJSONFrom steps over it.
func (passed) UnmarshalJSONFrom(dec *jsontext.Decoder) error { return dec.SkipValue() }

// content is a text, or parts of text.
type content string

// UnmarshalJSONFrom reads it.
func (c *content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '"':
		text, err := dec.ReadToken()
		*c = content(text.String())
		return err
	}
	var parts []struct {
		Type    string `json:"type"`
		Text    string `json:"text"`
		Refusal string `json:"refusal"`
	}
	err := jsonv2.UnmarshalDecode(dec, &parts, jsonv2.RejectUnknownMembers(false)) // parts say more than we look at
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return err
	case err != nil:
		return gateway.Invalid("messages.content", "want a text, or a list of parts")
	}
	var text strings.Builder
	for _, p := range parts {
		switch p.Type {
		case "text", "input_text", "output_text":
			text.WriteString(p.Text)
		case "refusal":
			text.WriteString(p.Refusal)
		default:
			return gateway.NotSupported("messages.content."+p.Type, "the gateway takes text alone")
		}
	}
	*c = content(text.String())
	return nil
}

// stops is one text or several.
type stops []string

func (s *stops) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		var one string
		err := json.Unmarshal(data, &one)
		*s = stops{one}
		return err
	}
	return json.Unmarshal(data, (*[]string)(s))
}

type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      *bool           `json:"strict"`
	} `json:"function"`
}

type toolCall struct {
	Index    *int   `json:"index,omitempty"`
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// toolChoice is a word, or one function.
type toolChoice llm.ToolChoice

func (t *toolChoice) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &t.Mode)
	}
	var one struct {
		Type     string `json:"type"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if err := json.Unmarshal(data, &one); err != nil || one.Type != "function" {
		return gateway.NotSupported("tool_choice", "want none, auto, required or one function")
	}
	t.Mode, t.Name = "required", one.Function.Name
	return nil
}

type format struct {
	Type       string `json:"type"`
	JSONSchema struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Schema      json.RawMessage `json:"schema"`
		Strict      *bool           `json:"strict"`
	} `json:"json_schema"`
}

// ask turns a chat completion into an ask.
func (b *chatBody) ask() (*gateway.Ask, *gateway.Fault) {
	if fault := b.only(); fault != nil {
		return nil, fault
	}
	a := &b.asked
	*a = gateway.Ask{API: "openai.chat", Model: b.Model, Stream: b.Stream, Conversation: conversationOf(b.Metadata)}
	a.Chat = llm.ChatRequest{
		Temperature: b.Temperature, TopP: b.TopP, PresencePenalty: b.PresencePenalty, FrequencyPenalty: b.FrequencyPenalty,
		Stop: b.Stop, Seed: b.Seed, ReasoningEffort: b.ReasoningEffort,
	}
	if fault := b.most(&a.Chat); fault != nil {
		return nil, fault
	}
	if fault := b.turns(&a.Chat); fault != nil {
		return nil, fault
	}
	if fault := b.tools(&a.Chat); fault != nil {
		return nil, fault
	}
	if b.ResponseFormat != nil {
		if fault := b.ResponseFormat.into(&a.Chat); fault != nil {
			return nil, fault
		}
	}
	return a, nil
}

// most is how long the reply may be: max_tokens, or its younger name, which goes before.
func (b *chatBody) most(c *llm.ChatRequest) *gateway.Fault {
	for _, n := range [...]struct {
		name  string
		value *int
	}{{"max_tokens", b.MaxTokens}, {"max_completion_tokens", b.MaxCompletionTokens}} {
		if n.value == nil {
			continue
		}
		if *n.value < 1 {
			return gateway.Invalid(n.name, "want 1 or more")
		}
		c.MaxOutputTokens = *n.value
	}
	return nil
}

// only lets parameters in that have the one value which we can honour.
func (b *chatBody) only() *gateway.Fault {
	switch {
	case b.Model == "":
		return gateway.Invalid("model", "name a model, or auto")
	case b.N != nil && *b.N != 1:
		return gateway.NotSupported("n", "one reply is given")
	case b.Store != nil && *b.Store:
		return gateway.NotSupported("store", "replies are not stored")
	case b.Logprobs != nil && *b.Logprobs:
		return gateway.NotSupported("logprobs", "not every provider tells them")
	case b.TopLogprobs != nil && *b.TopLogprobs != 0:
		return gateway.NotSupported("top_logprobs", "not every provider tells them")
	case len(b.Modalities) > 0 && !slices.Equal(b.Modalities, []string{"text"}):
		return gateway.NotSupported("modalities", "the gateway gives text alone")
	case b.ParallelToolCalls != nil && !*b.ParallelToolCalls:
		return gateway.NotSupported("parallel_tool_calls", "not every provider can be held to one call")
	case b.ServiceTier != nil && *b.ServiceTier != "auto" && *b.ServiceTier != "default":
		return gateway.NotSupported("service_tier", "want auto or default")
	}
	return nil
}

// turns sorts the messages: what the system says, then who says what.
func (b *chatBody) turns(c *llm.ChatRequest) *gateway.Fault {
	var system []string
	c.Messages = make([]llm.Message, 0, len(b.Messages))
	for i := range b.Messages {
		m := &b.Messages[i]
		turn := llm.Message{Text: string(m.Content)}
		switch m.Role {
		case "system", "developer":
			system = append(system, turn.Text)
			continue
		case "user":
			turn.Role = llm.User
		case "assistant":
			turn.Role = llm.Assistant
			for _, t := range m.ToolCalls {
				turn.ToolCalls = append(turn.ToolCalls, llm.ToolCall{ID: t.ID, Name: t.Function.Name, Arguments: t.Function.Arguments})
			}
		case "tool":
			if m.ToolCallID == "" {
				return gateway.Invalid("messages.tool_call_id", "is empty in a tool's message")
			}
			turn.Role, turn.ToolCallID, turn.ToolName = llm.ToolReply, m.ToolCallID, m.Name
		default:
			return gateway.Invalid("messages.role", "want system, developer, user, assistant or tool")
		}
		c.Messages = append(c.Messages, turn)
	}
	c.System = strings.Join(system, "\n\n")
	return nil
}

func (b *chatBody) tools(c *llm.ChatRequest) *gateway.Fault {
	for _, t := range b.Tools {
		if t.Type != "function" || t.Function.Name == "" {
			return gateway.NotSupported("tools", "want functions, each with a name")
		}
		c.Tools = append(c.Tools, llm.Tool{Name: t.Function.Name, Description: t.Function.Description, Parameters: t.Function.Parameters})
	}
	if b.ToolChoice == nil {
		return nil
	}
	switch b.ToolChoice.Mode {
	case "none", "auto", "required":
		c.ToolChoice = llm.ToolChoice(*b.ToolChoice)
		return nil
	}
	return gateway.Invalid("tool_choice", "want none, auto, required or one function")
}

func (f *format) into(c *llm.ChatRequest) *gateway.Fault {
	switch f.Type {
	case "text", "":
	case "json_object":
		c.JSON = true
	case "json_schema":
		if len(f.JSONSchema.Schema) == 0 {
			return gateway.Invalid("response_format.json_schema.schema", "is missing")
		}
		schema, err := titled(f.JSONSchema.Schema, f.JSONSchema.Name)
		if err != nil {
			return gateway.Invalid("response_format.json_schema.schema", "is no JSON object")
		}
		c.JSON, c.Schema = true, schema
	default:
		return gateway.NotSupported("response_format.type", "want text, json_object or json_schema")
	}
	return nil
}

// titled gives a schema its name, by which the calling side knows it.
func titled(schema json.RawMessage, name string) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(schema, &fields); err != nil {
		return nil, err
	}
	if _, has := fields["title"]; has || name == "" {
		return schema, nil
	}
	title, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	fields["title"] = title
	return json.Marshal(fields)
}

// conversationOf is the conversation that metadata names.
func conversationOf(metadata map[string]string) string {
	if id := metadata["conversation_id"]; id != "" {
		return id
	}
	return metadata["conversation"]
}
