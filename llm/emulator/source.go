package emulator

import (
	"errors"

	"sluice"
)

// ErrUnknownModel is a source's word for a model that it knows nothing of; the client gets a 404.
var ErrUnknownModel = errors.New("unknown model")

// Source says what models say. It is safe for use by many goroutines, and the same questions always get
// the same replies. An error reaches the client as a 400, or a 404 where it wraps [ErrUnknownModel].
type Source interface {
	// Name is "recorded" or "synthetic".
	Name() string
	// Models lists the models that it knows by name, sorted.
	Models() []string
	// Answer is the model's answer to the question.
	Answer(model, question string) (string, error)
	// Verdict grades an answer. accepted is empty where the judge has no reference.
	Verdict(question string, accepted []string, answer string) (Judgement, error)
}

// Judgement is a judge's reply.
type Judgement struct {
	Grade  sluice.Grade `json:"verdict"`
	Reason string       `json:"reason"`
}
