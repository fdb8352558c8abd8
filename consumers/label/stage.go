package label

import (
	"context"
	"errors"
	"fmt"

	"sluice"
	"sluice/streams"
)

// Name is the stage's name in durables, dead letters and configuration; Version names what the join
// means, and is part of every label's id.
const (
	Name    = "label"
	Version = "v1"
)

// Verdicts reads the VERDICTS stream; streams.Latest does.
type Verdicts interface {
	// GetAsOf finds the message of each subject; a subject without one is absent from the map. The answer
	// has seen the sentinel at its sequence, or is an error that sluice.ClassOf calls stale.
	GetAsOf(ctx context.Context, stream string, subjects []string, sentinel string, sequence uint64) (map[string]streams.Stored, error)
}

// Options say how labels are drawn.
type Options struct {
	// Key tells which tier an arm is. It must be the answer stage's.
	Key sluice.ArmKey
	// Matrix draws the policy.
	Matrix sluice.Matrix
}

// Stage is the label join. It is safe for use by many goroutines.
type Stage struct {
	verdicts Verdicts
	opts     Options
}

// New makes the stage; it needs a matrix.
func New(v Verdicts, o Options) (*Stage, error) {
	if o.Matrix.Version() == "" {
		return nil, errors.New("label: no oracle matrix")
	}
	return &Stage{verdicts: v, opts: o}, nil
}

// HandleBatch joins messages of VERDICTS.
func (s *Stage) HandleBatch(ctx context.Context, in []streams.Message) []streams.Result {
	results := make([]streams.Result, len(in))
	b := newBatch(len(in))
	for i, m := range in {
		g, err := s.read(m)
		if err != nil {
			results[i].Err = err
			continue
		}
		b.add(i, g)
	}
	err := b.meet(ctx, s.verdicts)
	for _, i := range b.order {
		mine := b.given[i]
		other, found := b.stored[mine.other]
		switch {
		case found:
			results[i].Out, results[i].Err = s.join(mine, other)
		case err != nil:
			results[i].Err = fmt.Errorf("label %s: %w", mine.verdict.Query.Key, err)
		}
		// Not found: this is the earlier verdict, and the later one will find it.
	}
	return results
}

// read decodes one verdict and finds its place.
func (s *Stage) read(m streams.Message) (given, error) {
	v, err := streams.Decode[sluice.Verdict](m.Data)
	if err != nil {
		return given{}, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("label %s: %w", m.Subject, err))
	}
	if !s.opts.Key.Owns(v.Pair) {
		return given{}, sluice.Terminalf(sluice.ReasonInvalidField, "label %s: the arms of pair %s were named by another secret than this "+
			"process holds: with it the models would be taken for each other; judge the query again, or bring the old secret back", v.Query.Key, v.Pair)
	}
	subject := func(arm sluice.Arm) string { return streams.GivenSubject(v.JudgeVersion, v.Pair, v.Query.Key, arm) }
	return given{verdict: v, data: m.Data, sequence: m.Sequence, own: subject(v.Arm), other: subject(v.Arm.Other())}, nil
}

// join makes the label of two verdicts, if mine is the later one (rule 1).
func (s *Stage) join(mine given, other streams.Stored) ([]streams.Message, error) {
	if other.Sequence >= mine.sequence {
		return nil, nil
	}
	earlier, err := streams.Decode[sluice.Verdict](other.Data)
	if err != nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("label %s: the other verdict: %w", mine.verdict.Query.Key, err))
	}
	l, err := s.draw(mine.verdict, earlier)
	if err != nil {
		return nil, sluice.Poison(sluice.ReasonInvalidField, fmt.Errorf("label %s: %w", mine.verdict.Query.Key, err))
	}
	out, err := streams.DrawnFact(l)
	if err != nil {
		return nil, fmt.Errorf("label %s: %w", mine.verdict.Query.Key, err)
	}
	return []streams.Message{out}, nil
}

// draw finds the cell of the two grades.
func (s *Stage) draw(later, earlier sluice.Verdict) (sluice.Label, error) {
	grades := map[sluice.Tier]sluice.Grade{}
	for _, v := range []sluice.Verdict{later, earlier} {
		grades[s.opts.Key.Tier(v.Query.Key, v.Arm)] = v.Grade
	}
	cell, err := s.opts.Matrix.Cell(grades[sluice.Medium], grades[sluice.Large])
	if err != nil {
		return sluice.Label{}, err
	}
	q := later.Query
	if earlier.Query.Split == sluice.Test {
		q.Split = sluice.Test // asked twice, once as a test: nobody may learn from it (Invariant 4)
	}
	basis := sluice.ReferenceFree
	if later.Basis == sluice.Reference && earlier.Basis == sluice.Reference {
		basis = sluice.Reference
	}
	return sluice.Label{
		ID:    sluice.LabelID(q.Key, later.Pair, later.JudgeVersion, Version, s.opts.Matrix.Version()),
		Query: q, Pair: later.Pair, Policy: cell.Policy, Basis: basis,
		JudgeVersion: later.JudgeVersion, LabelVersion: Version, MatrixVersion: s.opts.Matrix.Version(),
	}, nil
}
