package scored

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"sluice/gemma"
	"sluice/routing"
)

// Write lays a model and its prompt down as a directory that [Open] reads.
func Write(dir string, m *gemma.Model, prompt routing.Prompt) error {
	if err := prompt.Validate(); err != nil {
		return err
	}
	if err := m.Save(dir); err != nil {
		return err
	}
	data, err := json.MarshalIndent(prompt, "", " ")
	if err != nil {
		return fmt.Errorf("write %s: %w", PromptFile, err)
	}
	if err := os.WriteFile(filepath.Join(dir, PromptFile), append(data, '\n'), 0o644); err != nil { //nolint:gosec // weights and prompts are no secret
		return fmt.Errorf("write %s: %w", PromptFile, err)
	}
	return nil
}
