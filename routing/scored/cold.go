package scored

import "context"

// Cold is the same router without the cache of its prompt's constant part: what every decision would take if
// the whole prompt were new. It is for measurements.
func (r *Router) Cold(ctx context.Context) (*Router, error) {
	scorer, err := r.scorer.WithPrefix(ctx, nil)
	if err != nil {
		return nil, err
	}
	out := *r
	out.scorer = scorer
	return &out, nil
}
