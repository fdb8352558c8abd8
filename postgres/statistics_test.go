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
	must(t, c, `INSERT INTO queries (number, key, text, content_hash, source, asked_at, accepted_at, split)
		SELECT i, 'k' || i, 'text ' || i, 'h' || i, 'web', now(), current_timestamp, 'train' FROM generate_series(1, 5000) i`)
	must(t, c, `INSERT INTO answers (query_number, query_key, pair, arm, text, call_id, said_at)
		SELECT i, 'k' || i, 'p', arm, 'text', 'c' || i || arm, now() FROM generate_series(1, 5000) i, unnest('{a,b}'::text[]) arm`)
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

// migrated makes a database at a migration.
func migrated(t *testing.T, last int64) (url string) {
	t.Helper()
	url = pgtest.Empty(t)
	db := stdlib.OpenDB(*conn(t, url, "").Config())
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	return url
}

func TestADatabaseWithRowsTakesTheStepsThatItLacks(t *testing.T) {
	url := migrated(t, 8)
	c := conn(t, url, "")
	for _, sql := range []string{
		`INSERT INTO queries (key, text, content_hash, source, asked_at, accepted_at, split)
			SELECT 'k' || i, 'text ' || i, 'h' || i, 'web', now(), current_timestamp, 'train' FROM generate_series(1, 5000) i`,
		`INSERT INTO answers (query_key, pair, arm, text, call_id, said_at)
			SELECT key, 'p', arm, 'text', key || arm, now() FROM queries, unnest('{a,b}'::text[]) arm`,
		`INSERT INTO verdicts (query_key, judge_version, pair, arm, grade, reason, basis, shortcut, given_at)
			SELECT query_key, 'v1', pair, arm, 'correct', '', 'reference', false, now() FROM answers`,
		`INSERT INTO labels (id, query_key, split, pair, policy, basis, judge_version, label_version, matrix_version, drawn_at)
			SELECT concat('l', key), key, split, 'p', 'Standard_Query', 'reference', 'v1', 'l1', 'm1', now() FROM queries`,
		`INSERT INTO analyses SELECT key, 'v1', 'd', 'low', 1, 'none', 'live', 'date', 'broad', false, true, 'en', '', NULL, now() FROM queries`,
		`INSERT INTO examples (id, query_key, split, analysis_version, made_at) SELECT id, query_key, split, 'v1', now() FROM labels`,
		`INSERT INTO training_set (run, query_key, example_id) SELECT 'r1', query_key, id FROM examples`,
	} {
		must(t, c, sql)
	}
	if _, err := postgres.Migrate(t.Context(), roleWithoutRights(t, url)); err == nil || !strings.Contains(err.Error(), "for the tables' owner") {
		t.Errorf("a role that owns nothing: %v", err)
	}
	applied, err := postgres.Migrate(t.Context(), url)
	if err != nil || len(applied) == 0 || applied[0].Version != 9 {
		t.Fatalf("applied %v, %v", applied, err)
	}
	for table, want := range map[string]int64{"answers": 10_000, "verdicts": 10_000, "labels": 5000, "analyses": 5000, "examples": 5000} {
		if n := number(t, c, "SELECT count(*) FROM queries q JOIN "+table+" c ON c.query_number = q.number AND c.query_key = q.key"); n != want {
			t.Errorf("%d %s are left of %d, under their query's number", n, table, want)
		}
	}
	if n := number(t, c, "SELECT count(*) FROM training_set t JOIN examples e ON e.query_number = t.query_number AND e.id = t.example_id"); n != 5000 {
		t.Errorf("%d rows of the training set are left of 5,000", n)
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
