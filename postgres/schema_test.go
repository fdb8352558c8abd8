package postgres_test

import (
	"strings"
	"testing"

	"sluice"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
)

// refused runs a statement that must fail with a constraint of that name.
func refused(t *testing.T, db *postgres.DB, constraint, sql string, args ...any) {
	t.Helper()
	_, err := db.Table(t.Context(), sql, args...)
	if err == nil {
		t.Errorf("%s: it was taken: %s", constraint, sql)
	} else if !strings.Contains(err.Error(), constraint) {
		t.Errorf("refused for another reason than %s: %v", constraint, err)
	}
}

// oneOf finds a query of a split.
func oneOf(t *testing.T, w *world.World, split sluice.Split) sluice.Query {
	t.Helper()
	for _, q := range w.Queries {
		if q.Split == split {
			return q
		}
	}
	t.Fatalf("no %s query", split)
	return sluice.Query{}
}

func TestATestRowCanNeverEnterTheTrainingSet(t *testing.T) {
	w := world.New(t, 40)
	db := w.Recorded(t, pgtest.New(t))
	test, train := oneOf(t, w, sluice.Test), oneOf(t, w, sluice.Train)
	example := func(q sluice.Query) any {
		rows, err := db.Table(t.Context(), "SELECT id FROM examples WHERE query_key = $1", q.Key)
		if err != nil {
			t.Fatal(err)
		}
		return rows.Rows[0][0]
	}
	const admit = "INSERT INTO training_set (run, query_number, example_id, split) VALUES ('r1', $1, $2, $3)"
	refused(t, db, "training_set_split_check", admit, test.Number, example(test), "test")
	refused(t, db, "training_set_query_number_example_id_split_fkey", admit, test.Number, example(test), "train")
	refused(t, db, "training_set_query_number_example_id_split_fkey", admit, train.Number, example(test), "train")
	refused(t, db, "training_set_query_number_example_id_split_fkey", admit, test.Number, example(train), "train")
	if _, err := db.Table(t.Context(), admit, train.Number, example(train), "train"); err != nil {
		t.Errorf("a train row: %v", err)
	}
	// Nor can a row that is in it change sides.
	refused(t, db, "fkey", "UPDATE queries SET split = 'test' WHERE key = $1", train.Key)
	refused(t, db, "fkey", "UPDATE queries SET content_hash = 'other' WHERE key = $1", train.Key)
	refused(t, db, "fkey", "UPDATE examples SET split = 'test' WHERE query_key = $1", train.Key)
}

func TestALabelOrExampleOfAnotherSplitThanItsQueryIsRefused(t *testing.T) {
	w := world.New(t, 40)
	db := w.Recorded(t, pgtest.New(t))
	test := oneOf(t, w, sluice.Test)
	refused(t, db, "labels_query_key_split_fkey", `INSERT INTO labels SELECT 'other', query_key, 'train', pair, policy, basis,
		judge_version, 'l2', matrix_version, drawn_at, query_number FROM labels WHERE query_key = $1`, test.Key)
	refused(t, db, "examples_query_key_id_split_fkey", `INSERT INTO examples SELECT id, query_key, 'train', analysis_version, made_at, query_number
		FROM examples WHERE query_key = $1`, test.Key)
	refused(t, db, "queries_split_check", "UPDATE queries SET split = 'both'")
	refused(t, db, "verdicts_grade_check", "UPDATE verdicts SET grade = 'splendid'")
}

