package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestTablesThatANewerProgramMigratedAreRefused(t *testing.T) {
	url := pgtest.New(t)
	if err := postgres.CheckMigrations(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	must(t, conn(t, url, ""), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)")
	applied, err := postgres.Migrate(t.Context(), url)
	newer, ok := errors.AsType[*postgres.NewerError](err)
	if len(applied) > 0 || !ok || newer.Tables != 9000 || newer.Known < 14 || !strings.Contains(err.Error(), "Use the newer one") {
		t.Errorf("migrated %v, %v", applied, err)
	}
	if err := postgres.CheckMigrations(t.Context(), url); !errors.As(err, &newer) {
		t.Errorf("the check finds %v", err)
	}
	all, err := postgres.MigrationStatus(t.Context(), url)
	if last := all[len(all)-1]; err != nil || last.Version != 9000 || last.Name != "" || last.AppliedAt.IsZero() {
		t.Errorf("the last step is %+v, %v", last, err)
	}
}

func TestTheStatusOfAnEmptyDatabaseIsForEverybodyWhoMayConnect(t *testing.T) {
	url := pgtest.Empty(t)
	all, err := postgres.MigrationStatus(t.Context(), roleWithoutRights(t, url))
	if err != nil || len(all) < 14 {
		t.Fatalf("%d steps, %v", len(all), err)
	}
	for _, m := range all {
		if !m.AppliedAt.IsZero() {
			t.Errorf("%s is applied", m.Name)
		}
	}
	if n := number(t, conn(t, url, ""), "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"); n != 0 {
		t.Errorf("looking made %d tables", n)
	}
}

func TestStepsAreToldInUTCWhateverTheServersZone(t *testing.T) {
	url := pgtest.Empty(t)
	must(t, conn(t, url, ""), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database()); END $$")
	began := time.Now()
	if _, err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	all, err := postgres.MigrationStatus(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if at := all[0].AppliedAt; at.Sub(began).Abs() > time.Hour {
		t.Errorf("applied at %s, it is %s", at, began.UTC())
	}
}
