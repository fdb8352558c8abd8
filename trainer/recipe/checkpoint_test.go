package recipe

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sluice/wholefile"
)

// TestACheckpointKeepsWhatItNames: a run that is killed again and again does not fill the disk.
func TestACheckpointKeepsWhatItNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"sft-1.safetensors", "sft-2.safetensors", "kept.safetensors", "checkpoint.json", wholefile.Unfinished + "X"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweep(dir, checkpoint{Trainer: "sft-2.safetensors", Weights: "kept.safetensors"}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if want := []string{"checkpoint.json", "kept.safetensors", "sft-2.safetensors"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left %v (%v), want %v", left, err, want)
	}
}