func TestExamplesTrainHoldsTrainRowsWithAReferenceOnceAndNoWordingOfTheTestSplit(t *testing.T) {
	w := world.New(t, 60)
	db := w.Recorded(t, pgtest.New(t))
	want := 0
	for i, q := range w.Queries {
		if q.Split == sluice.Train && i%11 != 10 {
			want++
		}
	}
	const bad = `SELECT count(*), count(*) FILTER (WHERE e.split <> 'train' OR e.basis <> 'reference'), count(DISTINCT query_key)
		FROM examples_train e`
	rows, err := db.Table(t.Context(), bad)
	if err != nil {
		t.Fatal(err)
	}
	if got := rows.Rows[0]; got[0] != int64(want) || got[1] != int64(0) || got[2] != int64(want) {
		t.Errorf("rows, wrong ones, queries: %v, want %d of them", got, want)
	}
	// Another tenant asks a train row's question, and the loader calls that one a test row.
	train := oneOf(t, w, sluice.Train)
	if _, err := db.Table(t.Context(), `INSERT INTO queries (key, text, content_hash, source, tenant, asked_at, accepted_at, split)
		VALUES ('another', $1, $2, 'bank', 'other', now(), current_timestamp, 'test')`, train.Text, sluice.ContentHash(train.Text)); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Table(t.Context(), "SELECT count(*) FROM examples_train WHERE query_key = $1", train.Key); err != nil || got.Rows[0][0] != int64(0) {
		t.Errorf("a wording of the test split is still trained on: %v, %v", got, err)
	}
	// A relabelling replaces the label.
	other := w.Queries[1]
	for _, sql := range []string{
		`INSERT INTO labels SELECT 'newer', query_key, split, pair, 'Complex_Query', basis, judge_version, label_version, 'm2',
			drawn_at + interval '1 day', query_number FROM labels WHERE query_key = $1`,
		`INSERT INTO examples SELECT 'newer', query_key, split, analysis_version, made_at, query_number FROM examples WHERE query_key = $1`,
	} {
		if _, err := db.Table(t.Context(), sql, other.Key); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.Table(t.Context(), "SELECT example_id, policy FROM labelled_examples WHERE query_key = $1", other.Key)
	if err != nil || len(got.Rows) != 1 || got.Rows[0][0] != "newer" || got.Rows[0][1] != "Complex_Query" {
		t.Errorf("after a relabelling: %v, %v", got.Rows, err)
	}
}

func TestEveryTableViewColumnFunctionAndTriggerIsDescribed(t *testing.T) {
	db, err := postgres.Connect(t.Context(), pgtest.New(t), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got, err := db.Table(t.Context(), `
		SELECT c.relname::text FROM pg_class c
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'goose_db_version'
		  AND obj_description(c.oid) IS NULL
		UNION ALL
		SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'goose_db_version'
		  AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL
		UNION ALL
		SELECT p.proname::text FROM pg_proc p
		WHERE p.pronamespace = current_schema()::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL
		UNION ALL
		SELECT t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range got.Rows {
		t.Errorf("no comment on %v", row[0])
	}
	times, err := db.Table(t.Context(), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name <> 'goose_db_version' AND data_type LIKE 'timestamp%'
		  AND (data_type <> 'timestamp with time zone' OR column_name !~ '(^|_)at$')`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range times.Rows {
		t.Errorf("%v is no timestamptz named *_at", row[0])
	}
}

func TestTheAnalystReadsEverythingAndWritesNothing(t *testing.T) {
	w := world.New(t, 9)
	db := w.Recorded(t, pgtest.New(t))
	relations, err := db.Table(t.Context(), `SELECT c.relname::text FROM pg_class c
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')`)
	if err != nil || len(relations.Rows) < 20 {
		t.Fatalf("%d relations, %v", len(relations.Rows), err)
	}
	if _, err := db.Table(t.Context(), "CREATE TABLE later AS SELECT 1 AS n"); err != nil {
		t.Fatal(err)
	}
	for _, row := range append(relations.Rows, []any{"later"}) {
		name, _ := row[0].(string)
		got, err := db.Table(t.Context(), `SELECT has_table_privilege('analyst', $1, 'SELECT'),
			has_table_privilege('analyst', $1, 'INSERT, UPDATE, DELETE, TRUNCATE')`, name)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rows[0][0] != true || got.Rows[0][1] != false {
			t.Errorf("%s: the analyst may read %v, may write %v", name, got.Rows[0][0], got.Rows[0][1])
		}
	}
}

func TestMigratingWithoutTheRightToMakeRolesWorks(t *testing.T) {
	c := start(t, postgres.Options{Dir: pgtest.Dir(t), Fast: true})
	for _, sql := range []string{"CREATE ROLE owner LOGIN", "CREATE DATABASE owned OWNER owner"} {
		ask(t, c.URL(""), sql)
	}
	owned := strings.Replace(c.URL("owned"), "sluice@", "owner@", 1)
	applied, err := postgres.Migrate(t.Context(), owned)
	if err != nil || len(applied) < 4 {
		t.Fatalf("applied %d steps: %v", len(applied), err)
	}
	if got := ask(t, owned, "SELECT current_user::text"); got != "owner" {
		t.Errorf("migrated as %v", got)
	}
	if got := ask(t, owned, "SELECT count(*) FROM pg_roles WHERE rolname = 'analyst'"); got != int64(0) {
		t.Errorf("%v analysts", got)
	}
}
