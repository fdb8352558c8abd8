package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sluice"
	"sluice/llm"
	"sluice/streams"
)

// Name is the stage's name in durables, the ledger, dead letters and configuration.
const Name = "analysis"

// Subject is all that is known of a query when it is described.
type Subject struct {
	Key, Text string
}

// Asker calls models; llm.Caller is one.
type Asker interface {
	// Call returns a line of the ledger for every attempt, whatever became of it. Its error carries the
	// class that the stage returns.
	Call(ctx context.Context, p llm.Purpose, req llm.Request) (llm.Response, []sluice.Call, error)
}

// Stored looks into the log; streams.Latest does.
type Stored interface {
	// Get finds the message of each subject; a subject without one is absent from the map.
	Get(ctx context.Context, stream string, subjects ...string) (map[string]streams.Stored, error)
}

// Options say who describes.
type Options struct {
	Model string
	// MaxOutputTokens bounds the reply, thinking included; 0 leaves it to the provider.
	MaxOutputTokens int
	// Version names prompt and model together: a query is described once per version.
	Version string
}

// Stage is the analysis stage. It is safe for use by many goroutines.
type Stage struct {
	asker  Asker
	stored Stored
	opts   Options
}

// New makes the stage; the model and a version that fits into a subject must be given.
func New(asker Asker, stored Stored, o Options) (*Stage, error) {
	if o.Model == "" {
		return nil, errors.New("analysis: no model")
	}
	if err := streams.ValidToken("analysis version", o.Version); err != nil {
		return nil, fmt.Errorf("analysis: %w", err)
	}
	return &Stage{asker: asker, stored: stored, opts: o}, nil
}

// Handle makes the example of a message of LABELS.
func (s *Stage) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	var label sluice.Label
	if err := streams.DecodeInto(in.Data, &label); err != nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("analyse %s: %w", in.Subject, err))
	}
	q := label.Query
	var out []streams.Message
	described, err := s.described(ctx, &q)
	if err == nil && described == nil {
		described, out, err = s.describe(ctx, &q)
	}
	if err != nil {
		return out, fmt.Errorf("analyse %s: %w", q.Key, err)
	}
	example, err := streams.ExampleFact(sluice.Example{
		ID: label.ID, Label: label, AnalysisVersion: described.AnalysisVersion, Analysis: described.Analysis,
	})
	if err != nil {
		return out, fmt.Errorf("analyse %s: %w", q.Key, err)
	}
	return append(out, example), nil
}

// described is the description that the log holds, if any (Invariant 5).
func (s *Stage) described(ctx context.Context, q *sluice.Query) (*sluice.Analyzed, error) {
	subject := streams.AnalyzedSubject(s.opts.Version, q)
	found, err := s.stored.Get(ctx, streams.StreamAnalyses, subject)
	if err != nil {
		return nil, err
	}
	stored, ok := found[subject]
	if !ok {
		return nil, nil //nolint:nilnil // not described yet is no error
	}
	a, err := streams.Decode[sluice.Analyzed](stored.Data)
	if err != nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("stored at %s: %w", subject, err))
	}
	return &a, nil
}

// describe buys the description: the ledger's lines whatever happens, and the fact where it succeeds.
// The tenant goes to the ledger alone.
func (s *Stage) describe(ctx context.Context, q *sluice.Query) (*sluice.Analyzed, []streams.Message, error) {
	req, err := s.request(Subject{Key: q.Key, Text: q.Text})
	if err != nil {
		return nil, nil, err
	}
	reply, calls, err := s.asker.Call(ctx, llm.Purpose{Stage: Name, QueryKey: q.Key, Tenant: q.Tenant}, req)
	out, ledgerErr := streams.AppendBilled(make([]streams.Message, 0, len(calls)+2), calls)
	if err = errors.Join(err, ledgerErr); err != nil {
		return nil, out, err
	}
	a, err := Parse(reply.Text)
	if err != nil {
		return nil, out, sluice.WithReason(sluice.ReasonUnparseable, fmt.Errorf("%s (finish reason %q): %w", s.opts.Model, reply.FinishReason, err))
	}
	fact := sluice.Analyzed{QueryKey: q.Key, QueryNumber: q.Number, AnalysisVersion: s.opts.Version, Analysis: a, CallID: reply.CallID}
	m, err := streams.AnalyzedFact(fact)
	if err != nil {
		return nil, out, err
	}
	return &fact, append(out, m), nil
}

// request is a function of the subject's text alone. The text travels as JSON, so that nothing in it
// can pass for an instruction.
func (s *Stage) request(subject Subject) (llm.Request, error) {
	prompt, err := json.Marshal(struct {
		Question string `json:"question"`
	}{subject.Text})
	if err != nil {
		return llm.Request{}, fmt.Errorf("request: %w", err)
	}
	return llm.Request{
		Model: s.opts.Model, System: instruction, Prompt: string(prompt), Schema: schema,
		MaxOutputTokens: s.opts.MaxOutputTokens,
	}, nil
}
