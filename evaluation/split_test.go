package evaluation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"sluice/evaluation"
)

func sample(id, text string) evaluation.Sample { return evaluation.Sample{ID: id, Text: text} }

const long = "In which year did the explorer who first mapped the northern coast of the island return to his home port"

func TestWhatTheTestSplitHoldsIsTakenOutOfTraining(t *testing.T) {
	test := []evaluation.Sample{sample("a", long+"?"), sample("b", "Who wrote Faust?")}
	train := []evaluation.Sample{
		sample("a", "something else entirely, under an id of the test split"),
		sample("c", "  who WROTE   faust?"),
		sample("d", strings.Replace(long, "home", "native", 1)+"?"),
		sample("e", "Who composed Faust as an opera?"),
		sample("", "no id, and nothing like it"),
	}
	kept, leaks := evaluation.WithoutLeaks(train, test)
	if len(kept) != 2 || kept[0].ID != "e" || kept[1].ID != "" {
		t.Errorf("kept %+v", kept)
	}
	if want := (evaluation.Leaks{SameID: 1, SameText: 1, NearText: 1}); leaks != want || !leaks.Any() {
		t.Errorf("leaks %+v, want %+v", leaks, want)
	}
}

// One question is one question in whatever form Unicode spells it, and in scripts that put no blanks between words.
func TestATestQuestionInAnotherSpellingIsTakenOutOfTraining(t *testing.T) {
	french, russian, korean := "Où est né Molière et où a-t-il été baptisé ?", "Какой учёный открыл пенициллин?", "대한민국의 수도는 어디입니까?"
	for spelled, test := range map[string]string{
		norm.NFD.String(french): french, norm.NFD.String(russian): russian, norm.NFD.String(korean): korean,
		"Who wrote Ham\u200blet?": "Who wrote Hamlet?", "Ｗｈｏ　ｗｒｏｔｅ　Ｈａｍｌｅｔ？": "Who wrote Hamlet?",
		"中国四大名著之一的红楼梦的作者是谁呢": "中国四大名著之一《红楼梦》的作者是谁？", "富士山の高さは何メートルか": "富士山の高さは何メートルですか？",
	} {
		if kept, _ := evaluation.WithoutLeaks([]evaluation.Sample{sample("a", spelled)}, []evaluation.Sample{sample("b", test)}); len(kept) != 0 {
			t.Errorf("%q is learnt from though %q is in the test split", spelled, test)
		}
	}
	other := []evaluation.Sample{sample("a", "红楼梦的作者是谁"), sample("b", "Какой учёный открыл радий?")}
	if kept, leaks := evaluation.WithoutLeaks(other, []evaluation.Sample{sample("c", "三国演义的作者是谁"), sample("d", russian)}); len(kept) != 2 {
		t.Errorf("of other questions %d are kept: %+v", len(kept), leaks)
	}
}

// numbered makes questions that no two of which nearly say the same.
func numbered(n int) []evaluation.Sample {
	out := make([]evaluation.Sample, n)
	for i := range out {
		out[i] = sample(fmt.Sprint(i), fmt.Sprintf("what is %x about the %x of %x", i*7919, i*104729, i*1299709))
	}
	return out
}

func TestNearDuplicatesShareAFold(t *testing.T) {
	samples := numbered(400)
	for i := range 40 { // each has a double that one word tells apart
		samples = append(samples, sample("x", fmt.Sprintf("%s %x", long, i)), sample("y", fmt.Sprintf("%s %x please", long, i)))
	}
	cut, err := evaluation.Plan{Folds: 5, Seed: 1, Holdout: true}.Cut(samples)
	if err != nil {
		t.Fatal(err)
	}
	if cut.Moved == 0 {
		t.Error("no sample was taken to the fold of its double")
	}
	held := map[string]bool{}
	for _, s := range cut.Scored(samples) {
		held[s.Text] = true
	}
	for i := range 40 {
		x := fmt.Sprintf("%s %x", long, i)
		if held[x] != held[x+" please"] {
			t.Errorf("%q and its double are in different folds", x)
		}
	}
}

// recording is a router that keeps what it was shown.
type recording struct{ fitted, scored []string }

func (*recording) Name() string { return "recording" }

