package analysis_test

import (
	"testing"

	"sluice"
	"sluice/consumers/analysis"
	"sluice/internal/stagetest"
)

// BenchmarkHandle is what the stage adds to the call for a description.
func BenchmarkHandle(b *testing.B) {
	s, err := analysis.New(stagetest.Quick(good), &stagetest.Log{}, analysis.Options{Model: "flash", Version: "v1"})
	if err != nil {
		b.Fatal(err)
	}
	in, _ := label(b, "is water wet?", "m1", sluice.Standard)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Handle(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
