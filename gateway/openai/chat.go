package openai

import (
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
		{Pattern: "POST /v1/responses", Scope: keys.ScopeChat, Handle: h.responses, Fail: Fail},
		{Pattern: "GET /v1/models", Scope: keys.ScopeChat, Handle: h.models, Fail: Fail},
		{Pattern: "GET /v1/models/{model}", Scope: keys.ScopeChat, Handle: h.model, Fail: Fail},
	}
}

type handler struct{ p Pipeline }

func (h handler) chat(w http.ResponseWriter, r *web.Request) *gateway.Fault {
	a, includeUsage, fault := askOf(r.Body)
	if fault != nil {
		return fault
	}
	if fault := r.Knobs(a); fault != nil {
		return fault
	}
	if a.Stream {
		return h.chatStream(w, r, a, includeUsage)
	}
	return web.Whole(w, r, h.p, a, func(answer *gateway.Answer, room []byte) any { return whole(answer, room) })
}

// chatBodies are used again: nothing of one is in the ask that it becomes, but what was made for it alone.
var chatBodies = sync.Pool{New: func() any { return new(chatBody) }}

// askOf reads the body of a chat completion.
func askOf(body []byte) (a *gateway.Ask, includeUsage bool, _ *gateway.Fault) {
	b := chatBodies.Get().(*chatBody)
	defer b.put()
	if fault := web.Decode(body, b); fault != nil {
		return nil, false, fault
	}
	a, fault := b.ask()
	return a, b.StreamOptions != nil && b.StreamOptions.IncludeUsage, fault
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
	s := &chatStream{events: web.NewEvents(w)}
	return web.Streamed(w, r, h.p, a, s, func(answer *gateway.Answer) { s.end(answer, includeUsage) }, func(answer *gateway.Answer, fault *gateway.Fault) {
		s.events.Fail(&answer.Decision, problemOf(fault))
	})
}

// end says how the reply ended, and what it used.
func (s *chatStream) end(answer *gateway.Answer, includeUsage bool) {
	last := head(&answer.Decision)
	last.Choices = []choice{{Delta: &delta{}, Finish: finishOf(answer)}}
	if includeUsage {
		_ = s.events.Send("", last)
		last = head(&answer.Decision)
		last.Choices, last.Usage = []choice{}, usageOf(answer.Usage)
	}
	last.Sluice = explain(&answer.Decision)
	_ = s.events.Send("", last)
	s.events.End(&answer.Decision, "[DONE]")
}

// chatStream writes chunks as server-sent events.
type chatStream struct {
	events *web.Events
	d      *sluice.Decision
}

// Begin sends the head and the role.
func (s *chatStream) Begin(d *sluice.Decision) error {
	s.d = d
	s.events.Begin(d)
	empty := ""
	c := head(d)
	c.Choices = []choice{{Delta: &delta{Role: "assistant", Content: &empty}}}
	return s.events.Queue("", c)
}

// Chunk sends a piece.
func (s *chatStream) Chunk(c llm.Chunk) error {
	out := head(s.d)
	piece := &delta{ToolCalls: deltasOf(c.ToolCalls)}
	if c.Text != "" {
		piece.Content = &c.Text
	}
	out.Choices = []choice{{Delta: piece}}
	return s.events.Send("", out)
}
