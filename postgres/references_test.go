package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
)

// conn opens a connection of its own; role, where it is not empty, is whose rights it has.
func conn(t *testing.T, url, role string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	if role != "" {
		must(t, c, "SET ROLE "+role)
	}
	return c
}

func must(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func number(t *testing.T, c *pgx.Conn, sql string, args ...any) (n int64) {
	t.Helper()
	if err := c.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// violation checks that an error is what a foreign key's would be.
func violation(t *testing.T, err error, table, constraint, names string) {
	t.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		t.Errorf("%s: refused by %v, want a violation of %s", table, err, constraint)
		return
	}
	if pg.Code != "23503" || pg.TableName != table || pg.ConstraintName != constraint || !strings.Contains(pg.Detail, names) {
		t.Errorf("%s %s, table %s, constraint %s, %q; want 23503, %s, %s, naming %s",
			pg.Code, pg.Message, pg.TableName, pg.ConstraintName, pg.Detail, table, constraint, names)
	}
}

// references are the tables that refer to another one, by what, and a row of theirs, made of one that is there, whose
// parent is missing: $1 is the number that it says, $2 the key.
var references = []struct{ table, columns, constraint, orphan string }{
	{
		"answers", "query_number, query_key, pair, arm, text, call_id, said_at", "answers_query_key_fkey",
		`SELECT $1, $2, 'p2', arm, text, call_id, said_at FROM answers`,
	},
	{
		"verdicts", "query_number, query_key, judge_version, pair, arm, grade, reason, basis, shortcut, call_id, given_at",
		"verdicts_query_key_fkey",
		`SELECT $1, $2, 'v9', pair, arm, grade, reason, basis, shortcut, call_id, given_at FROM verdicts`,
	},
	{
		"analyses", `query_number, query_key, analysis_version, domain, complexity, reasoning_steps, ambiguity, knowledge_recency,
		answer_type, specificity, requires_math, requires_code, language, summary, call_id, made_at`, "analyses_query_key_fkey",
		`SELECT $1, $2, 'v9', domain, complexity, reasoning_steps, ambiguity, knowledge_recency, answer_type, specificity,
		requires_math, requires_code, language, summary, call_id, made_at FROM analyses`,
	},
	{
		"labels", "query_number, query_key, id, split, pair, policy, basis, judge_version, label_version, matrix_version, drawn_at",
		"labels_query_key_split_fkey",
		`SELECT $1, $2, 'other', split, pair, policy, basis, judge_version, label_version, matrix_version, drawn_at FROM labels`,
	},
	{
		"examples", "query_number, query_key, id, split, analysis_version, made_at", "examples_query_key_id_split_fkey",
		`SELECT $1, $2, 'unmade', split, analysis_version, made_at FROM examples`,
	},
}

func TestAnOrphanIsRefusedInEveryTableByInsertAndByCopy(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	c := conn(t, url, "")
	must(t, c, `INSERT INTO labels SELECT 'unmade', query_key, split, pair, policy, basis, judge_version, 'l9', matrix_version, drawn_at,
		query_number FROM labels WHERE query_number = 1`)
	q := w.Queries[0]
	for _, r := range references {
		for _, of := range []struct {
			number int64
			key    string
		}{{0, q.Key}, {2, q.Key}, {q.Number, "nobody"}} { // no number, another query's, another query's key
			rows := strings.NewReplacer("$1", fmt.Sprint(of.number), "$2", "'"+of.key+"'").Replace(r.orphan) + " WHERE query_number = 1 LIMIT 1"
			_, err := c.Exec(t.Context(), "INSERT INTO "+r.table+" ("+r.columns+") "+rows)
			violation(t, err, r.table, r.constraint, "'"+of.key+"'")
			var made strings.Builder
			if _, err := c.PgConn().CopyTo(t.Context(), &made, "COPY ("+rows+") TO STDOUT"); err != nil {
				t.Fatal(err)
			}
			_, err = c.PgConn().CopyFrom(t.Context(), strings.NewReader(made.String()), "COPY "+r.table+" ("+r.columns+") FROM STDIN")
			violation(t, err, r.table, r.constraint, "'"+of.key+"'")
		}
		if n := number(t, c, "SELECT count(*) FROM "+r.table+" c WHERE NOT EXISTS (SELECT FROM queries q WHERE q.number = c.query_number AND q.key = c.query_key)"); n != 0 {
			t.Errorf("%s has %d orphans", r.table, n)
		}
	}
	// One among many takes all of the statement along.
	_, err := c.Exec(t.Context(), `INSERT INTO answers (query_number, query_key, pair, arm, text, call_id, said_at)
		SELECT $1, CASE WHEN n = 500 THEN 'nobody' ELSE $2 END, 'p' || n, 'a', '', '', now() FROM generate_series(1, 1000) n`,
		w.Queries[0].Number, w.Queries[0].Key)
	violation(t, err, "answers", "answers_query_key_fkey", "'nobody'")
}

func TestWhatARowIsAboutNeverChanges(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	c := conn(t, url, "")
	for table, key := range map[string]string{
		"queries": "key", "answers": "query_key", "verdicts": "query_key", "analyses": "query_key", "labels": "id", "examples": "id",
	} {
		_, err := c.Exec(t.Context(), fmt.Sprintf("UPDATE %s SET %s = 'nobody' WHERE %s = (SELECT min(%s) FROM %s)", table, key, key, key, table))
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "23503" || pg.TableName != table {
			t.Errorf("%s.%s was changed: %v", table, key, err)
		}
	}
	must(t, c, "UPDATE verdicts SET reason = 'for another reason'")
	must(t, c, "UPDATE queries SET source = 'elsewhere'")
}

func TestChildrenGoWithTheirParentAndOthersStay(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	c := conn(t, url, "")
	gone, half := oneOf(t, w, sluice.Train), w.Queries[8].Key
	must(t, c, "INSERT INTO training_set (run, query_number, example_id) SELECT 'r1', query_number, id FROM examples WHERE split = 'train'")
	before := number(t, c, "SELECT count(*) FROM training_set")
	must(t, c, "DELETE FROM queries WHERE key = $1", gone.Key)
	for table, want := range map[string]int64{"answers": 16, "verdicts": 16, "analyses": 8, "labels": 8, "examples": 8, "training_set": before - 1} {
		if n := number(t, c, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%d %s are left, want %d", n, table, want)
		}
		if n := number(t, c, "SELECT count(*) FROM "+table+" WHERE query_number = $1", gone.Number); n != 0 {
			t.Errorf("%d %s of a query that is gone", n, table)
		}
	}
	must(t, c, "DELETE FROM labels WHERE query_key = $1", half)
	if n := number(t, c, "SELECT count(*) FROM examples"); n != 7 {
		t.Errorf("%d examples without the label, want 7", n)
	}
	if n := number(t, c, "SELECT count(*) FROM answers"); n != 16 {
		t.Errorf("a label took answers along: %d are left", n)
	}
}

func TestTruncateMustNameTheChildren(t *testing.T) {
	url := pgtest.New(t)
	world.New(t, 9).Recorded(t, url)
	c := conn(t, url, "")
	for _, tables := range []string{"queries", "queries CASCADE", "labels", "queries, answers, verdicts, analyses"} {
		if _, err := c.Exec(t.Context(), "TRUNCATE "+tables); err == nil || !strings.Contains(err.Error(), "23503") {
			t.Errorf("TRUNCATE %s: %v", tables, err)
		}
	}
	must(t, c, "TRUNCATE queries, answers, verdicts, analyses, labels, examples, training_set")
}

const sayTwice = `INSERT INTO answers (query_number, query_key, pair, arm, text, call_id, said_at)
	SELECT query_number, query_key, 'p2', arm, text, call_id, said_at FROM answers`

func TestReferencesAreCheckedAboveReadCommittedByNobody(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	c := conn(t, url, "")
	for _, sql := range []string{
		"DELETE FROM queries", "DELETE FROM labels", sayTwice,
	} {
		must(t, c, "BEGIN ISOLATION LEVEL REPEATABLE READ")
		if _, err := c.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "READ COMMITTED") {
			t.Errorf("%s at REPEATABLE READ: %v", sql, err)
		}
		must(t, c, "ROLLBACK")
	}
}

