package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sluice"
	"sluice/llm"
	"sluice/streams"
)

// Name is the stage's name in durables, the ledger, dead letters and configuration.
const Name = "judge"

// asks is how often a model is asked within one delivery before the message goes back: a reply that can't
// be read is mostly a slip that the next one mends.
const asks = 2

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

// Options say who judges.
type Options struct {
	Model string
	// Version names rubric and model together; a token of subjects.
	Version string
	// MaxOutputTokens bounds the reply, thinking included; 0 leaves it to the provider.
	MaxOutputTokens int
	// Temperature is the provider's default where nil.
	Temperature *float32
	// Shortcut grades an answer that equals an accepted answer as correct without asking; see shortcut.go.
	Shortcut bool
}

// Stage is the judge. It is safe for use by many goroutines.
type Stage struct {
	asker  Asker
	stored Stored
	opts   Options
}

// New makes the stage; it needs a model and a version.
func New(asker Asker, stored Stored, o Options) (*Stage, error) {
	if o.Model == "" {
		return nil, errors.New("judge: judge.model is empty")
	}
	if err := streams.ValidToken("judge.version", o.Version); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	return &Stage{asker: asker, stored: stored, opts: o}, nil
}

// Handle grades a message of ANSWERS.
func (s *Stage) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	var a sluice.Answer
	if err := streams.DecodeInto(in.Data, &a); err != nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("judge %s: %w", in.Subject, err))
	}
	if judged, err := s.judged(ctx, &a); judged || err != nil { // Invariant 5
		return nil, err
	}
	v, out, err := s.judge(ctx, &a)
	if err != nil {
		return out, fmt.Errorf("judge %s: %w", in.Subject, err)
	}
	fact, err := streams.GivenFact(v)
	if err != nil {
		return out, fmt.Errorf("judge %s: %w", in.Subject, err)
	}
	return append(out, fact), nil
}

// judge finds a verdict, and returns the ledger's lines of the calls that it took, whatever became of them.
func (s *Stage) judge(ctx context.Context, a *sluice.Answer) (v sluice.Verdict, out []streams.Message, err error) {
	v = sluice.Verdict{Query: a.Query, Pair: a.Pair, Arm: a.Arm, Basis: basisOf(a), JudgeVersion: s.opts.Version}
	if s.opts.Shortcut && equalsAccepted(a) {
		v.Grade, v.Reason, v.Shortcut = sluice.Correct, shortcutReason, true
		return v, nil, nil
	}
	req, err := s.request(a)
	if err != nil {
		return v, nil, err
	}
	purpose := llm.Purpose{Stage: Name, QueryKey: a.Query.Key, Tenant: a.Query.Tenant, Pair: a.Pair, Arm: a.Arm}
	out = make([]streams.Message, 0, 2)
	var unread error
	for range asks {
		reply, lines, err := s.asker.Call(ctx, purpose, req)
		var ledgerErr error
		out, ledgerErr = streams.AppendBilled(out, lines)
		if err = errors.Join(err, ledgerErr); err != nil {
			return v, out, err
		}
		if v.Grade, v.Reason, unread = ParseReply(reply.Text); unread == nil {
			v.CallID = reply.CallID
			return v, out, nil
		}
		unread = fmt.Errorf("%s gave a reply that is no verdict (finish reason %q): %w", s.opts.Model, reply.FinishReason, unread)
	}
	return v, out, sluice.WithReason(sluice.ReasonUnparseable, unread)
}

func basisOf(a *sluice.Answer) sluice.Basis {
	if len(a.GroundTruth) > 0 {
		return sluice.Reference
	}
	return sluice.ReferenceFree
}

// document is the user's turn: all that the judging model gets to know.
type document struct {
	Question string   `json:"question"`
	Accepted []string `json:"accepted_answers,omitempty"`
	Answer   string   `json:"answer"`
}

// request is a function of question, accepted answers and answer alone (Invariant 3).
func (s *Stage) request(a *sluice.Answer) (llm.Request, error) {
	var turn strings.Builder
	enc := json.NewEncoder(&turn)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(document{a.Query.Text, a.GroundTruth, a.Text}); err != nil {
		return llm.Request{}, fmt.Errorf("encode the request: %w", err)
	}
	rubric := withReference
	if basisOf(a) == sluice.ReferenceFree {
		rubric = withoutReference
	}
	return llm.Request{
		Model: s.opts.Model, System: rubric, Prompt: strings.TrimSpace(turn.String()), Schema: json.RawMessage(schema),
		MaxOutputTokens: s.opts.MaxOutputTokens, Temperature: s.opts.Temperature,
	}, nil
}
