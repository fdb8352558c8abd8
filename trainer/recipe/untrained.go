package recipe

import (
	"context"
	"fmt"

	"sluice/routing"
	"sluice/routing/scored"
	"sluice/trainer/artifact"
	"sluice/trainer/dataset"
)

// Untrained is the router that a recipe begins with: of the size and speed of the trained one, for
// measurements. Its version is "untrained".
func Untrained(ctx context.Context, set dataset.Set, o Options) (*artifact.Blended, error) {
	o.Dir = "." // nothing is written
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	model, err := untrained(ctx, set.Rows(), o)
	if err != nil {
		return nil, fmt.Errorf("untrained router: %w", err)
	}
	l, err := grams(set.Rows(), o.Seed)
	if err != nil {
		return nil, fmt.Errorf("untrained router: %w", err)
	}
	return artifact.NewBlend(model, l, o.Policies), nil
}

// untrained is the model of it.
func untrained(ctx context.Context, rows []dataset.Row, o Options) (*scored.Router, error) {
	s, err := begin(ctx, rows, o)
	if err != nil {
		return nil, err
	}
	return scored.New(ctx, &s.model, s.prompt, scored.Spec{
		Version: "untrained", Policies: o.Policies, Calibration: routing.Calibration{Temperature: 1},
	})
}
