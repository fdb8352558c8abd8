package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"sluice/internal/pgtest"
	"sluice/migrations"
	"sluice/postgres"
)

// grow writes the questions and the answers of 5,000 queries.
func grow(t *testing.T, c *pgx.Conn) {
	t.Helper()
	must(t, c, `INSERT INTO queries (key, text, content_hash, source, asked_at, accepted_at, split)
		SELECT 'k' || i, 'text ' || i, 'h' || i, 'web', now(), current_timestamp, 'train' FROM generate_series(1, 5000) i`)
	must(t, c, `INSERT INTO answers (query_key, pair, arm, text, call_id, said_at)
		SELECT 'k' || i, 'p', arm, 'text', 'c' || i || arm, now() FROM generate_series(1, 5000) i, unnest('{a,b}'::text[]) arm`)
}

// described lets the server describe a table to its planner, and returns what it says of that.
func described(t *testing.T, url, table string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { said.WriteString(n.Message + "\n") }
	c, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
	must(t, c, "ANALYZE VERBOSE "+table)
	return said.String()
}

func TestATableThatGrowsIsDescribedByThreeThousandRows(t *testing.T) {
	url := pgtest.New(t)
	c := conn(t, url, "")
	grow(t, c)
	for _, table := range []string{"queries", "answers"} {
		if said := described(t, url, table); !strings.Contains(said, "3000 rows in sample") {
			t.Errorf("%s: %s", table, said)
		}
	}
	// One column with a larger target makes the whole table's sample larger.
	for _, table := range []string{"queries", "calls", "answers", "verdicts", "labels", "analyses", "examples"} {
		if n := number(t, c, `SELECT count(*) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0
			AND NOT attisdropped AND attstattarget <> 10`, table); n > 0 {
			t.Errorf("%d columns of %s want a sample of another size", n, table)
		}
	}
}

func TestThePlannerKnowsHowManyRowsAQueryHas(t *testing.T) {
	url := pgtest.New(t)
	c := conn(t, url, "")
	grow(t, c)
	described(t, url, "answers")
	var rows float64
	if err := c.QueryRow(t.Context(), `SELECT -1 / n_distinct FROM pg_stats WHERE schemaname = current_schema()
		AND tablename = 'answers' AND attname = 'query_key'`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows != 2 {
		t.Errorf("it counts on %g answers a query, want 2", rows)
	}
}

func TestADatabaseWithRowsTakesTheStepsThatItLacks(t *testing.T) {
	url := pgtest.Empty(t)
	db := stdlib.OpenDB(*conn(t, url, "").Config())
	defer func() { _ = db.Close() }()
	old, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.UpTo(t.Context(), 8); err != nil {
		t.Fatal(err)
	}
	c := conn(t, url, "")
	grow(t, c)
	if _, err := postgres.Migrate(t.Context(), roleWithoutRights(t, url)); err == nil || !strings.Contains(err.Error(), "for the tables' owner") {
		t.Errorf("a role that owns nothing: %v", err)
	}
	applied, err := postgres.Migrate(t.Context(), url)
	if err != nil || len(applied) == 0 || applied[0].Version != 9 {
		t.Fatalf("applied %v, %v", applied, err)
	}
	if n := number(t, c, "SELECT count(*) FROM queries q JOIN answers a ON a.query_key = q.key"); n != 10_000 {
		t.Errorf("%d answers are left of 10,000", n)
	}
	if n := number(t, c, "SELECT has_table_privilege('analyst', 'policy_accuracy', 'SELECT')::int"); n != 1 {
		t.Error("analysts may not read a view that was replaced")
	}
	if again, err := postgres.Migrate(t.Context(), url); err != nil || len(again) > 0 {
		t.Errorf("applied again: %v, %v", again, err)
	}
	if said := described(t, url, "answers"); !strings.Contains(said, "3000 rows in sample") {
		t.Errorf("answers: %s", said)
	}
}
