package evaluation_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"sluice/evaluation"
)

// memory scores what it was fitted on as 1.
type memory map[string]bool

func (memory) Name() string { return "memory" }

func (m memory) Fit(train []evaluation.Sample) error {
	clear(m)
	for _, s := range train {
		m[s.Text] = true
	}
	return nil
}

func (m memory) Score(text string) float64 {
	if m[text] {
		return 1
	}
	return 0
}

func TestWhatIsHeldOutWasNeverSeen(t *testing.T) {
	var all []evaluation.Sample
	for i := range 500 {
		all = append(all, evaluation.Sample{ID: fmt.Sprint(i), Text: fmt.Sprintf("question %d", i)})
	}
	train, held := evaluation.Split(all, 5, 300, 1)
	if len(train) != 300 || len(held) < 60 || len(held) > 140 {
		t.Fatalf("%d to train on, %d held out", len(train), len(held))
	}
	m := memory{}
	scored, err := evaluation.HoldOut(t.Context(), m, train, held)
	if err != nil {
		t.Fatal(err)
	}
	if len(m) != 300 || len(scored.Scores) != len(held) {
		t.Errorf("fitted on %d, scored %d", len(m), len(scored.Scores))
	}
	for i, s := range scored.Scores {
		if s != 0 || scored.Ranks[i] < 0 || scored.Ranks[i] > 1 {
			t.Errorf("row %s: score %g, rank %g", held[i].ID, s, scored.Ranks[i])
		}
	}
	if full, _ := evaluation.Split(all, 5, 0, 1); len(full)+len(held) != len(all) {
		t.Errorf("%d and %d of %d", len(full), len(held), len(all))
	}
	if _, err := evaluation.HoldOut(t.Context(), m, nil, held); err == nil {
		t.Error("nothing was trained on")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := evaluation.HoldOut(gone, m, train, held); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
