package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/internal/decided"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
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

func TestTablesThatANewerProgramMigratedSayWhoMayStillWrite(t *testing.T) {
	url := pgtest.New(t)
	if err := postgres.CheckMigrations(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	c := conn(t, url, "")
	said, err := postgres.OldestWriter(t.Context(), url)
	if err != nil || said < 15 {
		t.Errorf("the oldest writer is %d, %v", said, err)
	}
	must(t, c, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)")
	for _, tt := range []struct {
		oldest   int64
		mayWrite bool
		advice   string
	}{{9000, false, "Use the newer one"}, {said, true, "still fits"}} {
		must(t, c, fmt.Sprintf("CREATE OR REPLACE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT %d'", tt.oldest))
		applied, err := postgres.Migrate(t.Context(), url)
		newer, ok := errors.AsType[*postgres.NewerError](err)
		if len(applied) > 0 || !ok || newer.Tables != 9000 || newer.Known < 15 || newer.Oldest != tt.oldest || newer.MayWrite() != tt.mayWrite ||
			!strings.Contains(err.Error(), tt.advice) {
			t.Errorf("since %d: migrated %v, %v", tt.oldest, applied, err)
		}
		if err := postgres.CheckMigrations(t.Context(), url); !errors.As(err, &newer) || newer.MayWrite() != tt.mayWrite {
			t.Errorf("since %d: the check finds %v", tt.oldest, err)
		}
	}
	must(t, c, "DROP FUNCTION oldest_writer()")
	if _, err := postgres.Migrate(t.Context(), url); err == nil || !strings.Contains(err.Error(), "the oldest sluice that may write") {
		t.Errorf("nobody says who may write: %v", err)
	}
	all, err := postgres.MigrationStatus(t.Context(), url)
	if last := all[len(all)-1]; err != nil || last.Version != 9000 || last.Name != "" || last.AppliedAt.IsZero() {
		t.Errorf("the last step is %+v, %v", last, err)
	}
}

func TestTablesWithoutStepsSayOfNobodyThatHeMayWrite(t *testing.T) {
	if oldest, err := postgres.OldestWriter(t.Context(), pgtest.Empty(t)); oldest != 0 || err != nil {
		t.Errorf("the oldest writer is %d, %v", oldest, err)
	}
}

// What a step that only adds leaves behind, whatever it is for.
func TestWritersWorkOnTablesThatANewerProgramAddedTo(t *testing.T) {
	url := pgtest.New(t)
	c := conn(t, url, "")
	must(t, c, `DO $$
		DECLARE
			grown regclass;
		BEGIN
			FOR grown IN SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
			LOOP
				EXECUTE format('ALTER TABLE %s ADD COLUMN later text NOT NULL DEFAULT %L', grown, 'added');
				EXECUTE format('CREATE INDEX ON %s (later)', grown);
			END LOOP;
		END $$`)
	w := world.New(t, 9)
	db := w.Recorded(t, url)
	o, _ := openOnline(t, url, 24*time.Hour, at(noon))
	decisions := decided.New(1, noon, time.Second).Facts(5)
	given := sluice.Feedback{ID: "f", DecisionID: decisions[0].Value.ID, Source: "client", Thumb: "up", GivenAt: noon}
	raised := sluice.Alert{Rule: "drift", Severity: "warning", RaisedAt: noon}
	record(t, o, &sluice.OnlineFacts{
		Decisions: decisions, Feedback: []sluice.Fact[sluice.Feedback]{{At: noon, Value: given}}, Alerts: []sluice.Fact[sluice.Alert]{{At: noon, Value: raised}},
	})
	recorder, err := postgres.OpenRecorder(t.Context(), url, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.Close()
	job := []sluice.Fact[sluice.TrainingJob]{{At: noon, Value: sluice.TrainingJob{ID: "j1", Trigger: "count", AskedAt: noon}}}
	if err := recorder.RecordTraining(t.Context(), job, told(sluice.TrainingEvent{JobID: "j1", Kind: "queued", Sequence: 1})); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]int64{"queries": 9, "answers": 18, "examples": 9, "decisions": 5, "feedback": 1, "alerts": 1, "training_jobs": 1, "training_events": 1} {
		if n := one(t, db, "SELECT count(*) FROM "+table+" WHERE later = 'added'"); n != want {
			t.Errorf("%s has %v rows, want %d", table, n, want)
		}
	}
	if got, err := db.Forget(t.Context(), w.Queries[0].Tenant, []string{w.Queries[0].Key}, nil); err != nil || got.Queries != 1 {
		t.Errorf("forgot %+v, %v", got, err)
	}
	if rows, err := db.ForgetTenant(t.Context(), decisions[0].Value.Query.Tenant); err != nil {
		t.Errorf("forgot %d rows of a tenant, %v", rows, err)
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

// Tables that a newer program has changed under writers at work refuse facts that are good: these are not to die of it.
func TestWhatTablesRefuseOfAWriterThatTheyShutOutPasses(t *testing.T) {
	url := pgtest.New(t)
	recorder, err := postgres.OpenRecorder(t.Context(), url, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(recorder.Close)
	online, _ := openOnline(t, url, 24*time.Hour, at(noon))
	writers := map[string]func() error{
		"record": func() error {
			_, err := recorder.Record(t.Context(), &sluice.Facts{Accepted: []sluice.Fact[sluice.Accepted]{
				{At: noon, Value: sluice.Accepted{Query: sluice.Query{Key: "k", Text: "Why?", Split: sluice.Test, AskedAt: noon}}},
			}})
			return err
		},
		"training": func() error {
			return recorder.RecordTraining(t.Context(), nil, told(sluice.TrainingEvent{JobID: "j1", Kind: "queued", Sequence: 1}))
		},
		"monitor": func() error {
			_, err := online.Record(t.Context(), &sluice.OnlineFacts{Decisions: decided.New(1, noon, time.Second).Facts(1)})
			return err
		},
	}
	c := conn(t, url, "")
	must(t, c, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)")
	for _, table := range []string{"queries", "training_events", "decisions"} {
		must(t, c, "ALTER TABLE "+table+" ADD COLUMN later text NOT NULL")
	}
	for oldest, shutOut := range map[int]bool{9000: true, 15: false} {
		must(t, c, fmt.Sprintf("CREATE OR REPLACE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT %d'", oldest))
		for name, write := range writers {
			err := write()
			_, says := errors.AsType[*postgres.NewerError](err)
			var fault interface{ Permanent() bool }
			if permanent := errors.As(err, &fault) && fault.Permanent(); says != shutOut || permanent == shutOut {
				t.Errorf("%s, since %d: permanent is %v of %v", name, oldest, permanent, err)
			}
		}
	}
}
