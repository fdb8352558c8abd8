package llm

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

// Hooks are told of every attempt. Both may be nil. With hedging they may be called by two goroutines at
// once, and, like the sink, from a goroutine other than the caller's; where one panics, so does the caller's.
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

// TryNext makes an error of [Hooks.Begin] that leaves the model out. Where no other is left, the chain
// returns err.
func TryNext(err error) error { return &redirect{err: err} }

// TryModel makes an error of [Hooks.Begin] that has the named model asked in place of this one, whether or
// not it is in the chain: a budget's downgrade.
func TryModel(model string, err error) error { return &redirect{model: model, err: err} }

// Chat asks the models of the chain for the next turn of a conversation, trying again and elsewhere
// within one deadline and one budget of attempts. Without a sink the reply is not streamed.
//
// What failed before the first chunk reached the sink is tried again. A broken or timed out attempt goes
// on to the next model at once; a server that is overloaded or limits us is asked once more after a pause
// (its RetryInfo or Retry-After, or jittered exponential backoff), if it does not ask for a longer one
// than a second while there is another model. A model is left out where its key or name is refused, its
// circuit breaker is open or its queue is full. A request that was refused (400) or blocked is not taken
// elsewhere. A stream that breaks later is an error, and the result holds what was sent. An error of the sink, or
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
	if err := req.check(); err != nil {
		return ChainResult{}, fmt.Errorf("chat: %w", err)
	}
	candidates, err := c.candidates(o.Models, req)
	if err != nil {
		return ChainResult{}, fmt.Errorf("chat: %w", err)
	}
	if sooner, ok := ctx.Deadline(); !o.Deadline.IsZero() && (!ok || o.Deadline.Before(sooner)) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.Deadline)
		defer cancel()
	}
	r := runs.Get().(*run)
	r.c, r.o, r.req, r.hooks, r.models, r.began = c, o.withDefaults(), req, hooks, candidates, time.Now()
	r.gate.sink = sink
	err = r.chain(ctx)
	if err != nil {
		err = fmt.Errorf("chat: %s: %w", r.result.Model, err)
	}
	result := r.finish()
	*r = run{} // after a panic it is not used again
	runs.Put(r)
	return result, err
}

// runs are used again: a run is a kilobyte, and nobody keeps one when its conversation's turn has ended.
var runs = sync.Pool{New: func() any { return new(run) }}

const (
	defaultChainAttempts = 4
	defaultIdle          = 30 * time.Second
)

func (o ChainOptions) withDefaults() ChainOptions {
	if o.MaxAttempts == 0 {
		o.MaxAttempts = defaultChainAttempts
	}
	if o.Idle == 0 {
		o.Idle = defaultIdle
	}
	return o
}

// candidate is a model of a chain, and the most tokens that it may be asked for and may take.
type candidate struct {
	m    *model
	chat Chatter
	most bounds
}

// asked is the conversation as the candidate is asked for its next turn.
func (d candidate) asked(req ChatRequest) ChatRequest {
	req.Model, req.MaxOutputTokens = d.m.cfg.Model, int(d.most.output)
	return req
}

// candidates are the models that can do what is asked. Where none can, the error is the first's.
func (c *Caller) candidates(models []string, req ChatRequest) ([]candidate, error) {
	out := make([]candidate, 0, len(models))
	first := errNobody
	for i, name := range models {
		d, err := c.candidate(name, req)
		if err == nil {
			out = append(out, d)
		} else if i == 0 {
			first = err
		}
	}
	if len(out) == 0 {
		return nil, first
	}
	return out, nil
}

var errNobody = errors.New("no model is named")

func (c *Caller) candidate(name string, req ChatRequest) (candidate, error) {
	m := c.models[name]
	if m == nil {
		return candidate{}, unsupported("model", "%q is not configured; add it to models", name)
	}
	chat, ok := m.provider.(Chatter)
	if !ok {
		return candidate{}, unsupported("model", "%s (%s) holds no conversations", name, m.provider.Name())
	}
	req.Model = name
	if limit := m.cfg.MaxOutputTokens; limit > 0 && (req.MaxOutputTokens <= 0 || req.MaxOutputTokens > limit) {
		req.MaxOutputTokens = limit
	}
	if req.MaxOutputTokens <= 0 {
		req.MaxOutputTokens = DefaultMaxOutputTokens
	}
	if err := chat.Supports(req); err != nil {
		return candidate{}, fmt.Errorf("%s: %w", name, err)
	}
	if size := req.bytes(); size > int64(m.cfg.MaxInputBytes) {
		return candidate{}, sluice.Terminalf(sluice.ReasonTooLarge, "%s: the request has %d bytes, at most %d are sent (max_input_bytes)",
			name, size, m.cfg.MaxInputBytes)
	}
	return candidate{m, chat, bounds{req.boundTokens(), int64(req.MaxOutputTokens)}}, nil
}
