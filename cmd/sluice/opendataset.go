package main

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"sluice"
	"sluice/llm/emulator"
	"sluice/producers"
	"sluice/producers/bank"
)

// dataset is a file of questions, or the built-in bank, opened for reading.
type dataset struct {
	// name is what people see, source what the questions are published under.
	name, source string
	// path is empty for the bank.
	path    string
	format  producers.Format
	mapping producers.Mapping
	rows    iter.Seq2[producers.Row, error]
	// items is what synthetic models know of the bank; nil for a file.
	items []emulator.Item
}

// formatBank is the built-in bank's name among the formats.
const formatBank = "bank"

// openDataset finds out what a file is; without one, or with the format "bank", it is the bank.
func (m *Main) openDataset(path, format, mapping string) (dataset, error) {
	if path == "" || format == formatBank {
		if format != "" && format != formatBank {
			return dataset{}, usagef("format %s wants a file", format)
		}
		return bankDataset(), nil
	}
	path, err := m.findDataset(path)
	if err != nil {
		return dataset{}, err
	}
	d := dataset{name: filepath.Base(path), path: path}
	switch {
	case mapping != "" || format == "jsonl" || format == string(producers.Custom):
		d.format = producers.Custom
	case format != "":
		d.format, err = producers.ParseFormat(format)
	default:
		d.format, err = producers.Detect(path)
	}
	if err != nil {
		return dataset{}, &usageError{err: err}
	}
	if mapping != "" {
		if d.mapping, err = producers.ParseMapping(mapping); err != nil {
			return dataset{}, &usageError{err: err}
		}
	}
	d.source = string(d.format)
	d.rows = producers.Dataset{Path: path, Format: d.format, Mapping: d.mapping}.Rows()
	return d, nil
}

// findDataset looks for the path as it is given, then below SLUICE_DATASETS.
func (m *Main) findDataset(path string) (string, error) {
	_, err := os.Stat(path)
	if err == nil {
		return path, nil
	}
	dir := m.config.Datasets
	if !errors.Is(err, fs.ErrNotExist) || dir == "" || filepath.IsAbs(path) {
		return "", fmt.Errorf("data set: %w", err)
	}
	below := filepath.Join(dir, path)
	if _, err2 := os.Stat(below); err2 != nil {
		return "", fmt.Errorf("data set: %w, nor is it in %s (datasets, SLUICE_DATASETS)", err, dir)
	}
	return below, nil
}

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
