package main

import (
	"slices"
	"testing"

	"sluice"
	"sluice/config"
	"sluice/consumers/intake"
	"sluice/producers"
	"sluice/streams"
)

func TestAQuestionThatWasAskedTwiceIsForecastOnce(t *testing.T) {
	key, err := sluice.NewArmKey([]byte("a secret of sixteen bytes"))
	if err != nil {
		t.Fatal(err)
	}
	f := &forecaster{cfg: config.Default(), key: key, pair: "p1", guess: producers.DefaultAssumptions(), numbers: map[string]int64{}}
	var places [][]string
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
		var subjects []string
		for _, w := range wanted {
			subjects = append(subjects, w.Subject)
		}
		places = append(places, subjects)
	}
	q := &sluice.Query{Key: sluice.QueryKey("", "", "Why?"), Number: 5}
	if !slices.Equal(places[0], places[1]) || !slices.Contains(places[0], streams.SaidSubject("p1", q, sluice.ArmA)) {
		t.Errorf("facts at %v, then at %v", places[0], places[1])
	}
}
