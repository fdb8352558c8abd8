package llm

import (
	"encoding/json"
	"math"
	"strconv"

	"sluice/object"
)

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

// openAIRequest is a request as it is sent. What few requests have is left to encoding/json.
type openAIRequest struct {
	object.Writer
	err error
}

// encode writes a request. It fails where a schema or a number is no JSON.
func (o *OpenAI) encode(req *ChatRequest, stream bool) ([]byte, error) {
	w := openAIRequest{Writer: make(object.Writer, 0, 256+req.bytes()+req.bytes()/8)}
	w.Begin()
	w.Text("model", req.Model)
	w.List("messages")
	if req.System != "" {
		w.Begin()
		w.Text("role", "system")
		w.Text("content", req.System)
		w.End()
	}
	for i := range req.Messages {
		w.turn(&req.Messages[i])
	}
	w.EndList()
	if stream {
		w.Raw("stream", "true")
		w.Raw("stream_options", `{"include_usage":true}`)
	}
	w.knobs(req)
	most := "max_tokens"
	if o.official {
		most = "max_completion_tokens"
	}
	if req.MaxOutputTokens != 0 {
		w.Whole(most, int64(req.MaxOutputTokens))
	}
	w.tools(req)
	w.End()
	return w.Writer, w.err
}

// any writes a value by encoding/json.
func (w *openAIRequest) any(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		w.err = err
		return
	}
	w.Raw(name, string(data))
}

func (w *openAIRequest) fraction(name string, f *float32) {
	switch {
	case f == nil:
	case math.IsNaN(float64(*f)), math.IsInf(float64(*f), 0):
		w.err = &json.UnsupportedValueError{Str: name}
	default:
		w.Raw(name, strconv.FormatFloat(float64(*f), 'g', -1, 32))
	}
}

func (w *openAIRequest) turn(m *Message) {
	w.Begin()
	w.TextIf("role", string(m.Role))
	if m.Text == "" && len(m.ToolCalls) > 0 {
		w.Raw("content", "null")
	} else {
		w.Text("content", m.Text)
	}
	if len(m.ToolCalls) > 0 {
		w.List("tool_calls")
		for _, c := range m.ToolCalls {
			if c.Arguments == "" {
				c.Arguments = "{}"
			}
			w.Begin()
			w.TextIf("id", c.ID)
			w.Text("type", "function")
			w.Object("function")
			w.TextIf("name", c.Name)
			w.Text("arguments", c.Arguments)
			w.End()
			w.End()
		}
		w.EndList()
	}
	w.TextIf("tool_call_id", m.ToolCallID)
	w.End()
}

func (w *openAIRequest) knobs(req *ChatRequest) {
	w.fraction("temperature", req.Temperature)
	w.fraction("top_p", req.TopP)
	w.fraction("presence_penalty", req.PresencePenalty)
	w.fraction("frequency_penalty", req.FrequencyPenalty)
	if len(req.Stop) > 0 {
		w.any("stop", req.Stop)
	}
	if req.Seed != nil {
		w.Whole("seed", *req.Seed)
	}
	w.TextIf("reasoning_effort", req.ReasoningEffort)
	if f := openAIFormatOf(req); f != nil {
		w.any("response_format", f)
	}
}

func (w *openAIRequest) tools(req *ChatRequest) {
	if len(req.Tools) > 0 {
		tools := make([]openAITool, len(req.Tools))
		for i, t := range req.Tools {
			tools[i] = openAITool{"function", openAIDeclaration(t)}
		}
		w.any("tools", tools)
	}
	switch {
	case req.ToolChoice.Name != "":
		w.any("tool_choice", map[string]any{"type": "function", "function": map[string]string{"name": req.ToolChoice.Name}})
	case req.ToolChoice.Mode != "":
		w.Text("tool_choice", req.ToolChoice.Mode)
	}
}

func openAIFormatOf(req *ChatRequest) *openAIFormat {
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
