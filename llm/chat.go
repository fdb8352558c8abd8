package llm

import (
	"context"
	"encoding/json"
	"errors"

	"sluice"
)

// Role is who speaks in a conversation.
type Role string

// The roles. What the system says is [ChatRequest.System].
const (
	User      Role = "user"
	Assistant Role = "assistant"
	ToolReply Role = "tool"
)

// ChatRequest asks for the next turn of a conversation. Parameters that are nil, empty or 0 are left to
// the provider, except MaxOutputTokens.
type ChatRequest struct {
	// Model is the provider's name for it. [Caller.Chat] sets it from its chain.
	Model string
	// System is the system instruction.
	System   string
	Messages []Message
	Tools    []Tool
	// ToolChoice says whether and which tools are to be called; the zero value leaves it to the model.
	ToolChoice ToolChoice
	// JSON asks for a reply that is one JSON value. Schema is the JSON schema that it must follow, and
	// asks for JSON by itself; its "title" names it.
	JSON   bool
	Schema json.RawMessage

	Temperature *float32
	TopP        *float32
	// TopK is known to Gemini alone.
	TopK             *int
	PresencePenalty  *float32
	FrequencyPenalty *float32
	// Stop lists the texts that end the reply.
	Stop []string
	Seed *int64
	// MaxOutputTokens bounds the reply, thinking included. [Caller.Chat] always sends a bound: this one, at
	// most the model's configured one; where neither is given, [DefaultMaxOutputTokens].
	MaxOutputTokens int
	// ThinkingBudget is the most thinking tokens; 0 switches thinking off, -1 leaves it to the model. Known
	// to Gemini alone.
	ThinkingBudget *int
	// ReasoningEffort is "none", "minimal", "low", "medium" or "high". Gemini gets the budget or the level of thinking
	// that its own surface of OpenAI's dialect makes of it.
	ReasoningEffort string
}

// DefaultMaxOutputTokens bounds replies for which neither the request nor the model's configuration has a
// bound: without one no reservation could hold.
const DefaultMaxOutputTokens = 8192

// Message is one turn. Its content is text: images and sound have no bound in tokens that we could
// reserve a budget by, so there is no field for them.
type Message struct {
	Role Role
	Text string
	// ToolCalls are those that an assistant's turn made.
	ToolCalls []ToolCall
	// ToolCallID names, in a turn of role [ToolReply], the call that Text is the result of. ToolName is the
	// function's name; empty, it is found by the id in the turns before.
	ToolCallID string
	ToolName   string
}

// Tool is a function that the model may ask to be called.
type Tool struct {
	Name        string
	Description string
	// Parameters is a JSON schema; empty for a function without any.
	Parameters json.RawMessage
}

// ToolChoice says whether and which tools are to be called.
type ToolChoice struct {
	// Mode is "" or "auto" (the model decides), "none", or "required" (at least one).
	Mode string
	// Name, with Mode "required", is the only function that may be called.
	Name string
}

// ToolCall is the model's wish that a function be called.
type ToolCall struct {
	// ID is minted by us where the provider has none.
	ID   string
	Name string
	// Arguments is a JSON object.
	Arguments string
	// Signature is Gemini's opaque state of thought, which newer models want back with the call. Empty
	// otherwise.
	Signature []byte
}

// FinishReason is why a reply ended.
type FinishReason string

// The reasons. A reply that was blocked is an error with [sluice.OutcomeBlocked], and FinishBlocked is
// found in the [ChainResult] that comes with it.
const (
	FinishStop      FinishReason = "stop"
	FinishLength    FinishReason = "length"
	FinishToolCalls FinishReason = "tool_calls"
	FinishBlocked   FinishReason = "content_filter"
)

// Chunk is a piece of a reply as it is written. Any of its fields may be empty.
type Chunk struct {
	// Model is the one that writes; the same for all chunks that a sink gets.
	Model string
	Text  string
	// ToolCalls are pieces of tool calls.
	ToolCalls []ToolCallDelta
	// FinishReason is set on the last chunk alone: a stream without it did not end well.
	FinishReason FinishReason
	// Usage comes with the finish reason, where the provider told it.
	Usage *sluice.Usage
}

// ToolCallDelta is a piece of a tool call. The first of an index has id and name; Arguments are to be
// joined.
type ToolCallDelta struct {
	Index     int
	ID        string
	Name      string
	Arguments string
	Signature []byte
}

// Reply is a whole reply, or with an error what had come of it.
type Reply struct {
	Text         string
	ToolCalls    []ToolCall
	FinishReason FinishReason
	// Usage is what the provider told.
	Usage sluice.Usage

	said string // the finish reason in the provider's own word, for stages' errors
}

// Chatter is a [Provider] that holds conversations. It makes exactly one attempt. Its errors are *Error.
type Chatter interface {
	// Chat asks for the next turn. With a sink the reply is streamed into it, chunk by chunk, from the
	// caller's goroutine; an error of the sink ends the attempt, which counts as [sluice.OutcomeCanceled].
	// The reply is filled in either way, and with an error as far as it had come.
	Chat(ctx context.Context, req ChatRequest, sink func(Chunk) error) (Reply, error)
	// Supports is nil or an *UnsupportedError. It asks nobody.
	Supports(req ChatRequest) error
}

// bytes is what a request has to read: the base of every count of its tokens.
func (r ChatRequest) bytes() int64 {
	n := len(r.System) + len(r.Schema)
	for _, m := range r.Messages {
		n += len(m.Text)
		for _, c := range m.ToolCalls {
			n += len(c.ID) + len(c.Name) + len(c.Arguments) + len(c.Signature)
		}
		n += len(m.ToolCallID) + len(m.ToolName)
	}
	for _, t := range r.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Parameters)
	}
	return int64(n)
}

// boundTokens is the most tokens that the request can have: see [BoundTokens].
func (r ChatRequest) boundTokens() int64 {
	n := BoundTokens(r.bytes()) + messageOverhead*int64(len(r.Messages))
	if len(r.Tools) > 0 {
		n += toolsOverhead + messageOverhead*int64(len(r.Tools))
	}
	return n
}

// texts are all that must not be quoted in errors.
func (r ChatRequest) texts() []string {
	out := []string{r.System}
	for _, m := range r.Messages {
		out = append(out, m.Text)
		for _, c := range m.ToolCalls {
			out = append(out, c.Arguments)
		}
	}
	return out
}

// ErrBusy is wrapped by errors of a model whose slots are all taken and whose queue is full: come back
// after [sluice.DelayOf].
var ErrBusy = errors.New("the model is busy and its queue is full")

// ErrOpen is wrapped by errors of a model whose circuit breaker is open: come back after
// [sluice.DelayOf].
var ErrOpen = errors.New("the circuit breaker is open: the server failed too often in a row")
