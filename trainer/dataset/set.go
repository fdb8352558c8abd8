package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice"
	"sluice/privacy"
)

// Row is one query with what a router should make of it.
type Row struct {
	// ID is the example's.
	ID   string `json:"id"`
	Text string `json:"text"`
	// Policy is the label; Analysis describes the query from its text alone, zero where nobody described it.
	Policy   sluice.Policy   `json:"policy"`
	Analysis sluice.Analysis `json:"analysis"`
}

// Set is what a recipe trains on: rows of the train split, masked. It is immutable.
type Set struct {
	rows   []Row
	masked int
	digest string
}

// ErrTestRow says that somebody wanted to train on the test split.
var ErrTestRow = errors.New("an example of the test split can't be trained on")

// New makes a set of examples, in their order. An example that is not of the train split is [ErrTestRow].
func New(examples []sluice.Example) (Set, error) {
	rows := make([]Row, len(examples))
	for i, e := range examples {
		if e.Label.Query.Split != sluice.Train { // Invariant 4
			return Set{}, fmt.Errorf("example %s: split %q: %w", e.ID, e.Label.Query.Split, ErrTestRow)
		}
		rows[i] = Row{ID: e.ID, Text: e.Label.Query.Text, Policy: e.Label.Policy, Analysis: e.Analysis}
	}
	return Of(rows)
}

// Of makes a set of rows whose caller vouches that they may be learnt from, such as the training part of a
// graded file. An id that is empty or there twice, a blank text and a missing policy are errors.
func Of(rows []Row) (Set, error) {
	s := Set{rows: slices.Clone(rows)}
	seen := make(map[string]bool, len(rows))
	for i := range s.rows {
		r := &s.rows[i]
		if r.ID == "" || seen[r.ID] {
			return Set{}, fmt.Errorf("training row %d: id %q is empty or there twice", i, r.ID)
		}
		if strings.TrimSpace(r.Text) == "" || r.Policy == "" {
			return Set{}, fmt.Errorf("training row %s: text and policy must not be empty", r.ID)
		}
		seen[r.ID] = true
		clean, n := privacy.Scrub(r.Text)
		r.Text = clean
		r.Analysis.Summary = "" // free text: nothing may learn from it
		if n > 0 {
			s.masked++
		}
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, r := range s.rows {
		if err := enc.Encode(r); err != nil {
			return Set{}, fmt.Errorf("training row %s: %w", r.ID, err)
		}
	}
	s.digest = hex.EncodeToString(h.Sum(nil))
	return s, nil
}

// Rows are the rows, in order. They are the set's own: callers must not change them.
func (s Set) Rows() []Row { return s.rows }

// Masked is how many rows held personal data.
func (s Set) Masked() int { return s.masked }

// Digest identifies the content, ids and order included: SHA-256 in hex.
func (s Set) Digest() string { return s.digest }

// IDs are the ids of the rows, in order.
func (s Set) IDs() []string {
	ids := make([]string, len(s.rows))
	for i, r := range s.rows {
		ids[i] = r.ID
	}
	return ids
}

// counts is how many rows each policy has.
func (s Set) counts() map[sluice.Policy]int {
	counts := map[sluice.Policy]int{}
	for _, r := range s.rows {
		counts[r.Policy]++
	}
	return counts
}
