package openai

import (
	"encoding/json"
	"net/http"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/web"
	"sluice/llm"
)

// responsesBody is the body of a response: text in, text out, nothing stored.
type responsesBody struct {
	Model           string            `json:"model"`
	Input           json.RawMessage   `json:"input"`
	Instructions    string            `json:"instructions"`
	MaxOutputTokens *int              `json:"max_output_tokens"`
	Temperature     *float32          `json:"temperature"`
	TopP            *float32          `json:"top_p"`
	Stream          bool              `json:"stream"`
	Metadata        map[string]string `json:"metadata"`
	Text            *struct {
		Format *struct {
			Type   string          `json:"type"`
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
			Strict *bool           `json:"strict"`
		} `json:"format"`
	} `json:"text"`
	Reasoning *struct {
		Effort string `json:"effort"`
	} `json:"reasoning"`

	User             string `json:"user"`
	SafetyIdentifier string `json:"safety_identifier"`
	PromptCacheKey   string `json:"prompt_cache_key"`

	// These are let in with the one value that means what we do anyway.
	Store             *bool             `json:"store"`
	Truncation        *string           `json:"truncation"`
	ServiceTier       *string           `json:"service_tier"`
	Tools             []json.RawMessage `json:"tools"`
	ToolChoice        *string           `json:"tool_choice"`
	ParallelToolCalls *bool             `json:"parallel_tool_calls"`
	Include           []string          `json:"include"`
	Background        *bool             `json:"background"`
}

type inputItem struct {
	Type    string  `json:"type"`
	ID      string  `json:"id"`
	Status  string  `json:"status"`
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// only lets parameters in that have the one value which we can honour.
func (b *responsesBody) only() *gateway.Fault {
	switch {
	case b.Model == "":
		return gateway.Invalid("model", "name a model, or auto")
	case b.Store != nil && *b.Store:
		return gateway.NotSupported("store", "responses are not stored: send store: false, or leave it out")
	case b.Truncation != nil && *b.Truncation != "disabled":
		return gateway.NotSupported("truncation", "want disabled")
	case b.ServiceTier != nil && *b.ServiceTier != "auto" && *b.ServiceTier != "default":
		return gateway.NotSupported("service_tier", "want auto or default")
	case len(b.Tools) > 0:
		return gateway.NotSupported("tools", "a response is text alone; /v1/chat/completions takes functions")
	case b.ToolChoice != nil && *b.ToolChoice != "auto" && *b.ToolChoice != "none":
		return gateway.NotSupported("tool_choice", "want auto or none: there are no tools here")
	case len(b.Include) > 0:
		return gateway.NotSupported("include", "there is nothing more to tell than is told")
	case b.Background != nil && *b.Background:
		return gateway.NotSupported("background", "responses are not stored")
	}
	return nil
}

func (b *responsesBody) ask() (*gateway.Ask, *gateway.Fault) {
	if fault := b.only(); fault != nil {
		return nil, fault
	}
	a := &gateway.Ask{API: "openai.responses", Model: b.Model, Stream: b.Stream, Conversation: conversationOf(b.Metadata)}
	a.Chat = llm.ChatRequest{Temperature: b.Temperature, TopP: b.TopP}
	if b.Reasoning != nil {
		a.Chat.ReasoningEffort = b.Reasoning.Effort
	}
	if b.MaxOutputTokens != nil {
		if *b.MaxOutputTokens < 1 {
			return nil, gateway.Invalid("max_output_tokens", "want 1 or more")
		}
		a.Chat.MaxOutputTokens = *b.MaxOutputTokens
	}
	if b.Text != nil && b.Text.Format != nil {
		f := format{Type: b.Text.Format.Type}
		f.JSONSchema.Name, f.JSONSchema.Schema = b.Text.Format.Name, b.Text.Format.Schema
		if fault := f.into(&a.Chat); fault != nil {
			return nil, fault
		}
	}
	if fault := b.turns(&a.Chat); fault != nil {
		return nil, fault
	}
	return a, nil
}

func (b *responsesBody) turns(c *llm.ChatRequest) *gateway.Fault {
	var text string
	chat := chatBody{}
	if b.Instructions != "" {
		chat.Messages = append(chat.Messages, message{Role: "system", Content: content(b.Instructions)})
	}
	if len(b.Input) > 0 && b.Input[0] == '"' {
		if err := json.Unmarshal(b.Input, &text); err != nil {
			return gateway.Invalid("input", "is not valid JSON")
		}
		chat.Messages = append(chat.Messages, message{Role: "user", Content: content(text)})
		return chat.turns(c)
	}
	var items []inputItem
	if len(b.Input) == 0 {
		return gateway.Invalid("input", "is missing")
	}
	if fault := web.Decode(b.Input, &items); fault != nil {
		return fault
	}
	for _, it := range items {
		if it.Type != "" && it.Type != "message" {
			return gateway.NotSupported("input."+it.Type, "the gateway takes messages alone here; /v1/chat/completions takes tools")
		}
		chat.Messages = append(chat.Messages, message{Role: it.Role, Content: it.Content})
	}
	return chat.turns(c)
}

type response struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	CreatedAt    int64             `json:"created_at"`
	Status       string            `json:"status"`
	Model        string            `json:"model"`
	Output       []outputItem      `json:"output"`
	Error        any               `json:"error"`
	Incomplete   any               `json:"incomplete_details"`
	Instructions *string           `json:"instructions"`
	Metadata     map[string]string `json:"metadata"`
	ParallelCall bool              `json:"parallel_tool_calls"`
	Store        bool              `json:"store"`
	ToolChoice   string            `json:"tool_choice"`
	Tools        []string          `json:"tools"`
	Temperature  *float32          `json:"temperature"`
	TopP         *float32          `json:"top_p"`
	Usage        *responseUsage    `json:"usage"`
	Sluice       json.RawMessage   `json:"sluice,omitempty"`
}

