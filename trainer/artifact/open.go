package artifact

import (
	"context"
	"fmt"

	"sluice/routing"
	"sluice/routing/scored"
)

// Open checks an artifact whole and makes a router of it. The directory may be removed afterwards. Whatever
// is wrong with it is an error; nothing is opened in part.
func Open(ctx context.Context, dir string) (routing.Router, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if err := m.Verify(dir); err != nil {
		return nil, err
	}
	switch m.Kind {
	case Gemma:
		r, err := openModel(ctx, dir, m)
		if err != nil {
			return nil, err
		}
		return r, nil
	case Blend:
		return openBlend(ctx, dir, m)
	case Logistic, KNN, KMeans:
		return openControl(dir, m)
	}
	return nil, fmt.Errorf("artifact %s: kind %q is unknown to this version of sluice", m.Version, m.Kind)
}

func openModel(ctx context.Context, dir string, m Manifest) (*scored.Router, error) {
	r, err := scored.Open(ctx, dir, scored.Spec{Version: m.Version, Policies: m.Policies, Calibration: m.Calibration})
	if err != nil {
		return nil, fmt.Errorf("artifact %s: %w", m.Version, err)
	}
	return r, nil
}
