package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"sluice/gateway"
)

// Answerer answers; *gateway.Pipeline is one.
type Answerer interface {
	Answer(ctx context.Context, a *gateway.Ask, stream gateway.Stream) (*gateway.Answer, error)
}

// bodies hold replies while they are written.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// Whole answers a request in one piece: the decision in headers, and the body that a dialect makes of the answer:
// JSON that is written already, to which the bytes that it is given lend their room, or what is to be.
func Whole(w http.ResponseWriter, r *Request, p Answerer, a *gateway.Ask, body func(*gateway.Answer, []byte) any) *gateway.Fault {
	answer, err := p.Answer(r.Context(), a, nil)
	Describe(w.Header(), &answer.Decision)
	Price(w.Header(), &answer.Decision)
	if err != nil {
		return AsFault(err)
	}
	room := bodies.Get().(*[]byte)
	made := body(answer, (*room)[:0])
	data, ready := made.(json.RawMessage)
	if !ready {
		if data, err = json.Marshal(made); err != nil {
			return &gateway.Fault{Kind: gateway.Internal, Message: "the reply can't be written as JSON"}
		}
	}
	WriteJSON(w, data)
	if cap(data) <= 64<<10 {
		*room = data
		bodies.Put(room)
	}
	return nil
}

// Streamed answers a request in pieces, which s sends. Then either ended or broke has the last word; a fault that
// came before the first piece is returned, and told as that of a whole reply.
func Streamed(w http.ResponseWriter, r *Request, p Answerer, a *gateway.Ask, s gateway.Stream, ended func(*gateway.Answer), broke func(*gateway.Answer, *gateway.Fault)) *gateway.Fault {
	answer, err := p.Answer(r.Context(), a, s)
	fault := AsFault(err)
	switch {
	case fault != nil && !answer.Began:
		Describe(w.Header(), &answer.Decision)
		Price(w.Header(), &answer.Decision)
		return fault
	case fault != nil:
		broke(answer, fault)
	case answer.Began || s.Begin(&answer.Decision) == nil: // a reply of nothing begins here
		ended(answer)
	}
	return nil
}

// Model tells of one of the models that may be named, in a dialect's words.
func Model[T any](w http.ResponseWriter, r *Request, names []string, of func(name string) T) *gateway.Fault {
	name := r.PathValue("model")
	if !slices.Contains(names, name) {
		return gateway.UnknownModel(name, names)
	}
	body, _ := json.Marshal(of(name)) // strings alone
	WriteJSON(w, body)
	return nil
}
