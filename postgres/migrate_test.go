package postgres_test

import (
	"sync"
	"testing"

	"sluice/internal/pgtest"
	"sluice/postgres"
)

func TestMigrateAppliesEveryStepOnceAndInOrder(t *testing.T) {
	url := pgtest.Empty(t)
	before, err := postgres.MigrationStatus(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range before {
		if !m.AppliedAt.IsZero() {
			t.Errorf("%s is applied to an empty database", m.Name)
		}
	}
	applied, err := postgres.Migrate(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if len(applied) != len(before) || len(applied) < 4 {
		t.Fatalf("applied %d steps of %d", len(applied), len(before))
	}
	for i, m := range applied {
		if m.Version != int64(i+1) {
			t.Errorf("step %d is %s", i+1, m.Name)
		}
	}
	again, err := postgres.Migrate(t.Context(), url)
	if err != nil || len(again) != 0 {
		t.Fatalf("migrating again applied %v, %v", again, err)
	}
	after, err := postgres.MigrationStatus(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range after {
		if m.AppliedAt.IsZero() {
			t.Errorf("%s is still pending", m.Name)
		}
	}
}

func TestMigrateIsAppliedByOneOfFourAtOnce(t *testing.T) {
	url := pgtest.Empty(t)
	var wg sync.WaitGroup
	counts, errs := make([]int, 4), make([]error, 4)
	for i := range counts {
		wg.Go(func() {
			applied, err := postgres.Migrate(t.Context(), url)
			counts[i], errs[i] = len(applied), err
		})
	}
	wg.Wait()
	total := 0
	for i := range counts {
		if errs[i] != nil {
			t.Errorf("migrator %d: %v", i, errs[i])
		}
		total += counts[i]
	}
	all, err := postgres.MigrationStatus(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if total != len(all) {
		t.Errorf("four migrators applied %v steps together, want %d", counts, len(all))
	}
}
