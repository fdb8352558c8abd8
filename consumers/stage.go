// Package consumers runs stages. The runner here is the only code that fetches, decodes envelopes,
// heartbeats, publishes, acknowledges, retries and dead-letters; a stage (one folder each: intake,
// answer, judge, label, analysis, record) turns messages into messages and does none of that.
package consumers

import (
	"context"
	"time"

	"sluice/streams"
)

// Handler turns one message into zero or more. It never publishes, acknowledges or sleeps; the same
// input gives outputs with the same ids. It may return outputs and an error: the outputs are stored,
// then the error decides the message's fate (see sluice.Class).
type Handler interface {
	Handle(ctx context.Context, in streams.Message) ([]streams.Message, error)
}

// BatchHandler is for stages that are cheaper by the batch: it returns one result for each message, in
// the same order. The slice of messages is the runner's again once it has returned; what they hold is not.
type BatchHandler interface {
	HandleBatch(ctx context.Context, in []streams.Message) []streams.Result
}

// Input is one durable consumer that a stage reads.
type Input struct {
	Stream string
	// Durable is the stage and its version ("judge-v1"), with a suffix where a stage has several inputs.
	Durable string
	// Filters are the subjects read; empty means the whole stream.
	Filters []string
}

// Stage is a handler and how to run it. Exactly one of Handler and Batch is set.
type Stage struct {
	// Name and Version make the durables, the subjects of retries and of dead letters.
	Name    string
	Version string
	// Inputs are read in this order of preference: a later one only when the earlier ones are empty. The
	// runner adds the stage's share of RETRIES by itself.
	Inputs  []Input
	Handler Handler
	Batch   BatchHandler
	// Concurrency is how many messages are handled at once (Handler), or the size of a batch (Batch).
	Concurrency int
	// Linger is how long a batch that is not full waits for more when the input is empty (Batch only); zero:
	// not at all. It is for stages to which a batch costs much and haste means little.
	Linger time.Duration
	// Deadline bounds one Handle or HandleBatch.
	Deadline time.Duration
	// Terms say, in words for people, what of the configuration all copies of the stage should agree in, since they
	// share its messages; empty: nothing.
	Terms string
	// SharedWork is true where several messages may have the stage buy one thing (a [Buyer]), as labels of one query do:
	// those that this copy has in hand at one time are kept apart.
	SharedWork bool
	// Attempts is how many failures a message may have before it is dead.
	Attempts int
}
