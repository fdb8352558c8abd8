// Package snapshot is the immutable set of examples that a training job names.
//
// Rows of the tables enter, one compressed file of JSON lines leaves, and the other way round. The same rows
// make the same bytes and the same digest, in whatever order they came. A row of the train split carries a
// policy and a description of its query and nothing of what was answered or judged (Invariants 3 and 4);
// a row of the test split also carries the two grades, for evaluation alone. Personal data is masked and the
// describing model's free text left out: a snapshot travels to whoever trains.
package snapshot

import (
	"cmp"
	"fmt"
	"slices"

	"sluice"
	"sluice/privacy"
)

// Snapshot is what a training learns from and what its result is measured on.
type Snapshot struct {
	// Pair is the pair of models that the labels are about; Medium and Large are their names.
	Pair, Medium, Large string
	// Policies are the kinds of query, in the words that the router reads.
	Policies []sluice.PolicySpec
	// Train and Test are sorted by the query's key.
	Train, Test []Row
}

// Row is one example.
type Row = sluice.TrainingExample

// New masks and sorts the rows and checks that each is in its own split, that no query is there twice, and that no
// train row was told a grade.
func New(pair, medium, large string, policies []sluice.PolicySpec, rows []Row) (*Snapshot, error) {
	s := &Snapshot{Pair: pair, Medium: medium, Large: large, Policies: policies}
	seen := make(map[string]bool, len(rows))
	for _, r := range rows {
		r.Text, _ = privacy.Scrub(r.Text)
		r.Analysis.Summary = ""
		switch {
		case seen[r.Key]:
			return nil, fmt.Errorf("snapshot: query %s is there twice", r.Key)
		case r.Split == sluice.Train && r.Graded != nil:
			return nil, fmt.Errorf("snapshot: train row %s carries grades", r.Key)
		case r.Split == sluice.Train:
			s.Train = append(s.Train, r)
		case r.Split == sluice.Test:
			s.Test = append(s.Test, r)
		default:
			return nil, fmt.Errorf("snapshot: query %s is of split %q, want train or test", r.Key, r.Split)
		}
		seen[r.Key] = true
	}
	for _, rows := range [][]Row{s.Train, s.Test} {
		slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Key, b.Key) })
	}
	return s, nil
}

// Name is the object that holds the snapshot of a job.
func Name(jobID string) string { return Prefix + jobID + ".jsonl.gz" }

// Prefix begins the name of every snapshot's object.
const Prefix = "snapshots/"
