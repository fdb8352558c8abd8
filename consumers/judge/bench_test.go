package judge_test

import (
	"testing"

	"sluice/consumers/judge"
	"sluice/internal/stagetest"
)

// BenchmarkHandle is what the stage adds to the call for a verdict.
func BenchmarkHandle(b *testing.B) {
	s, err := judge.New(stagetest.Quick(good), &stagetest.Log{}, judge.Options{Model: "pro", Version: "v1"})
	if err != nil {
		b.Fatal(err)
	}
	in, _ := answer(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Handle(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
