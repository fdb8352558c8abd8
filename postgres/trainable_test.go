package postgres_test

import (
	"slices"
	"testing"

	"sluice"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
)

func TestTrainingSeesTrainExamplesAlone(t *testing.T) {
	w := world.New(t, 90)
	db := w.Recorded(t, pgtest.New(t))
	got, err := db.TrainExamples(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, q := range w.Queries {
		if q.Split == sluice.Train {
			texts[q.Key] = q.Text
		}
	}
	if len(got) == 0 || len(got) > len(texts) {
		t.Fatalf("%d examples of %d train queries", len(got), len(texts))
	}
	for _, e := range got {
		q := e.Label.Query
		if text, ok := texts[q.Key]; !ok || text != q.Text || q.Split != sluice.Train {
			t.Errorf("example of query %s, split %s: %q", q.Key, q.Split, q.Text)
		}
		if e.ID == "" || e.Label.Policy == "" || e.Label.Basis != sluice.Reference || e.Label.Pair != w.Pair {
			t.Errorf("example %+v", e)
		}
		if e.Analysis.Domain == "" || e.Analysis.ReasoningSteps < 1 {
			t.Errorf("example %s has no description: %+v", e.ID, e.Analysis)
		}
	}
	for referenceFree, want := range map[bool]int{false: len(got), true: len(texts)} {
		table, err := db.Table(t.Context(), `SELECT e.*`+postgres.FromTrain+` ORDER BY e.query_key`, referenceFree)
		if err != nil || len(table.Rows) != want {
			t.Errorf("reference free %t: %v; want %d rows", referenceFree, err, want)
		}
	}
	all, err := db.TrainExamples(t.Context(), true)
	free := slices.DeleteFunc(all, func(e sluice.Example) bool { return e.Label.Basis == sluice.Reference })
	if err != nil || len(free) == 0 || len(got)+len(free) != len(texts) {
		t.Errorf("%d examples with a ground truth and %d without one, of %d train queries; %v", len(got), len(free), len(texts), err)
	}
	for _, e := range free {
		if texts[e.Label.Query.Key] == "" {
			t.Errorf("an example of the %s split", e.Label.Query.Split)
		}
	}
}
