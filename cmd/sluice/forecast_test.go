package main

import (
	"testing"

	"sluice"
	"sluice/config"
	"sluice/consumers/intake"
	"sluice/producers"
	"sluice/streams"
)

// What it leads to may be stored by the number of the first time, or, from a log that counted nothing yet, by none.
func TestAQuestionIsForecastByTheNumberOfItsFirstTime(t *testing.T) {
	key, err := sluice.NewArmKey([]byte("a secret of sixteen bytes"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stored bool
		before int64
		want   int64
	}{
		"asked twice": {false, 0, 5}, "accepted before the window": {true, 3, 3}, "accepted without a number": {true, 0, 0},
	} {
		f := &forecaster{
			cfg: config.Default(), key: key, pair: "p1", guess: producers.DefaultAssumptions(), numbers: map[string]int64{},
			before: func(key string) (streams.Before, bool, error) {
				return streams.Before{Accepted: sluice.Accepted{Query: sluice.Query{Key: key, Number: c.before}}}, c.stored, nil
			},
		}
		q := &sluice.Query{Key: sluice.QueryKey("", "", "Why?"), Number: c.want}
		for _, sequence := range []uint64{5, 9} {
			m, err := streams.AskedMessage("web", "", streams.Asked{Query: "Why?"}, false)
			if err != nil {
				t.Fatal(err)
			}
			m.Stream, m.Sequence = streams.StreamQueries, sequence
			wanted, err := f.wants(intake.Name)(m)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range wanted {
				if p, ok := streams.PlaceOf(w.Subject); !ok || p.Number != q.Number || p.Key != q.Key {
					t.Errorf("%s: %d leads to %s, want number %d", name, sequence, w.Subject, q.Number)
				}
			}
			if len(wanted) != 5 {
				t.Errorf("%s: %d leads to %d facts, want 5", name, sequence, len(wanted))
			}
		}
	}
}
