package main

import (
	"errors"

	"sluice"
	"sluice/llm/emulator"
)

func bankDataset() (dataset, error) { return dataset{}, errors.New("wip") }

// uniqueItems keeps the first of questions that are one to the emulator.
func uniqueItems(items []emulator.Item) []emulator.Item {
	seen := map[string]bool{}
	kept := items[:0]
	for _, it := range items {
		if norm := sluice.NormalizeText(it.Question); norm != "" && !seen[norm] {
			seen[norm] = true
			kept = append(kept, it)
		}
	}
	return kept
}