type responseUsage struct {
	InputTokens  int64 `json:"input_tokens"`
	InputDetails struct {
		CachedTokens int64 `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens  int64 `json:"output_tokens"`
	OutputDetails struct {
		ReasoningTokens int64 `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	TotalTokens int64 `json:"total_tokens"`
}

type outputItem struct {
	Type    string       `json:"type"`
	ID      string       `json:"id"`
	Status  string       `json:"status"`
	Role    string       `json:"role"`
	Content []outputText `json:"content"`
}

type outputText struct {
	Type        string   `json:"type"`
	Text        string   `json:"text"`
	Annotations []string `json:"annotations"`
}

func textOf(s string) outputText {
	return outputText{Type: "output_text", Text: s, Annotations: []string{}}
}

func (b *responsesBody) frame(d *sluice.Decision, status string) *response {
	r := &response{
		ID: web.ResponsePrefix + d.ID, Object: "response", CreatedAt: d.DecidedAt.Unix(), Status: status, Model: d.Model, Output: []outputItem{},
		Metadata: b.Metadata, ParallelCall: true, ToolChoice: "auto", Tools: []string{}, Temperature: b.Temperature, TopP: b.TopP,
	}
	if b.Instructions != "" {
		r.Instructions = &b.Instructions
	}
	if r.Metadata == nil {
		r.Metadata = map[string]string{}
	}
	return r
}

func item(d *sluice.Decision, status string, text ...outputText) outputItem {
	if text == nil {
		text = []outputText{}
	}
	return outputItem{Type: "message", ID: "msg_" + d.ID, Status: status, Role: "assistant", Content: text}
}

// ended is the whole response.
func (b *responsesBody) ended(a *gateway.Answer) *response {
	status := "completed"
	if a.FinishReason == llm.FinishLength {
		status = "incomplete"
	}
	r := b.frame(&a.Decision, status)
	if status == "incomplete" {
		r.Incomplete = map[string]string{"reason": "max_output_tokens"}
	}
	r.Output = []outputItem{item(&a.Decision, status, textOf(a.Text))}
	u := &responseUsage{InputTokens: a.Usage.Prompt, OutputTokens: a.Usage.Output + a.Usage.Thoughts}
	u.InputDetails.CachedTokens, u.OutputDetails.ReasoningTokens = a.Usage.Cached, a.Usage.Thoughts
	u.TotalTokens = u.InputTokens + u.OutputTokens
	r.Usage, r.Sluice = u, explain(&a.Decision)
	return r
}

// namesOfResponses are those of parameters that chat completions call otherwise.
var namesOfResponses = map[string]string{"messages": "input", "max_tokens": "max_output_tokens", "reasoning_effort": "reasoning.effort"}

func failResponse(w http.ResponseWriter, f *gateway.Fault) { Fail(w, f.Named(namesOfResponses)) }

func (h handler) responses(w http.ResponseWriter, r *web.Request) *gateway.Fault {
	b := &responsesBody{}
	if fault := web.Decode(r.Body, b); fault != nil {
		return fault
	}
	a, fault := b.ask()
	if fault != nil {
		return fault
	}
	if fault := r.Knobs(a); fault != nil {
		return fault
	}
	if a.Stream {
		return h.responseStream(w, r, a, b)
	}
	return web.Whole(w, r, h.p, a, func(answer *gateway.Answer, _ []byte) any { return b.ended(answer) })
}

func (h handler) responseStream(w http.ResponseWriter, r *web.Request, a *gateway.Ask, b *responsesBody) *gateway.Fault {
	s := &responseStream{events: web.NewEvents(w), body: b}
	return web.Streamed(w, r, h.p, a, s, s.end, func(answer *gateway.Answer, fault *gateway.Fault) {
		web.Broken(w)
		s.fail(answer, fault)
	})
}

// fail ends a response that broke.
func (s *responseStream) fail(answer *gateway.Answer, fault *gateway.Fault) {
	d := &answer.Decision
	failed := s.body.frame(d, "failed")
	failed.Error = map[string]string{"code": kinds[fault.Kind][1], "message": fault.Error()}
	failed.Sluice = explain(d)
	_ = s.send("response.failed", event{Response: failed})
	s.events.End(d, "")
}

// end closes the item and the response.
func (s *responseStream) end(answer *gateway.Answer) {
	d := &answer.Decision
	text, end := textOf(answer.Text), s.body.ended(answer)
	zero := 0
	s.queue("response.output_text.done", event{ItemID: "msg_" + d.ID, OutputIndex: &zero, ContentIndex: &zero, Text: &text.Text})
	s.queue("response.content_part.done", event{ItemID: "msg_" + d.ID, OutputIndex: &zero, ContentIndex: &zero, Part: &text})
	s.queue("response.output_item.done", event{OutputIndex: &zero, Item: &end.Output[0]})
	s.queue("response."+end.Status, event{Response: end})
	s.events.End(d, "")
}

// event is one of a response's stream.
type event struct {
	Type         string      `json:"type"`
	Sequence     int         `json:"sequence_number"`
	Response     *response   `json:"response,omitempty"`
	OutputIndex  *int        `json:"output_index,omitempty"`
	Item         *outputItem `json:"item,omitempty"`
	ItemID       string      `json:"item_id,omitempty"`
	ContentIndex *int        `json:"content_index,omitempty"`
	Part         *outputText `json:"part,omitempty"`
	Delta        *string     `json:"delta,omitempty"`
	Text         *string     `json:"text,omitempty"`
}

type responseStream struct {
	events *web.Events
	body   *responsesBody
	d      *sluice.Decision
	n      int
}

func (s *responseStream) number(name string, e event) event {
	e.Type, e.Sequence = name, s.n
	s.n++
	return e
}

func (s *responseStream) send(name string, e event) error {
	return s.events.Send(name, s.number(name, e))
}

func (s *responseStream) queue(name string, e event) { _ = s.events.Queue(name, s.number(name, e)) } // structs of text

// Begin sends the head of the response and of its one item.
func (s *responseStream) Begin(d *sluice.Decision) error {
	s.d = d
	s.events.Begin(d)
	zero, part, it := 0, textOf(""), item(d, "in_progress")
	s.queue("response.created", event{Response: s.body.frame(d, "in_progress")})
	s.queue("response.in_progress", event{Response: s.body.frame(d, "in_progress")})
	s.queue("response.output_item.added", event{OutputIndex: &zero, Item: &it})
	s.queue("response.content_part.added", event{ItemID: "msg_" + d.ID, OutputIndex: &zero, ContentIndex: &zero, Part: &part})
	return nil
}

// Chunk sends a piece.
func (s *responseStream) Chunk(c llm.Chunk) error {
	if c.Text == "" {
		return nil
	}
	zero := 0
	return s.send("response.output_text.delta", event{ItemID: "msg_" + s.d.ID, OutputIndex: &zero, ContentIndex: &zero, Delta: &c.Text})
}
