package llm

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"sluice"
)

// assembly puts a reply together from its pieces and hands them on. It holds back finish reason and
// usage until the provider's stream has ended well, so that nobody takes a broken stream for a whole one.
type assembly struct {
	model  string
	stops  bool              // the request names texts that end the reply
	sink   func(Chunk) error // nil: nobody reads along
	text   strings.Builder
	calls  []ToolCall
	args   [][]byte    // of calls, while they are streamed
	held   int         // bytes of text and calls
	places map[int]int // of calls, by the index that they come under
	finish FinishReason
	said   string // finish in the provider's own word
	// blocked says why a reply with FinishBlocked is; broken is set for a finish that is a fault.
	blocked, broken string
	// bare is true where the provider answered without a candidate.
	bare  bool
	usage *sluice.Usage
	// settled is true where usage came with or after the finish reason: the provider bills no more.
	settled bool
}

func newAssembly(req *ChatRequest, sink func(Chunk) error) *assembly {
	return &assembly{model: req.Model, stops: len(req.Stop) > 0, sink: sink}
}

// addText hands on a piece of text.
func (a *assembly) addText(text string) error {
	if text == "" {
		return nil
	}
	if err := a.hold(len(text)); err != nil {
		return err
	}
	a.text.WriteString(text)
	return a.pass(Chunk{Text: text})
}

// hold makes room for so many bytes of the reply, up to maxReply of it.
func (a *assembly) hold(n int) error {
	if a.held += n; a.held > maxReply {
		return errLong
	}
	return nil
}

// maxToolCalls bounds the calls of one reply, so that a made-up index fills no memory.
const maxToolCalls = 1024

// addCall hands on a piece of a tool call.
func (a *assembly) addCall(d ToolCallDelta) error {
	if d.Index < 0 || d.Index >= maxToolCalls || len(a.calls) > maxToolCalls {
		return fmt.Errorf("tool call %d: want 0 to %d", d.Index, maxToolCalls-1)
	}
	if err := a.hold(len(d.ID) + len(d.Name) + len(d.Signature) + len(d.Arguments)); err != nil {
		return err
	}
	d.Index = a.place(d)
	c := &a.calls[d.Index]
	if d.ID != "" {
		c.ID = d.ID
	}
	if c.ID == "" {
		c.ID = "call_" + sluice.NewID()
		d.ID = c.ID
	}
	if c.Name == "" {
		c.Name = d.Name
	}
	if d.Signature != nil {
		c.Signature = d.Signature
	}
	a.args[d.Index] = append(a.args[d.Index], d.Arguments...)
	return a.pass(Chunk{ToolCalls: []ToolCallDelta{d}})
}

// place is where the call stands that a piece belongs to. Some servers number every call 0, or begin at 1: one that has
// another id and a name of its own is another call. An id alone tells nothing, since others draw one for each piece.
func (a *assembly) place(d ToolCallDelta) int {
	at, known := a.places[d.Index]
	if known && (d.Name == "" || a.calls[at].Name == "" || d.ID == "" || d.ID == a.calls[at].ID) {
		return at
	}
	if a.places == nil {
		a.places = map[int]int{}
	}
	a.places[d.Index] = len(a.calls)
	a.calls, a.args = append(a.calls, ToolCall{}), append(a.args, nil)
	return len(a.calls) - 1
}

// sinkError is an error of the sink: whoever read along is gone.
type sinkError struct{ err error }

func (e *sinkError) Error() string { return "the reader of the stream is gone: " + e.err.Error() }
func (e *sinkError) Unwrap() error { return e.err }

func (a *assembly) pass(c Chunk) error {
	if a.sink == nil {
		return nil
	}
	c.Model = a.model
	if err := a.sink(c); err != nil {
		return &sinkError{err}
	}
	return nil
}

// setUsage keeps what the provider told; later counts replace earlier ones.
func (a *assembly) setUsage(u sluice.Usage) {
	if u != (sluice.Usage{}) {
		a.usage = &u
		a.settled = a.finish != ""
	}
}

// reply is what has come so far.
func (a *assembly) reply() Reply {
	r := Reply{Text: a.text.String(), FinishReason: a.finish, said: a.said}
	if a.usage != nil {
		r.Usage = *a.usage
	}
	for i, c := range a.calls {
		c.Arguments = string(a.args[i])
		r.ToolCalls = append(r.ToolCalls, c)
	}
	return r
}

// fail is an *Error that tells the usage seen.
func (a *assembly) fail(outcome sluice.Outcome, words string) (Reply, error) {
	return a.failed(&Error{Outcome: outcome, Status: http.StatusOK, Sent: true, Err: errors.New(words)})
}

func (a *assembly) failed(e *Error) (Reply, error) {
	if a.usage != nil {
		e.Usage, e.Partial = a.usage, !a.settled
	}
	return a.reply(), e
}

// end is called once the provider's reply has ended without a fault of the connection.
func (a *assembly) end() (Reply, error) {
	empty := a.text.Len() == 0 && len(a.calls) == 0
	if empty && a.bare && a.finish == "" {
		a.finish, a.blocked, a.settled = FinishBlocked, "the reply has no candidate", a.usage != nil
	}
	switch {
	case a.finish == "":
		return a.fail(sluice.OutcomeBroken, "HTTP 200, but the reply ended without a finish reason: it was cut off or is not what the API promises")
	case a.finish == FinishBlocked:
		return a.fail(sluice.OutcomeBlocked, a.blocked)
	case a.broken != "":
		return a.fail(sluice.OutcomeBroken, a.broken)
	case empty && a.finish != FinishLength && !a.stops:
		return a.fail(sluice.OutcomeBroken, "the reply is empty")
	}
	if a.finish == FinishStop && len(a.calls) > 0 {
		a.finish = FinishToolCalls
	}
	if err := a.pass(Chunk{FinishReason: a.finish, Usage: a.usage}); err != nil {
		return a.failed(gone(err))
	}
	return a.reply(), nil
}

// gone is the *Error of a sink that wants no more.
func gone(err error) *Error {
	return &Error{Outcome: sluice.OutcomeCanceled, Status: http.StatusOK, Sent: true, Err: err}
}

// chatOf is a request of the offline stages as a conversation of one turn.
func chatOf(req Request) ChatRequest {
	return ChatRequest{
		Model: req.Model, System: req.System, Messages: []Message{{Role: User, Text: req.Prompt}},
		Schema: req.Schema, MaxOutputTokens: req.MaxOutputTokens, Temperature: req.Temperature,
	}
}

// responseOf is a whole reply to such a request. One without a word is of no use to a stage.
func responseOf(r Reply, err error) (Response, error) {
	if err != nil {
		return Response{}, err
	}
	if r.Text == "" {
		e := &Error{Outcome: sluice.OutcomeBlocked, Status: http.StatusOK, Sent: true, Err: errors.New(
			"the output limit was reached before the first word (thinking counts): raise max_output_tokens")}
		if r.Usage != (sluice.Usage{}) {
			e.Usage = &r.Usage
		}
		return Response{}, e
	}
	return Response{Text: r.Text, Usage: r.Usage, FinishReason: r.said}, nil
}
