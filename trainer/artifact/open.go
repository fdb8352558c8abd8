package artifact

import (
	"context"
	"fmt"

	"sluice/routing"
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
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("artifact %s: kind %q is unknown to this version of sluice", m.Version, m.Kind)
}
