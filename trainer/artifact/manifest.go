package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice"
	"sluice/routing"
	"sluice/wholefile"
)

// ManifestFile is the manifest's name in an artifact's directory.
const ManifestFile = "manifest.json"

// Kind says what the files of an artifact are.
type Kind string

// The kinds that [Open] knows.
const (
	Gemma    Kind = "gemma"    // model.safetensors, config.json, tokenizer.json
	Blend    Kind = "blend"    // those of gemma, and control.json
	Logistic Kind = "logistic" // control.json, as the two below
	KNN      Kind = "knn"
	KMeans   Kind = "kmeans"
)

// Manifest says what an artifact is and where it comes from.
type Manifest struct {
	Kind Kind `json:"kind"`
	// Version identifies files, policies, prompt and calibration together; [Seal] sets it.
	Version   string    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	// Policies are those that the router tells apart, in the order of its outputs.
	Policies []sluice.PolicySpec `json:"policies"`
	// PromptVersion names the form of the prompt; empty where the kind has none.
	PromptVersion string              `json:"prompt_version,omitempty"`
	Calibration   routing.Calibration `json:"calibration"`
	// Shares are how often each policy is right in training, in the order of the policies; only controls need them.
	Shares []float64 `json:"shares,omitempty"`
	// Metrics are what was measured, by name: "train_rows", "validation_nll", and the evaluation's.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// JobID is the training job that made it; Recipe and Seed are the job's.
	JobID  string `json:"job_id,omitempty"`
	Recipe string `json:"recipe,omitempty"`
	Seed   uint64 `json:"seed,omitempty"`
	// Pair is the pair of models that the labels are about.
	Pair   string `json:"pair,omitempty"`
	Medium string `json:"medium,omitempty"`
	Large  string `json:"large,omitempty"`
	// Files are the SHA-256 digests, in hex, of every other file of the directory; [Seal] sets them.
	Files map[string]string `json:"files"`
}

// ReadManifest reads the manifest of an artifact. It checks the manifest's own sense, not the files.
func ReadManifest(dir string) (Manifest, error) {
	data, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return Manifest{}, fmt.Errorf("artifact: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("artifact %s: %s: %w", dir, ManifestFile, err)
	}
	if err := m.validate(); err != nil {
		return Manifest{}, fmt.Errorf("artifact %s: %s: %w", dir, ManifestFile, err)
	}
	return m, nil
}

// WriteManifest replaces the manifest of an artifact in one step, such as to add metrics. It leaves Version
// and Files as they are: see [Seal].
func WriteManifest(dir string, m Manifest) error {
	if err := m.validate(); err != nil {
		return fmt.Errorf("artifact %s: %w", dir, err)
	}
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return fmt.Errorf("artifact %s: %w", dir, err)
	}
	if err := wholefile.Write(filepath.Join(dir, ManifestFile), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("artifact %s: %w", dir, err)
	}
	return nil
}

func (m Manifest) validate() error {
	var faults []error
	if m.Kind == "" {
		faults = append(faults, errors.New("kind is empty"))
	}
	if m.Version == "" {
		faults = append(faults, errors.New("version is empty: the artifact was never sealed"))
	}
	if len(m.Files) == 0 {
		faults = append(faults, errors.New("files are empty: the artifact was never sealed"))
	}
	seen := map[sluice.Policy]bool{}
	for _, p := range m.Policies {
		if p.Name == "" || seen[p.Name] {
			faults = append(faults, fmt.Errorf("policy %q is unnamed or named twice", p.Name))
		}
		seen[p.Name] = true
	}
	if !seen[sluice.Complex] || len(m.Policies) < 2 {
		faults = append(faults, fmt.Errorf("policies must be at least two, %s among them", sluice.Complex))
	}
	return errors.Join(append(faults, m.Calibration.Validate(len(m.Policies)))...)
}
