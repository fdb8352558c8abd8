package label

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/streams"
)

// Name is the stage's name in durables, dead letters and configuration.
const Name = "label"

// Version is the version of the join itself; it is a part of every label's id.
const Version = "l1"

// otherKey is how long a verdict waits that was named by another arm key: until an operator gives all
// copies the same.
const otherKey = time.Minute

// Verdicts looks into the log; streams.Latest does.
type Verdicts interface {
	// GetAsOf finds the message of each subject, as a replica that holds the sentinel at its sequence
	// knows it; otherwise its error is of sluice.ClassStale. A subject without a message is absent.
	GetAsOf(ctx context.Context, stream string, subjects []string, sentinel string, sequence uint64) (map[string]streams.Stored, error)
}

// Stage is the label stage. It is safe for use by many goroutines.
type Stage struct {
	verdicts Verdicts
	key      sluice.ArmKey
	matrix   sluice.Matrix
}

// New makes the stage. The key is the answer stage's: it tells which model an arm is.
func New(verdicts Verdicts, key sluice.ArmKey, matrix sluice.Matrix) (*Stage, error) {
	if matrix.Version() == "" {
		return nil, errors.New("label: the oracle matrix has no cells: use sluice.DefaultMatrix or sluice.NewMatrix")
	}
	return &Stage{verdicts: verdicts, key: key, matrix: matrix}, nil
}

// given is a verdict and its place in the log.
type given struct {
	sluice.Verdict
	subject  string
	sequence uint64
	// other is the subject of the query's other verdict.
	other string
}

// HandleBatch labels the queries whose second verdict is in the batch. A verdict that came first, and
// one whose partner was stored later, gives nothing: the partner's own delivery makes the label.
func (s *Stage) HandleBatch(ctx context.Context, in []streams.Message) []streams.Result {
	results := make([]streams.Result, len(in))
	verdicts := make([]given, len(in))
	batch := make(map[string]*given, len(in))
	for i := range in {
		v := &verdicts[i]
		if err := s.read(&in[i], v); err != nil {
			results[i].Err = err
			continue
		}
		batch[v.subject] = v
	}
	partners, err := s.partners(ctx, batch)
	for i := range verdicts {
		if results[i].Err != nil {
			continue
		}
		v := &verdicts[i]
		partner := batch[v.other]
		if partner == nil {
			if err != nil {
				results[i].Err = fmt.Errorf("label %s: %w", v.Query.Key, err)
				continue
			}
			partner = partners[v.other]
		}
		if partner != nil && partner.sequence < v.sequence { // one emitter: the later of the two
			results[i] = s.join(v, partner)
		}
	}
	return results
}

// read decodes a verdict and checks that its arms can be told.
func (s *Stage) read(m *streams.Message, g *given) error {
	if err := streams.DecodeInto(m.Data, &g.Verdict); err != nil {
		return sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("label %s: %w", m.Subject, err))
	}
	g.subject, g.sequence = m.Subject, m.Sequence
	if err := g.check(); err != nil {
		return sluice.Poison(sluice.ReasonInvalidField, fmt.Errorf("label %s: %w", m.Subject, err))
	}
	if !s.key.Owns(g.Pair) {
		return sluice.RetryAfter(fmt.Errorf("label %s: the arms of pair %s were named by another arm key: give this copy the key of the answer stage",
			g.Query.Key, g.Pair), otherKey)
	}
	g.other = streams.GivenSubject(g.JudgeVersion, g.Pair, &g.Query, g.Arm.Other())
	return nil
}

// check compares a verdict with the place where it was found.
func (g *given) check() error {
	if g.Arm != sluice.ArmA && g.Arm != sluice.ArmB {
		return fmt.Errorf("arm %q: want a or b", g.Arm)
	}
	if _, err := sluice.ParseGrade(string(g.Grade)); err != nil {
		return err
	}
	for _, token := range []string{g.JudgeVersion, g.Pair, g.Query.Key} {
		if err := streams.ValidToken("verdict", token); err != nil {
			return err
		}
	}
	if want := streams.GivenSubject(g.JudgeVersion, g.Pair, &g.Query, g.Arm); want != g.subject {
		return fmt.Errorf("the verdict belongs to %s", want)
	}
	return nil
}

// partners reads the other verdict of each one whose partner is not in the batch, by one request. The
// batch's youngest message is the sentinel: a replica that has not got it can't know the partners of the
// others either.
func (s *Stage) partners(ctx context.Context, batch map[string]*given) (map[string]*given, error) {
	var wanted []string
	sentinel := &given{}
	for _, v := range batch {
		if _, there := batch[v.other]; !there {
			wanted = append(wanted, v.other)
		}
		if v.sequence > sentinel.sequence {
			sentinel = v
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	stored, err := s.verdicts.GetAsOf(ctx, streams.StreamVerdicts, wanted, sentinel.subject, sentinel.sequence)
	if err != nil {
		return nil, err
	}
	partners := make(map[string]*given, len(stored))
	for subject, m := range stored {
		if subject == sentinel.subject {
			continue
		}
		v := &given{subject: subject, sequence: m.Sequence}
		if err := streams.DecodeInto(m.Data, &v.Verdict); err != nil {
			return nil, fmt.Errorf("stored at %s: %w", subject, err)
		}
		partners[subject] = v
	}
	return partners, nil
}

// join makes the label of two verdicts.
func (s *Stage) join(a, b *given) streams.Result {
	medium, large := a, b
	if s.key.Tier(a.Query.Key, a.Arm) == sluice.Large {
		medium, large = b, a
	}
	cell, err := s.matrix.Cell(medium.Grade, large.Grade)
	if err != nil {
		return streams.Result{Err: sluice.Poison(sluice.ReasonInvalidField, fmt.Errorf("label %s: %w", a.Query.Key, err))}
	}
	basis := sluice.Reference
	if a.Basis != sluice.Reference || b.Basis != sluice.Reference {
		basis = sluice.ReferenceFree
	}
	q := a.Query
	if b.Query.Split == sluice.Test {
		q.Split = sluice.Test // asked twice, once as a test: nobody may learn from it (Invariant 4)
	}
	m, err := streams.DrawnFact(sluice.Label{
		ID:    sluice.LabelID(q.Key, a.Pair, a.JudgeVersion, Version, s.matrix.Version()),
		Query: q, Pair: a.Pair, Policy: cell.Policy, Basis: basis,
		JudgeVersion: a.JudgeVersion, LabelVersion: Version, MatrixVersion: s.matrix.Version(),
	})
	if err != nil {
		return streams.Result{Err: fmt.Errorf("label %s: %w", a.Query.Key, err)}
	}
	return streams.Result{Out: []streams.Message{m}}
}
