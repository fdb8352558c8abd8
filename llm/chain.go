package llm

import (
	"context"
	"errors"
	"time"

	"sluice"
)

// ChainOptions say whom to ask, in what order and for how long.
type ChainOptions struct {
	// Models are asked in this order: the chosen one, then those that stand in for it. A model that cannot
	// do what the request asks for is left out.
	Models []string
	// Deadline bounds the whole chain, waiting in queues and pauses included. Zero: only ctx does.
	Deadline time.Time
	// MaxAttempts bounds the attempts of the whole chain, hedges included; 0 is 4.
	MaxAttempts int
	// HedgeAfter, where above 0, starts the next model if the one that was asked has not sent its first
	// chunk by then (or, without a sink, its reply). The first to speak wins; the other is cancelled, billed
	// and recorded.
	HedgeAfter time.Duration
	// FirstToken bounds the wait for a stream's first chunk; 0 is the model's timeout. Idle bounds the wait
	// for every later one; 0 is 30 seconds.
	FirstToken time.Duration
	Idle       time.Duration
	// MaxQueued bounds the requests that wait for a slot of one model, all tenants together; 0 is four
	// times its slots. When it is full, the tenant with the most waiting loses its latest.
	MaxQueued int
	// Purpose goes to the ledger; its tenant is whose turn it is in the queue.
	Purpose Purpose
	// Tiers are the models' roles, for the ledger, by model; missing ones have Purpose's.
	Tiers map[string]sluice.Tier
}

// Hooks are told of every attempt. Both may be nil. With hedging they are called by two goroutines at
// once.
type Hooks struct {
	// Begin is called before an attempt, once it has its slot, with a line whose Cost is the most that the
	// attempt can cost: the place to reserve a budget and to write down the intent. An error stops the
	// attempt and the chain, which returns it; made by [TryModel] or [TryNext] it sends the chain on.
	Begin func(ctx context.Context, intent sluice.Call) error
	// End is called after every attempt whose Begin returned nil, exactly once, with its priced line. ctx
	// is not cancelled when the client leaves.
	End func(ctx context.Context, line sluice.Call)
}

// ChainResult is what came of a conversation; with an error, what is known of it.
type ChainResult struct {
	// Model is the one that answered, or was asked last; CallID names its line.
	Model  string
	CallID string
	// Asked lists the models that were asked, in order, each once.
	Asked []string
	// Text and ToolCalls are the reply; with an error, what had come of it.
	Text         string
	ToolCalls    []ToolCall
	FinishReason FinishReason
	// Usage is that of the attempt that answered.
	Usage sluice.Usage
	// Lines are those of all attempts, in the order in which they ended.
	Lines []sluice.Call
	// FirstToken is the time from the beginning of Chat to the first chunk that reached the sink; 0
	// where none did.
	FirstToken time.Duration
	// Delivered is true where a chunk reached the sink: the reply cannot be had elsewhere any more.
	Delivered bool
}

// redirect is an error of Begin that sends the chain on.
type redirect struct {
	model string
	err   error
}

func (r *redirect) Error() string { return r.err.Error() }
func (r *redirect) Unwrap() error { return r.err }

// TryNext makes an error of [Hooks.Begin] that passes over the model. Where it was the last one, the
// chain returns err.
func TryNext(err error) error { return &redirect{err: err} }

// TryModel makes an error of [Hooks.Begin] that has the named model asked next, whether or not it is in
// the chain: a budget's downgrade.
func TryModel(model string, err error) error { return &redirect{model: model, err: err} }

// Chat asks the models of the chain for the next turn of a conversation, trying again and elsewhere
// within one deadline and one budget of attempts. Without a sink the reply is not streamed.
//
// What failed before the first chunk reached the sink is tried again: at another model if there is one.
// A stream that breaks later is an error, and the result holds what was sent. An error of the sink, or
// the end of ctx, cancels the attempt, which is billed all the same.
//
// The error is one of
//   - *UnsupportedError: no model of the chain can do what the request asks for; nobody was asked.
//   - [sluice.ClassTerminal], with *Error: refused (400) or blocked; with [sluice.ReasonTooLarge]: too
//     large, nobody was asked.
//   - [sluice.ClassWait], with *Error: rate limited, or key or model name refused; or with [ErrBusy],
//     [ErrOpen] or [ErrSpent]: nobody was asked. [sluice.DelayOf] says when to come back.
//   - what Begin returned;
//   - otherwise with *Error: the last attempt's failure, or ctx's error.
func (c *Caller) Chat(ctx context.Context, o ChainOptions, req ChatRequest, hooks Hooks, sink func(Chunk) error) (ChainResult, error) {
	return ChainResult{}, errors.New("chat: not built yet")
}
