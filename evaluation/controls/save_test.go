package controls_test

import (
	"bytes"
	"strings"
	"testing"

	"sluice/evaluation"
	"sluice/evaluation/controls"
)

func TestASavedControlScoresAsTheFittedOne(t *testing.T) {
	samples := made(400, 0.1, 1)
	for _, r := range []evaluation.Router{&controls.Logistic{Seed: 1}, &controls.KNN{}, &controls.KMeans{Seed: 1}} {
		if err := r.Fit(samples[:300]); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := controls.Save(&b, r); err != nil {
			t.Fatal(err)
		}
		again, err := controls.Load(&b)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples[300:] {
			if got, want := again.Score(s.Text), r.Score(s.Text); got != want {
				t.Fatalf("%s: %q scores %v after loading, %v before", r.Name(), s.Text, got, want)
			}
		}
	}
}

func TestOnlyFittedControlsThatLearnAreSaved(t *testing.T) {
	for _, r := range []evaluation.Router{&controls.Logistic{}, &controls.Random{}} {
		if err := controls.Save(&bytes.Buffer{}, r); err == nil {
			t.Errorf("%s was saved", r.Name())
		}
	}
}

func TestABrokenControlIsRefused(t *testing.T) {
	for _, broken := range []string{
		``, `{}`, `{"name":"oracle"}`,
		`{"name":"logistic","grams":[1],"idf":[1],"weights":[]}`,
		`{"name":"logistic","grams":[9999999],"idf":[1],"weights":[1]}`,
		`{"name":"knn","neighbours":3,"escalate":[true],"postings":[{"gram":1,"rows":[7],"weights":[1]}]}`,
		`{"name":"knn","neighbours":3,"escalate":[true],"postings":[{"gram":1,"rows":[0],"weights":[]}]}`,
		`{"name":"kmeans","centres":[],"shares":[]}`,
	} {
		if _, err := controls.Load(strings.NewReader(broken)); err == nil {
			t.Errorf("%s was loaded", broken)
		}
	}
}
