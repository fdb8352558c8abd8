// Package llm calls language models: one small provider interface, one file a provider, and a Caller
// that adds what every call needs (limits, retries, a circuit breaker, prices, the ledger's lines).
//
// Two things are asked for. The offline stages want one reply to one prompt of one model: [Caller.Call].
// The gateway wants the next turn of a conversation, streamed or whole, of whichever model of a chain can
// give it: [Caller.Chat].
//
// Requests enter; replies and sluice.Call lines leave. The package never publishes a line itself and
// never logs a prompt, a reply or a key.
package llm

import (
	"context"
	"encoding/json"
	"time"

	"sluice"
)

// Request asks one model for one reply.
type Request struct {
	// Model is the provider's name for it: "gemini-2.5-flash".
	Model string
	// System is the system instruction, Prompt the user's turn.
	System string
	Prompt string
	// Schema, where set, is the JSON schema (with a "title") that the reply must follow.
	Schema json.RawMessage
	// MaxOutputTokens bounds the reply, thinking included; 0 leaves it to the provider.
	MaxOutputTokens int
	// Temperature is the provider's default where nil.
	Temperature *float32
}

// Response is a whole reply.
type Response struct {
	Text         string
	Usage        sluice.Usage
	FinishReason string
	// CallID names the ledger line of the attempt that succeeded; set by the Caller.
	CallID string
}

// Provider makes exactly one attempt at a request. Its errors are *Error; any other counts as
// [sluice.OutcomeBroken]. It is safe for use by many goroutines.
type Provider interface {
	// Name is "gemini" or "openai": what the ledger calls the provider.
	Name() string
	Generate(ctx context.Context, req Request) (Response, error)
}

// Error is why an attempt failed.
type Error struct {
	Outcome sluice.Outcome
	// Status is the HTTP status; 0 where none arrived.
	Status int
	// RetryAfter is how long the server asked us to wait (RetryInfo or Retry-After); 0 where it did not.
	RetryAfter time.Duration
	// Usage is what the provider said that it used before failing; nil where nothing arrived.
	Usage *sluice.Usage
	// Partial is true where Usage is a stream's count on the way: the provider may bill more.
	Partial bool
	// Sent is true where the request may have reached the provider, which may then bill it.
	Sent bool
	// Setup is true where the key or the model's name was refused: every request will fare the same until
	// an operator acts, so it is no fault of this one.
	Setup bool
	// Err says what happened, in words that hold no key, prompt or reply.
	Err error
}

// maxError bounds an error's words, in bytes: some are a server's own, and a line of the ledger holds them.
const maxError = 1 << 10

func (e *Error) Error() string { return sluice.CleanText(e.Err.Error(), maxError) }
func (e *Error) Unwrap() error { return e.Err }

// Purpose is what a call is for; it goes to the ledger, never to the model.
type Purpose struct {
	Stage    string
	QueryKey string
	Tenant   string
	Pair     string
	Arm      sluice.Arm
	Tier     sluice.Tier
}
