package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
)

// blocked returns when the connection waits for another one.
func blocked(t *testing.T, watcher *pgx.Conn, pid uint32) {
	t.Helper()
	for range 2000 {
		if number(t, watcher, "SELECT cardinality(pg_blocking_pids($1)) FROM pg_sleep(0.005)", pid) > 0 {
			return
		}
	}
	t.Fatal("nobody waits for anybody")
}

const sayMore = "INSERT INTO answers (query_number, query_key, pair, arm, text, call_id, said_at) VALUES ($1, $2, 'p2', 'a', '', '', now())"

// waits runs a statement on a connection that has to wait for another one, and returns how it ends.
func waits(t *testing.T, watcher, c *pgx.Conn, sql string, args ...any) <-chan error {
	t.Helper()
	pid, done := c.PgConn().PID(), make(chan error, 1)
	go func() {
		_, err := c.Exec(t.Context(), sql, args...)
		done <- err
	}()
	blocked(t, watcher, pid)
	return done
}

func TestAChildThatIsWrittenWhileItsParentIsDeletedIsNoOrphan(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	writer, deleter, watcher := conn(t, url, ""), conn(t, url, ""), conn(t, url, "")
	const forget = "DELETE FROM queries WHERE key = $1"
	left := func(key string) int64 {
		return number(t, watcher, "SELECT count(*) FROM answers WHERE query_key = $1", key)
	}

	first := w.Queries[0] // the child comes first: it goes with its parent
	must(t, writer, "BEGIN")
	must(t, writer, sayMore, first.Number, first.Key)
	done := waits(t, watcher, deleter, forget, first.Key)
	must(t, writer, "COMMIT")
	if err := <-done; err != nil || left(first.Key) != 0 {
		t.Errorf("the child came first: %v, %d answers are left", err, left(first.Key))
	}

	second := w.Queries[1] // the deletion comes first: the child is refused
	must(t, deleter, "BEGIN")
	must(t, deleter, forget, second.Key)
	done = waits(t, watcher, writer, sayMore, second.Number, second.Key)
	must(t, deleter, "COMMIT")
	violation(t, <-done, "answers", "answers_query_key_fkey", second.Key)
	if left(second.Key) != 0 {
		t.Errorf("%d orphans", left(second.Key))
	}

	third := w.Queries[2] // the deletion is taken back: the child is taken
	must(t, deleter, "BEGIN")
	must(t, deleter, forget, third.Key)
	done = waits(t, watcher, writer, sayMore, third.Number, third.Key)
	must(t, deleter, "ROLLBACK")
	if err := <-done; err != nil || left(third.Key) != 3 {
		t.Errorf("the deletion was taken back: %v, %d answers", err, left(third.Key))
	}
}

func TestTwoWhoDeleteAtOnceWaitForEachOtherInTurn(t *testing.T) {
	w := world.New(t, 9)
	url := pgtest.New(t)
	w.Recorded(t, url)
	one, other, watcher := conn(t, url, ""), conn(t, url, ""), conn(t, url, "")
	must(t, one, "BEGIN")
	must(t, one, "DELETE FROM queries WHERE key = $1", w.Queries[0].Key)
	done := waits(t, watcher, other, "DELETE FROM labels WHERE query_key = $1", w.Queries[1].Key)
	must(t, one, "DELETE FROM queries WHERE key = $1", w.Queries[1].Key)
	must(t, one, "COMMIT")
	if err := <-done; err != nil {
		t.Errorf("the second one: %v", err)
	}
	if n := number(t, watcher, "SELECT count(*) FROM labels"); n != 7 {
		t.Errorf("%d labels are left, want 7", n)
	}
}
