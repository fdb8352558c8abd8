package postgres_test

import (
	"testing"

	"sluice/internal/pgtest"
	"sluice/postgres"
)

// escapes are statements that a session which only sets the role analyst runs with the rights of its user.
var escapes = map[string]string{
	"writes":          `DO $$ BEGIN COMMIT; SET TRANSACTION READ WRITE; SET ROLE sluice; CREATE TABLE escaped (n int); END $$`,
	"runs a program":  `DO $$ BEGIN SET ROLE sluice; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'; END $$`,
	"reads a file":    `SELECT set_config('role', 'none', true), query_to_xml('SELECT pg_read_file(''PG_VERSION'')', false, true, '')::text`,
	"resets":          `DO $$ BEGIN RESET SESSION AUTHORIZATION; PERFORM pg_read_file('PG_VERSION'); END $$`,
	"keeps an object": `DO $$ BEGIN COMMIT; SET TRANSACTION READ WRITE; PERFORM lo_from_bytea(0, 'x'); END $$`,
}

func TestWhoAsksAsAnalystHasNoMoreRightsWhateverTheStatement(t *testing.T) {
	c := pgtest.Cluster(t)
	u, err := c.AnalystURL(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Connect(t.Context(), u, "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for what, sql := range escapes {
		if got, err := db.Look(t.Context(), sql); err == nil {
			t.Errorf("it %s: %v", what, got.Rows)
		}
	}
	got, err := db.Look(t.Context(), "SELECT count(*), session_user::text FROM queries")
	if err != nil || got.Rows[0][0] != int64(0) || got.Rows[0][1] != "analyst" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestALookChangesNothingThoughItsUserMayWrite(t *testing.T) {
	db, err := postgres.Connect(t.Context(), pgtest.New(t), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, sql := range []string{"CREATE TABLE a (n int)", escapes["writes"], escapes["keeps an object"]} {
		if _, err := db.Look(t.Context(), sql); err == nil {
			t.Errorf("%s: it may", sql)
		}
	}
	_, _ = db.Look(t.Context(), "SELECT lo_from_bytea(0, 'x')") // Postgres 16 refuses it
	if got, err := db.Table(t.Context(), "SELECT to_regclass('escaped') IS NULL AND to_regclass('a') IS NULL AND NOT EXISTS (SELECT FROM pg_largeobject_metadata)"); err != nil || got.Rows[0][0] != true {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAnAnalystIsLetInByManyAtOnce(t *testing.T) {
	c := pgtest.Cluster(t)
	faults := make(chan error)
	for range 8 {
		go func() {
			_, err := c.AnalystURL(t.Context(), "")
			faults <- err
		}()
	}
	for range 8 {
		if err := <-faults; err != nil {
			t.Error(err)
		}
	}
}
