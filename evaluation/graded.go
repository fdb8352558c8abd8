package evaluation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"sluice"
	"sluice/plaintext"
)

// Coster prices one answer of a model; answer is empty where the file does not hold its text.
type Coster func(model, prompt, answer string) (sluice.MicroUSD, error)

// gradedRow is both forms of a graded file: ours ("question" and "runs") and RouteLLM's ("prompt",
// "weak_correct", "strong_correct").
type gradedRow struct {
	ID       json.RawMessage `json:"id"`
	Question string          `json:"question"`
	Runs     map[string]struct {
		Answer string `json:"answer"`
		Grade  string `json:"grade"`
	} `json:"runs"`
	Prompt        string `json:"prompt"`
	WeakCorrect   *bool  `json:"weak_correct"`
	StrongCorrect *bool  `json:"strong_correct"`
	WeakAnswer    string `json:"weak_answer"`
	StrongAnswer  string `json:"strong_answer"`
	Contaminated  bool   `json:"contaminated"`
}

// Skipped counts the rows of a graded file that were left out, by reason.
type Skipped map[string]int

// LoadGraded reads a graded file (lines of JSON, gzipped or not) for one pair of models. Rows that lack a question, one of
// the models or a grade that is known, rows that RouteLLM marks as contaminated and repeated questions are left
// out and counted. It fails, naming the line, on a row that is neither form,
// and where no row is left.
func LoadGraded(path, medium, large string, cost Coster) ([]Sample, Skipped, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("graded file: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	r, err := plaintext.Reader(f)
	if err != nil {
		return nil, nil, fmt.Errorf("graded file %s: %w", path, err)
	}
	samples, skipped, err := readGraded(r, medium, large, cost)
	if err != nil {
		return nil, nil, fmt.Errorf("graded file %s: %w", path, err)
	}
	return samples, skipped, nil
}

func readGraded(r io.Reader, medium, large string, cost Coster) ([]Sample, Skipped, error) {
	var samples []Sample
	skipped, seen, models := Skipped{}, map[string]bool{}, map[string]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var row gradedRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		for model := range row.Runs {
			models[model] = true
		}
		s, reason, err := row.sample(medium, large, cost)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		content := sluice.ContentHash(s.Text)
		if reason == "" && seen[content] {
			reason = "repeated question"
		}
		if reason != "" {
			skipped[reason]++
			continue
		}
		seen[content] = true
		samples = append(samples, s)
	}
	if err := lines.Err(); err != nil {
		return nil, nil, err
	}
	if len(samples) == 0 {
		return nil, nil, noSamples(medium, large, skipped, models)
	}
	return samples, skipped, nil
}

// noSamples says why a file gave none.
func noSamples(medium, large string, skipped Skipped, models map[string]bool) error {
	switch {
	case len(skipped) == 0:
		return errors.New("it is empty")
	case len(models) == 0:
		return fmt.Errorf("no row can be used: %v", map[string]int(skipped))
	default:
		return fmt.Errorf("no row has graded answers of both %s and %s; the models of this file are %s",
			medium, large, strings.Join(slices.Sorted(maps.Keys(models)), ", "))
	}
}

func (row gradedRow) sample(medium, large string, cost Coster) (s Sample, skip string, err error) {
	s = Sample{ID: strings.Trim(string(row.ID), `"`)}
	var mediumAnswer, largeAnswer string
	switch {
	case row.Runs != nil:
		m, okM := row.Runs[medium]
		l, okL := row.Runs[large]
		if !okM || !okL {
			return s, "a model is missing", nil
		}
		s.Text, mediumAnswer, largeAnswer = row.Question, m.Answer, l.Answer
		var known, knownToo bool
		s.Medium, known = graded(m.Grade)
		if s.Large, knownToo = graded(l.Grade); !known || !knownToo {
			return s, "a grade is none of CORRECT, INCORRECT, NOT_ATTEMPTED", nil
		}
	case row.WeakCorrect != nil && row.StrongCorrect != nil:
		s.Text, mediumAnswer, largeAnswer = row.Prompt, row.WeakAnswer, row.StrongAnswer
		s.Medium, s.Large = right(*row.WeakCorrect), right(*row.StrongCorrect)
		if row.Contaminated {
			return s, "contaminated", nil
		}
	default:
		return s, "", fmt.Errorf(`neither "runs" nor "weak_correct" and "strong_correct"`)
	}
	if strings.TrimSpace(s.Text) == "" {
		return s, "no question", nil
	}
	if s.MediumCost, err = cost(medium, s.Text, mediumAnswer); err != nil {
		return s, "", err
	}
	s.LargeCost, err = cost(large, s.Text, largeAnswer)
	return s, "", err
}

// graded is 1 for a right answer and 0 for a wrong or declined one; ok is false where the word is no grade. The
// ring's own words, in lower case, are grades too.
func graded(word string) (value float64, ok bool) {
	switch strings.ToUpper(word) {
	case "CORRECT":
		return 1, true
	case "INCORRECT", "NOT_ATTEMPTED", "IDK":
		return 0, true
	}
	return 0, false
}

func right(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
