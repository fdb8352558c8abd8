package learn

import (
	"math"
	"testing"

	"sluice/gemma"
	"sluice/gemma/internal/reference"
)

func openGo(tb testing.TB) *Backend {
	tb.Helper()
	b, err := OpenBackend("go")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b
}

func newModel(tb testing.TB, c gemma.Config, w gemma.Weights, o Options) *Model {
	tb.Helper()
	m, err := NewModel(openGo(tb), c, w, o)
	if err != nil {
		tb.Fatalf("%+v", err)
	}
	tb.Cleanup(m.Close)
	return m
}

func TestGraphAgreesWithTheReference(t *testing.T) {
	configs := map[string]gemma.Config{}
	for name, g := range map[string]gemma.Generation{"Gemma1": gemma.Gemma1, "Gemma2": gemma.Gemma2, "Gemma3": gemma.Gemma3} {
		configs[name+" grouped"] = reference.Small(g)
		c := reference.Small(g)
		c.KVHeads = 1
		configs[name+" multi-query"] = c
		c.KVHeads = c.Heads
		configs[name+" multi-head"] = c
	}
	for name, c := range configs {
		t.Run(name, func(t *testing.T) {
			w := reference.Weights(c, 11)
			m := newModel(t, c, w, Options{})
			rows := [][]int{reference.Tokens(c, 9, 1), reference.Tokens(c, 9, 2)}
			got, err := m.Logits(rows)
			if err != nil {
				t.Fatalf("%+v", err)
			}
			worst := 0.0
			for r, row := range rows {
				for i, want := range reference.Logits(c, w, row) {
					for v := range want {
						at := (r*len(row)+i)*c.VocabSize + v
						worst = math.Max(worst, math.Abs(float64(got[at])-want[v]))
					}
				}
			}
			t.Logf("largest difference of a logit: %.2g", worst)
			if !(worst < 1e-4) {
				t.Errorf("the graph is %g away from the reference", worst)
			}
		})
	}
}
