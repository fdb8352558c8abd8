package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"sluice"
	"sluice/trainer/snapshot"
)

func rows(n int) []snapshot.Row {
	var all []snapshot.Row
	for i := range n {
		r := snapshot.Row{
			ID: fmt.Sprint("e", i), Key: fmt.Sprintf("k%03d", i), Split: sluice.Train, Text: fmt.Sprint("Question ", i, "?"),
			Policy: sluice.Complex, Analysis: sluice.Analysis{Domain: "geography", ReasoningSteps: i},
		}
		if i%5 == 0 {
			r.Split, r.Graded = sluice.Test, &sluice.Graded{Medium: sluice.Incorrect, Large: sluice.Correct, MediumCost: 3, LargeCost: 40}
		}
		all = append(all, r)
	}
	return all
}

func build(t *testing.T, all []snapshot.Row) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.New("p1", "flash", "pro", sluice.DefaultPolicies(), all)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSameRowsMakeTheSameFileInWhateverOrder(t *testing.T) {
	all := rows(40)
	file, digest, err := build(t, all).Encode()
	if err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	again, digest2, err := build(t, all).Encode()
	if err != nil || digest != digest2 || !bytes.Equal(file, again) {
		t.Fatalf("digests %s and %s, %v", digest, digest2, err)
	}
	read, err := snapshot.Decode(bytes.NewReader(file), digest)
	if err != nil || !reflect.DeepEqual(read, build(t, all)) {
		t.Fatalf("read back %+v, %v", read, err)
	}
}

// A snapshot travels to whoever trains: what a person let slip, or the describing model, stays behind.
func TestNoPersonalDataAndNoFreeTextIsInTheFile(t *testing.T) {
	all := rows(10)
	for i := range all {
		all[i].Text, all[i].Analysis.Summary = fmt.Sprint("Write to me at mail@example.com, question ", i), "The answer is Ruritania."
	}
	s := build(t, all)
	for _, r := range append(s.Train, s.Test...) {
		if strings.Contains(r.Text, "mail@example.com") || !strings.Contains(r.Text, "question") || r.Analysis.Summary != "" || r.Analysis.Domain == "" {
			t.Errorf("row %+v", r)
		}
	}
}

func TestAFlippedBitATornFileAndAnotherDigestAreRefused(t *testing.T) {
	file, digest, err := build(t, rows(40)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for at := 10; at < len(file); at += 97 {
		bad := bytes.Clone(file)
		bad[at] ^= 4
		if _, err := snapshot.Decode(bytes.NewReader(bad), digest); err == nil {
			t.Errorf("a flipped bit at %d of %d is read", at, len(file))
		}
	}
	if _, err := snapshot.Decode(bytes.NewReader(file[:len(file)/2]), digest); err == nil {
		t.Error("half a file is read")
	}
	if _, err := snapshot.Decode(bytes.NewReader(file), "00"); !errors.Is(err, snapshot.ErrDigest) {
		t.Errorf("another digest: %v", err)
	}
}

func TestATrainRowWithGradesATwiceAskedQueryAndAnUnknownSplitAreRefused(t *testing.T) {
	for what, spoil := range map[string]func([]snapshot.Row){
		"grades": func(r []snapshot.Row) { r[1].Graded = &sluice.Graded{} },
		"twice":  func(r []snapshot.Row) { r[1].Key = r[2].Key },
		"split":  func(r []snapshot.Row) { r[1].Split = "both" },
	} {
		all := rows(6)
		spoil(all)
		if _, err := snapshot.New("p", "m", "l", nil, all); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func TestSamplesSayWhereEscalatingPays(t *testing.T) {
	all := rows(10)
	all[1].Policy, all[2].Policy = sluice.Standard, sluice.Ambiguous
	s := build(t, all)
	for i, sample := range s.TrainSamples() {
		if sample.Policy() != s.Train[i].Policy || sample.Escalate() != (s.Train[i].Policy == sluice.Complex) {
			t.Errorf("%s is taken for %s", s.Train[i].Policy, sample.Policy())
		}
	}
	s.Test[0].Graded = nil
	if got := s.TestSamples(); len(got) != 1 || !got[0].Escalate() || got[0].LargeCost != 40 {
		t.Errorf("test samples %+v", got)
	}
}
