package openai

import (
	"encoding/json"
	"net/http"
	"sync"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/gateway/web"
	"sluice/llm"
)

// Pipeline answers; *gateway.Pipeline is one.
type Pipeline interface {
	web.Answerer
	Names() []string
}

// Routes are the endpoints.
func Routes(p Pipeline) []web.Route {
	h := handler{p}
	return []web.Route{
		{Pattern: "POST /v1/chat/completions", Scope: keys.ScopeChat, Handle: h.chat, Fail: Fail},
		{Pattern: "POST /v1/responses", Scope: keys.ScopeChat, Handle: h.responses, Fail: failResponse},
		{Pattern: "GET /v1/models", Scope: keys.ScopeChat, Handle: h.models, Fail: Fail},
		{Pattern: "GET /v1/models/{model}", Scope: keys.ScopeChat, Handle: h.model, Fail: Fail},
	}
}

type handler struct{ p Pipeline }

func (h handler) chat(w http.ResponseWriter, r *web.Request) *gateway.Fault {
	b := chatBodies.Get().(*chatBody)
	a, fault := b.read(r.Body)
	if fault == nil {
		fault = r.Knobs(a)
	}
	switch {
	case fault != nil:
	case a.Stream:
		fault = h.chatStream(w, r, a, b.StreamOptions != nil && b.StreamOptions.IncludeUsage)
	default:
		fault = web.Whole(w, r, h.p, a, func(answer *gateway.Answer, room []byte) any { return whole(answer, room) })
	}
	b.put() // after a panic it is not used again
	return fault
}

// chatBodies are used again, with the asks that they become: nobody keeps one when it is answered.
var chatBodies = sync.Pool{New: func() any { return new(chatBody) }}

// read reads the body of a chat completion. The ask is b's own.
func (b *chatBody) read(body []byte) (*gateway.Ask, *gateway.Fault) {
	if !b.usual(string(body)) {
		*b = chatBody{Messages: b.Messages[:0]}
		if fault := web.Decode(body, b); fault != nil {
			return nil, fault
		}
	}
	return b.ask()
}

// put lets go of a body's memory, except for the room of a few messages.
func (b *chatBody) put() {
	room := b.Messages[:cap(b.Messages)]
	if cap(room) > 64 {
		room = nil
	}
	clear(room)
	*b = chatBody{Messages: room[:0]}
	chatBodies.Put(b)
}

func (h handler) chatStream(w http.ResponseWriter, r *web.Request, a *gateway.Ask, includeUsage bool) *gateway.Fault {
	s := &chatStream{events: web.NewEvents(w), usage: includeUsage}
	return web.Streamed(w, r, h.p, a, s, s.end, func(answer *gateway.Answer, fault *gateway.Fault) {
		s.events.Fail(&answer.Decision, problemOf(fault))
	})
}

// end says how the reply ended, and what it used.
func (s *chatStream) end(answer *gateway.Answer) {
	last := s.head(&answer.Decision)
	last.Choices = []choice{{Delta: &delta{}, Finish: finishOf(answer)}}
	if s.usage {
		_ = s.events.Send("", last)
		last = s.head(&answer.Decision)
		last.Choices = []choice{}
		last.Usage, _ = json.Marshal(usageOf(answer.Usage)) // numbers alone
	}
	last.Sluice = explain(&answer.Decision)
	_ = s.events.Send("", last)
	s.events.End(&answer.Decision, "[DONE]")
}

// chatStream writes chunks as server-sent events.
type chatStream struct {
	events *web.Events
	d      *sluice.Decision
	// usage says that the client asked what the reply used.
	usage bool
}

// head begins a chunk. Whoever asked for the usage finds it in the last one and null in all before, as OpenAI has it.
func (s *chatStream) head(d *sluice.Decision) *completion {
	c := &completion{ID: web.ChatPrefix + d.ID, Object: "chat.completion.chunk", Created: d.DecidedAt.Unix(), Model: d.Model}
	if s.usage {
		c.Usage = json.RawMessage("null")
	}
	return c
}

// Begin sends the head and the role.
func (s *chatStream) Begin(d *sluice.Decision) error {
	s.d = d
	s.events.Begin(d)
	empty := ""
	c := s.head(d)
	c.Choices = []choice{{Delta: &delta{Role: "assistant", Content: &empty}}}
	return s.events.Queue("", c)
}

// Chunk sends a piece.
func (s *chatStream) Chunk(c llm.Chunk) error {
	out := s.head(s.d)
	piece := &delta{ToolCalls: deltasOf(c.ToolCalls)}
	if c.Text != "" {
		piece.Content = &c.Text
	}
	out.Choices = []choice{{Delta: piece}}
	return s.events.Send("", out)
}
