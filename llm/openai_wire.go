package llm

import (
	"strings"

	"sluice"
)

// openAIMessage is a turn of a reply, or a piece of one.
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
	TotalTokens      int64 `json:"total_tokens"`
	PromptDetails    struct {
		CachedTokens int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// tokens are the counts in our terms, where thinking is apart from the visible reply. OpenAI counts it as a part of the
// completion; other servers of the dialect (xAI's, Google's) beside it, and some of those tell it in the total alone: what
// the total has above prompt and completion is thinking that was billed. nil is none.
func (u *openAIUsage) tokens() sluice.Usage {
	if u == nil {
		return sluice.Usage{}
	}
	usage := sluice.Usage{Prompt: u.PromptTokens, Cached: min(u.PromptDetails.CachedTokens, u.PromptTokens), Output: u.CompletionTokens}
	thoughts, beside := u.CompletionDetails.ReasoningTokens, u.TotalTokens-u.PromptTokens-u.CompletionTokens
	switch {
	case beside > 0:
		usage.Thoughts = beside
	case thoughts > u.CompletionTokens: // no part of it
		usage.Thoughts = thoughts
	default:
		usage.Output, usage.Thoughts = u.CompletionTokens-thoughts, thoughts
	}
	return usage
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