// What a role may do that has no right but to write one table is what it could do with a foreign key.
func TestARoleThatMayOnlyWriteIsChecked(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	owner := conn(t, url, "")
	role := "writer_" + w.Queries[0].Key[:8]
	must(t, owner, "CREATE ROLE "+role)
	t.Cleanup(func() {
		if _, err := owner.Exec(context.WithoutCancel(t.Context()), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	must(t, owner, "GRANT INSERT ON answers TO "+role+"; GRANT DELETE, SELECT ON queries TO "+role+"; GRANT CREATE ON SCHEMA public TO "+role)
	c := conn(t, url, role)
	const say = "INSERT INTO answers (query_number, query_key, pair, arm, text, call_id, said_at) VALUES (1, $1, $2, 'a', '', '', now())"
	must(t, c, say, w.Queries[0].Key, "p2")
	// Not even a table of the same name fools the check.
	must(t, c, "CREATE TEMP TABLE queries (number bigint, key text COLLATE \"C\", split text)")
	must(t, c, "INSERT INTO pg_temp.queries VALUES (1, 'nobody', 'train')")
	_, err := c.Exec(t.Context(), say, "nobody", "p3")
	violation(t, err, "answers", "answers_query_key_fkey", "'nobody'")
	must(t, c, "DELETE FROM public.queries WHERE key = $1", w.Queries[0].Key)
	if n := number(t, owner, "SELECT count(*) FROM answers WHERE query_key = $1", w.Queries[0].Key); n != 0 {
		t.Errorf("%d answers outlive their query", n)
	}
	// And the owner's rights are lent to nobody's own triggers.
	must(t, c, "CREATE TABLE own (key text)")
	_, err = c.Exec(t.Context(), `CREATE TRIGGER mine AFTER DELETE ON own REFERENCING OLD TABLE AS gone
		FOR EACH STATEMENT EXECUTE FUNCTION delete_children_of_queries()`)
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a trigger with the owner's rights: %v", err)
	}
}

func TestAParentIsLookedUpInItsIndexHoweverSmallItsTableWas(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	c := conn(t, url, "")
	must(t, c, "VACUUM ANALYZE") // a plan for a table of one page reads that page
	must(t, c, "BEGIN")
	const scans = "SELECT sum(seq_scan)::bigint FROM pg_stat_xact_user_tables WHERE relname IN ('queries', 'labels')"
	must(t, c, sayTwice)
	must(t, c, "INSERT INTO labels SELECT concat('of ', q.key), q.key, split, 'p2', '', 'reference', 'j', 'l', 'm', now(), number FROM queries q")
	before := number(t, c, scans) // the statement above reads all of queries itself
	must(t, c, "INSERT INTO examples SELECT concat('of ', q.key), q.key, split, 'a', now(), 1 FROM (VALUES ($1, $2)) q (key, split)",
		w.Queries[0].Key, string(w.Queries[0].Split))
	if after := number(t, c, scans); before > 1 || after != before {
		t.Errorf("queries and labels were read whole %d, then %d times", before, after)
	}
	must(t, c, "ROLLBACK")
}

// A recorder of before migration 17 takes some errors for the fact's fault, and buries it: class 22, 23 and 54.
func TestARowWithoutANumberIsRefusedAsAnOutageIs(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	c := conn(t, url, "")
	for _, r := range references {
		columns := strings.TrimPrefix(r.columns, "query_number, ")
		rows := strings.NewReplacer("$1, ", "", "$2", "'"+w.Queries[0].Key+"'").Replace(r.orphan) + " LIMIT 1"
		_, err := c.Exec(t.Context(), "INSERT INTO "+r.table+" ("+columns+") "+rows)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "55000" || !strings.Contains(pg.Hint, "Stop the older sluice") {
			t.Errorf("%s: %v", r.table, err)
		}
	}
}
