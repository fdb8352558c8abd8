package judge

import (
	"context"
	"fmt"

	"sluice"
	"sluice/streams"
)

// Work names the verdict that an answer has the stage buy.
func (s *Stage) Work(in streams.Message) string {
	var a sluice.Answer
	if streams.DecodeInto(in.Data, &a) != nil {
		return ""
	}
	return s.given(&a)
}

// Bought says whether the log holds it.
func (s *Stage) Bought(ctx context.Context, in streams.Message) (bool, error) {
	var a sluice.Answer
	if err := streams.DecodeInto(in.Data, &a); err != nil {
		return false, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("judge %s: %w", in.Subject, err))
	}
	return s.judged(ctx, &a)
}

// given is the place of the verdict on an answer.
func (s *Stage) given(a *sluice.Answer) string {
	return streams.GivenSubject(s.opts.Version, a.Pair, &a.Query, a.Arm)
}

func (s *Stage) judged(ctx context.Context, a *sluice.Answer) (bool, error) {
	given := s.given(a)
	stored, err := s.stored.Get(ctx, streams.StreamVerdicts, given)
	if err != nil {
		return false, fmt.Errorf("judge %s: %w", given, err)
	}
	_, ok := stored[given]
	return ok, nil
}
