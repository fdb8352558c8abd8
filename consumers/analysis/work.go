package analysis

import (
	"context"
	"fmt"

	"sluice"
	"sluice/streams"
)

// Work names the description that a label has the stage buy: the same for all labels of a query.
func (s *Stage) Work(in streams.Message) string {
	var label sluice.Label
	if streams.DecodeInto(in.Data, &label) != nil {
		return ""
	}
	return streams.AnalyzedSubject(s.opts.Version, &label.Query)
}

// Bought says whether the log holds it.
func (s *Stage) Bought(ctx context.Context, in streams.Message) (bool, error) {
	var label sluice.Label
	if err := streams.DecodeInto(in.Data, &label); err != nil {
		return false, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("analyse %s: %w", in.Subject, err))
	}
	described, err := s.described(ctx, &label.Query)
	if err != nil {
		return false, fmt.Errorf("analyse %s: %w", label.Query.Key, err)
	}
	return described != nil, nil
}
