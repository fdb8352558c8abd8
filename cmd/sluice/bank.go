package main

import (
	"sluice"
	"sluice/llm/emulator"
	"sluice/producers"
	"sluice/producers/bank"
)

// bankDataset is the built-in questions, with what synthetic models know of them.
func bankDataset() dataset {
	questions := bank.Questions()
	items := make([]emulator.Item, 0, len(questions))
	for _, q := range questions {
		items = append(items, emulator.Item{Question: q.Text, Gold: q.Gold, Difficulty: q.Difficulty, Unanswerable: q.Unanswerable})
	}
	return dataset{
		name: "the built-in bank", source: bank.Name, format: producers.Custom, rows: bank.Rows(), items: uniqueItems(items),
	}
}

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
