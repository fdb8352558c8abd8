package llm

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// UnsupportedError says that a provider has no way to honour a parameter of a request, which was
// therefore not sent.
type UnsupportedError struct {
	// Param is the parameter's name as in "top_k".
	Param string
	// Why says what would do.
	Why string
}

func (e *UnsupportedError) Error() string { return fmt.Sprintf("%s: %s", e.Param, e.Why) }

func unsupported(param, format string, args ...any) error {
	return &UnsupportedError{Param: param, Why: fmt.Sprintf(format, args...)}
}

// check finds what no provider could honour.
func (r ChatRequest) check() error {
	if len(r.Messages) == 0 {
		return unsupported("messages", "empty; a conversation has at least one turn")
	}
	for i, m := range r.Messages {
		if err := m.check(i); err != nil {
			return err
		}
		if m.Role == ToolReply && m.ToolName == "" && !called(r.Messages[:i], m.ToolCallID) {
			return unsupported(fmt.Sprintf("messages[%d].tool_call_id", i), "no turn before it has the call %.64q", m.ToolCallID)
		}
	}
	for i, t := range r.Tools {
		if t.Name == "" {
			return unsupported(fmt.Sprintf("tools[%d].name", i), "empty")
		}
		if len(t.Parameters) > 0 && !json.Valid(t.Parameters) {
			return unsupported(fmt.Sprintf("tools[%d].parameters", i), "no JSON; want a JSON schema")
		}
	}
	if len(r.Schema) > 0 && !json.Valid(r.Schema) {
		return unsupported("response_schema", "no JSON; want a JSON schema")
	}
	return r.checkChoice()
}

// called says whether one of the turns made the call.
func called(turns []Message, id string) bool {
	return slices.ContainsFunc(turns, func(m Message) bool {
		return slices.ContainsFunc(m.ToolCalls, func(c ToolCall) bool { return c.ID == id })
	})
}

func (m Message) check(i int) error {
	switch m.Role {
	case User:
	case Assistant:
		for j, c := range m.ToolCalls {
			var object map[string]any
			if c.Arguments != "" && json.Unmarshal([]byte(c.Arguments), &object) != nil {
				return unsupported(fmt.Sprintf("messages[%d].tool_calls[%d].arguments", i, j), "want a JSON object")
			}
		}
	case ToolReply:
		if m.ToolCallID == "" && m.ToolName == "" {
			return unsupported(fmt.Sprintf("messages[%d].tool_call_id", i), "empty; name the call that this is the result of")
		}
	default:
		return unsupported(fmt.Sprintf("messages[%d].role", i), "%q; want user, assistant or tool", m.Role)
	}
	return nil
}

func (r ChatRequest) checkChoice() error {
	choice := r.ToolChoice
	switch choice.Mode {
	case "", "auto", "none":
		if choice.Name != "" {
			return unsupported("tool_choice", "a function is named, but none is required")
		}
		return nil
	case "required":
	default:
		return unsupported("tool_choice", "%q; want auto, none or required", choice.Mode)
	}
	if len(r.Tools) == 0 {
		return unsupported("tool_choice", "a call is required, but tools is empty")
	}
	if choice.Name != "" && !slices.ContainsFunc(r.Tools, func(t Tool) bool { return t.Name == choice.Name }) {
		return unsupported("tool_choice", "there is no tool %q", choice.Name)
	}
	return nil
}

// Supports names what Gemini has no way to honour.
func (g *Gemini) Supports(req ChatRequest) error {
	switch {
	case req.Seed != nil && (*req.Seed > math.MaxInt32 || *req.Seed < math.MinInt32):
		return unsupported("seed", "Gemini's have 32 bits")
	case len(req.Stop) > 5:
		return unsupported("stop", "%d of them; Gemini takes at most 5", len(req.Stop))
	case req.ThinkingBudget != nil && (*req.ThinkingBudget > math.MaxInt32 || *req.ThinkingBudget < -1):
		return unsupported("thinking_budget", "%d; want -1 (the model decides), 0 (none) or a number of tokens", *req.ThinkingBudget)
	}
	_, err := thinkingOf(req.Model, req.ReasoningEffort)
	return err
}

// Supports names what OpenAI's dialect has no way to honour.
func (o *OpenAI) Supports(req ChatRequest) error {
	switch {
	case req.TopK != nil:
		return unsupported("top_k", "OpenAI's dialect does not know it; set top_p")
	case req.ThinkingBudget != nil:
		return unsupported("thinking_budget", "OpenAI's dialect does not know it; set reasoning_effort")
	}
	return nil
}
