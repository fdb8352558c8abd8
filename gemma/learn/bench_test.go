package learn

import (
	"fmt"
	"testing"

	"sluice/gemma"
	"sluice/gemma/internal/reference"
)

// BenchmarkStep is one SFT step of the default router on 16 rows of 64 tokens.
func BenchmarkStep(b *testing.B) {
	for _, lanes := range []int{1, 2} {
		const completion = 16
		b.Run(fmt.Sprintf("lanes%d", lanes), func(b *testing.B) {
			c := gemma.Tiny()
			m := newModel(b, c, gemma.RandomWeights(c, 1), Options{})
			m.backend.lanes = lanes
			tr := newTrainer(b, m, DefaultHyper(1000))
			var rows []Example
			for i := range 16 {
				rows = append(rows, Example{Tokens: reference.Tokens(c, 64, uint64(i)), From: 64 - completion})
			}
			batch := batchOf(b, 16, rows...)
			if _, err := tr.SFT(batch); err != nil {
				b.Fatalf("%+v", err)
			}
			for b.Loop() {
				if _, err := tr.SFT(batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