func (r *recording) Fit(train []evaluation.Sample) error {
	for _, s := range train {
		r.fitted = append(r.fitted, s.Text)
	}
	return nil
}

func (r *recording) Score(text string) float64 {
	r.scored = append(r.scored, text)
	return float64(len(text))
}

func TestAHeldOutPartIsScoredByWhatNeverSawIt(t *testing.T) {
	samples := numbered(500)
	plan := evaluation.Plan{Folds: 5, Seed: 1, Holdout: true, MaxTrain: 100}
	cut, err := plan.Cut(samples)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	scored, err := cut.CrossValidate(t.Context(), &r, samples, nil)
	if err != nil {
		t.Fatal(err)
	}
	held := cut.Scored(samples)
	if len(scored.Scores) != len(held) || len(r.scored) != len(held) || len(held) < 60 || len(held) > 140 {
		t.Fatalf("%d scores of %d held-out samples; asked %d times", len(scored.Scores), len(held), len(r.scored))
	}
	for i, s := range held {
		if scored.Scores[i] != float64(len(s.Text)) {
			t.Fatalf("score %d is another sample's", i)
		}
	}
	if len(r.fitted) != 100 {
		t.Errorf("fitted on %d rows, want the 100 that may be", len(r.fitted))
	}
	firsts := 0
	for _, text := range r.fitted {
		if slices.Contains(r.scored, text) {
			t.Errorf("%q was learnt from and scored", text)
		}
		for _, s := range samples[:125] {
			if s.Text == text {
				firsts++
			}
		}
	}
	if firsts > 60 {
		t.Errorf("%d of the 100 training rows are among the file's first 125: they were not drawn", firsts)
	}
}

func TestEveryFoldIsScoredOnce(t *testing.T) {
	samples := numbered(200)
	cut, err := evaluation.Plan{Folds: 4, Seed: 2}.Cut(samples)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if _, err := cut.CrossValidate(t.Context(), &r, samples, nil); err != nil {
		t.Fatal(err)
	}
	slices.Sort(r.scored)
	if len(r.scored) != 200 || len(slices.Compact(r.scored)) != 200 {
		t.Errorf("%d scores for 200 samples", len(r.scored))
	}
}

func TestTooFewSamplesForTheFoldsAreRefused(t *testing.T) {
	if _, err := (evaluation.Plan{Folds: 5}).Cut(numbered(3)); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("error %v", err)
	}
	if _, err := (evaluation.Plan{Folds: 1}).Cut(numbered(30)); err == nil {
		t.Error("one fold was accepted")
	}
}

func TestWhatIsHeldOutDoesNotSayWhereARouterOperates(t *testing.T) {
	samples := numbered(400)
	plan := evaluation.Plan{Folds: 5, Seed: 1, Holdout: true}
	cut, err := plan.Cut(samples)
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]bool{}
	for _, s := range cut.Scored(samples) {
		held[s.ID] = true
	}
	for i := range samples { // the large model is worth its price for every held-out row, and for no other
		if held[samples[i].ID] {
			samples[i].Large = 1
		} else {
			samples[i].Medium = 1
		}
	}
	if got := cut.OperatingShare(samples); got != 0 {
		t.Errorf("share %g with one part held out, want that of the rows that are learnt from, 0", got)
	}
	plan.Holdout = false
	if cut, err = plan.Cut(samples); err != nil {
		t.Fatal(err)
	}
	if got, want := cut.OperatingShare(samples), evaluation.OperatingShare(samples); got != want || got == 0 {
		t.Errorf("share %g where all are learnt from in turns, want %g", got, want)
	}
}

// shared is a router whose fits somebody else did.
type shared struct{ recording }

func (*shared) FitSeconds() float64 { return 7 }

func TestARouterThatSharesItsFitsTellsHowLongTheyTook(t *testing.T) {
	samples := numbered(100)
	cut, err := evaluation.Plan{Folds: 3, Seed: 1}.Cut(samples)
	if err != nil {
		t.Fatal(err)
	}
	if scored, err := cut.CrossValidate(t.Context(), &shared{}, samples, nil); err != nil || scored.FitSeconds != 21 {
		t.Errorf("three fits of 7 s are %g s, %v", scored.FitSeconds, err)
	}
}
