package recipe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sluice/routing/scored"
	"sluice/trainer/artifact"
)

// seal writes the kept weights as an artifact, opens it once as a server would, and gives the directory its
// version's name. An artifact of that version that is there already is the same one, and stays.
func (r *run) seal(ctx context.Context) (string, error) {
	k := r.point.Kept
	if k == nil {
		return "", fmt.Errorf("train: no weights were kept: the run had no step")
	}
	r.report.Kept, r.report.BaseNLL, r.report.FinalNLL = k.Stage, r.point.BaseNLL, r.point.FinalNLL
	r.report.Parameters = r.start.model.Config.Parameters()
	if err := os.MkdirAll(r.options.Dir, 0o755); err != nil { //nolint:gosec // weights are no secret
		return "", fmt.Errorf("train: %w", err)
	}
	work, err := os.MkdirTemp(r.options.Dir, ".sealing-")
	if err != nil {
		return "", fmt.Errorf("train: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()     // gone already where all went well
	if err := os.Chmod(work, 0o755); err != nil { //nolint:gosec // weights are no secret
		return "", fmt.Errorf("train: %w", err)
	}
	m := r.start.model
	m.Weights = k.weights
	if err := scored.Write(work, &m, r.start.prompt); err != nil {
		return "", fmt.Errorf("train: %w", err)
	}
	sealed, err := r.blend(ctx, work, &m)
	if err != nil {
		return "", err
	}
	manifest, err := artifact.Seal(work, sealed)
	if err != nil {
		return "", err
	}
	if _, err := artifact.Open(ctx, work); err != nil {
		return "", fmt.Errorf("train: the new artifact does not open: %w", err)
	}
	r.report.Version = manifest.Version
	dir := filepath.Join(r.options.Dir, manifest.Version)
	if _, err := artifact.ReadManifest(dir); err == nil {
		return dir, nil
	}
	return dir, os.Rename(work, dir)
}

func (r *run) manifest() artifact.Manifest {
	o, rep := r.options, r.report
	return artifact.Manifest{
		Kind: artifact.Gemma, CreatedAt: o.Now().UTC(), Policies: o.Policies, PromptVersion: r.start.prompt.Version,
		Calibration: r.point.Kept.Calibration, JobID: o.JobID, Recipe: o.recipe(), Seed: o.Seed,
		Pair: o.Pair, Medium: o.Medium, Large: o.Large,
		Metrics: map[string]float64{
			"train_rows": float64(rep.Rows), "validation_rows": float64(rep.Validation), "prior_nll": rep.PriorNLL,
			"base_nll": rep.BaseNLL, "final_nll": rep.FinalNLL, "parameters": float64(rep.Parameters),
			"train_seconds": rep.Seconds, "masked_rows": float64(r.set.Masked()),
		},
	}
}
