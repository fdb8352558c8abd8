package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/gemma/learn"
	"sluice/trainer/dataset"
)

func TestTheValidationSliceIsAsMixedAsTheRows(t *testing.T) {
	rows, policies := made(t, 400).Rows(), sluice.DefaultPolicies()
	train, aside, err := divide(rows, policies, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(train)+len(aside) != 400 || len(aside) < 58 || len(aside) > 62 {
		t.Errorf("%d and %d rows", len(train), len(aside))
	}
	kept := map[string]bool{}
	for _, r := range train {
		kept[r.ID] = true
	}
	whole, slice := shares(rows, policies), shares(aside, policies)
	for i := range policies {
		if d := whole[i] - slice[i]; d > 0.02 || d < -0.02 {
			t.Errorf("%s: share %.3f of all, %.3f of the slice", policies[i].Name, whole[i], slice[i])
		}
	}
	for _, r := range aside {
		if kept[r.ID] {
			t.Errorf("row %s is learnt from and validated on", r.ID)
		}
	}
	_, other, _ := divide(rows, policies, 2)
	if slices.EqualFunc(aside, other, func(a, b dataset.Row) bool { return a.ID == b.ID }) {
		t.Error("another seed keeps the same rows aside")
	}
}

func TestRowsThatNearlySayTheSameAreNotLearntFromAndValidatedOn(t *testing.T) {
	policies := sluice.DefaultPolicies()
	var rows []dataset.Row
	for i := range 200 {
		for _, suffix := range []string{"", " please", " thanks"} {
			rows = append(rows, dataset.Row{
				ID: fmt.Sprint(i, suffix), Policy: policies[i%2].Name,
				Text: fmt.Sprintf("what is %x about the %x of %x near the %x behind the %x", i*7919, i*104729, i*1299709, i*611953, i*15485863) + suffix,
			})
		}
	}
	train, aside, err := divide(rows, policies, 1)
	if err != nil || len(aside) < 80 || len(aside) > 100 {
		t.Fatalf("%d rows aside, %v", len(aside), err)
	}
	learnt := map[string]bool{}
	for _, r := range train {
		learnt[strings.Fields(r.ID)[0]] = true
	}
	for _, r := range aside {
		if learnt[strings.Fields(r.ID)[0]] {
			t.Errorf("row %q is validated on, and its double learnt from", r.ID)
		}
	}
	for i := range rows { // nothing tells these apart
		rows[i].Text = "one question"
	}
	if _, aside, err := divide(rows, policies, 1); err != nil || len(aside) != 90 {
		t.Errorf("of one question asked 600 times %d are kept aside, %v", len(aside), err)
	}
}

func TestASliceKeepsAboutItsSizeWhereManyRowsNearlySayTheSame(t *testing.T) {
	own, draws := make([]dataset.Row, 600), map[string]uint64{}
	for i := range own {
		own[i].ID = fmt.Sprint(i)
		draws[own[i].ID] = 7
	}
	draws["0"] = 1 // it alone could be kept aside without parting the others
	if n := whole(own, draws, 90); n != 90 {
		t.Errorf("%d rows are kept aside of 600, want 90", n)
	}
	draws["0"], draws["1"] = 1, 2
	for n, want := range map[int]int{0: 0, 1: 1, 2: 2, 3: 2, 9: 9} {
		if got := whole(own, draws, n); got != want {
			t.Errorf("%d rows for %d, want %d", got, n, want)
		}
	}
}

func TestRarePoliciesAreDrawnMoreOften(t *testing.T) {
	policies := sluice.DefaultPolicies()
	var rows []dataset.Row
	for i := range 100 {
		p := sluice.Standard
		if i < 10 {
			p = sluice.Complex
		}
		rows = append(rows, dataset.Row{Policy: p})
	}
	count := func(balance float64) (rare int, seen map[int]int) {
		seen = map[int]int{}
		for _, i := range (start{balance: balance}).sample(rows, policies, 1) {
			seen[i]++
			if rows[i].Policy == sluice.Complex {
				rare++
			}
		}
		return rare, seen
	}
	if n, seen := count(0); n != 10 || len(seen) != 100 {
		t.Errorf("as they are: %d Complex of %d rows", n, len(seen))
	}
	n, seen := count(0.5)
	if n != 25 {
		t.Errorf("half balanced: %d Complex of 100, want 25", n)
	}
	for i := range 10 {
		if seen[i] < 2 || seen[i] > 3 {
			t.Errorf("row %d was drawn %d times of 25 draws of 10", i, seen[i])
		}
	}
	if n, _ := count(1); n != 50 {
		t.Errorf("balanced: %d Complex of 100", n)
	}
}

func TestAStepThatHangsIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		_, err := watched(func() (learn.Report, error) {
			<-release
			return learn.Report{}, nil
		})
		if !errors.Is(err, ErrStuck) {
			t.Errorf("%v", err)
		}
		close(release)
		report, err := watched(func() (learn.Report, error) {
			<-time.After(stepTimeout - time.Second)
			return learn.Report{Loss: 1}, nil
		})
		if err != nil || report.Loss != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// What the linear model learnt must survive its planting, before any training.
func TestAPlantedLinearModelKeepsItsOrder(t *testing.T) {
	set, policies := made(t, 160), sluice.DefaultPolicies()
	router, err := untrained(t.Context(), set.Rows(), Options{Seed: 1, Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for _, r := range set.Rows() {
		scores, _, err := router.Scores(t.Context(), r.Text)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Index(scores, slices.Max(scores)) == index(policies, r.Policy) {
			right++
		}
	}
	if right < 150 {
		t.Errorf("%d of 160 rows are decided rightly before training", right)
	}
}

func TestFewerRowsThanTheConfigurationAllowsAreRefused(t *testing.T) {
	rows := make([]dataset.Row, sluice.FewestTrainExamples)
	policies := sluice.DefaultPolicies()
	for i := range rows {
		rows[i] = dataset.Row{ID: fmt.Sprint(i), Policy: policies[i%2].Name}
	}
	if _, _, err := divide(rows, policies, 1); err != nil {
		t.Error(err)
	}
	if _, _, err := divide(rows[1:], policies, 1); err == nil {
		t.Error("one row less is taken")
	}
}
