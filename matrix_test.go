package sluice_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice"
)

func TestDefaultMatrixIsTheArchitectures(t *testing.T) {
	want := map[[2]sluice.Grade]sluice.Policy{
		{sluice.Correct, sluice.Correct}:     sluice.Standard,
		{sluice.Correct, sluice.Incorrect}:   sluice.Standard,
		{sluice.Correct, sluice.IDK}:         sluice.Standard,
		{sluice.Incorrect, sluice.Correct}:   sluice.Complex,
		{sluice.Incorrect, sluice.Incorrect}: sluice.Ambiguous,
		{sluice.Incorrect, sluice.IDK}:       sluice.Complex,
		{sluice.IDK, sluice.Correct}:         sluice.Complex,
		{sluice.IDK, sluice.Incorrect}:       sluice.Ambiguous,
		{sluice.IDK, sluice.IDK}:             sluice.Ambiguous,
	}
	m := sluice.DefaultMatrix()
	if got := len(m.Cells()); got != len(want) {
		t.Fatalf("the default matrix has %d cells, want %d", got, len(want))
	}
	for pair, policy := range want {
		cell, err := m.Cell(pair[0], pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if cell.Policy != policy || cell.Rationale == "" {
			t.Errorf("medium=%s large=%s: %s (%q), want %s and a rationale", pair[0], pair[1], cell.Policy, cell.Rationale, policy)
		}
	}
}

// A matrix, however its cells are moved, answers for every pair of grades, and its version tells two
// matrices apart exactly when a policy differs.
func TestMatrixIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := sluice.DefaultMatrix()
		grade := rapid.SampledFrom(sluice.Grades())
		policy := rapid.SampledFrom([]sluice.Policy{sluice.Standard, sluice.Complex, sluice.Ambiguous, "Other_Query"})
		moved := sluice.Cell{Medium: grade.Draw(t, "medium"), Large: grade.Draw(t, "large"), Policy: policy.Draw(t, "policy"), Rationale: "moved"}
		was, err := m.Cell(moved.Medium, moved.Large)
		if err != nil {
			t.Fatal(err)
		}
		n, err := m.With(moved)
		if err != nil {
			t.Fatal(err)
		}
		for _, medium := range sluice.Grades() {
			for _, large := range sluice.Grades() {
				cell, err := n.Cell(medium, large)
				if err != nil || cell.Policy == "" {
					t.Fatalf("medium=%s large=%s: %+v, %v", medium, large, cell, err)
				}
			}
		}
		if same := n.Version() == m.Version(); same != (was.Policy == moved.Policy) {
			t.Fatalf("cell %s -> %s: versions equal is %v", was.Policy, moved.Policy, same)
		}
	})
}

func TestMatrixNamesEveryFaultAtOnce(t *testing.T) {
	cells := sluice.DefaultMatrix().Cells()
	cells[0].Policy = ""                 // unnamed
	cells[1] = cells[2]                  // one given twice, one missing
	cells[8].Large = sluice.Grade("meh") // unknown
	_, err := sluice.NewMatrix(cells)
	if err == nil {
		t.Fatal("a broken matrix was accepted")
	}
	for _, part := range []string{"no policy", "given twice", "missing", `"meh"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q:\n%v", part, err)
		}
	}
}
