package answer_test

import (
	"testing"
	"time"

	"sluice"
	"sluice/consumers/answer"
	"sluice/internal/stagetest"
)

// BenchmarkHandle is what the stage adds to the two calls of a query.
func BenchmarkHandle(b *testing.B) {
	key, err := sluice.NewArmKey([]byte("a secret for the tests"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := answer.New(stagetest.Quick("It is Goethe's."), &stagetest.Log{}, answer.Options{
		Medium: answer.Model{Name: flash}, Large: answer.Model{Name: pro}, Key: key, Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	in, _ := accepted(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Handle(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
