package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pgtest"
	"sluice/postgres"
)

// die records dead letters of that many messages, without the stage: l1, l2 and so on.
func die(t *testing.T, c *pgx.Conn, n int) {
	t.Helper()
	must(t, c, `INSERT INTO dead_letters (id, stage, durable, reason, class, error, attempts, deliveries, stream, subject, sequence, message_id,
			content_type, query_key, raw, raw_elsewhere, stored_at, died_at)
		SELECT 'l' || i, 'judge', 'judge-v1', 'refused', 'terminal', 'no', 1, 1, 'ANSWERS', 'answers.said.p.k' || i || '.a', i, 'm', 'c', 'k' || i, '',
			false, now(), now() FROM generate_series(1, $1) i`, n)
}

func ids(t *testing.T, c *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := c.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func TestNotingALetterTwiceIsNotingItOnceAndTheLastWordHolds(t *testing.T) {
	url := pgtest.New(t)
	c := conn(t, url, "")
	die(t, c, 3)
	r, err := postgres.OpenRecorder(t.Context(), url, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	note := func(gone, there []string, want ...string) {
		t.Helper()
		if err := r.NoteLetters(t.Context(), gone, there); err != nil {
			t.Fatal(err)
		}
		open, err := r.OpenLetters(t.Context())
		if slices.Sort(open); err != nil || !slices.Equal(open, want) {
			t.Errorf("open are %v (%v), want %v", open, err, want)
		}
		if seen := ids(t, c, "SELECT id FROM dead_letters_open"); !slices.Equal(seen, want) {
			t.Errorf("the view has %v, want %v", seen, want)
		}
	}
	const since = "SELECT id || gone_at FROM dead_letters WHERE gone_at IS NOT NULL"
	note([]string{"l1", "l2", "never recorded"}, []string{"l3", "not recorded yet"}, "l3")
	first := ids(t, c, since)
	note([]string{"l1", "l2"}, nil, "l3")
	if again := ids(t, c, since); len(first) != 2 || !slices.Equal(again, first) {
		t.Errorf("gone since %v, and noted again %v", first, again)
	}
	note([]string{"l3"}, []string{"l1"}, "l1")
}

func TestALetterThatSomebodyErasesIsWaitedForByNobody(t *testing.T) {
	url := pgtest.New(t)
	c := conn(t, url, "")
	die(t, c, 2)
	r, err := postgres.OpenRecorder(t.Context(), url, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	must(t, c, "BEGIN")
	must(t, c, "DELETE FROM dead_letters WHERE id = 'l1'")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := r.NoteLetters(ctx, []string{"l1", "l2"}, nil); err != nil {
		t.Fatal(err)
	}
	must(t, c, "ROLLBACK")
	if open := ids(t, c, "SELECT id FROM dead_letters_open"); !slices.Equal(open, []string{"l1"}) {
		t.Errorf("open are %v, want l1 for the next time", open)
	}
}

func TestLettersOfBeforeStayAsTheyWereGuessedUntilTheyAreCompared(t *testing.T) {
	url := migrated(t, 17)
	c := conn(t, url, "")
	die(t, c, 3)
	must(t, c, "UPDATE dead_letters SET sequence = 1, subject = 'answers.said.p.k1.a', died_at = died_at + interval '1s' WHERE id = 'l2'") // l1's second death
	if before := ids(t, c, "SELECT id FROM dead_letters_open"); !slices.Equal(before, []string{"l2", "l3"}) {
		t.Fatalf("before, open are %v", before)
	}
	applied, err := postgres.Migrate(t.Context(), url)
	if err != nil || len(applied) == 0 || applied[0].Version != 18 {
		t.Fatalf("applied %v, %v", applied, err)
	}
	if after := ids(t, c, "SELECT id FROM dead_letters_open"); !slices.Equal(after, []string{"l2", "l3"}) {
		t.Errorf("open are %v, want l2 and l3", after)
	}
	var at *time.Time
	if err := c.QueryRow(t.Context(), "SELECT gone_at FROM dead_letters WHERE id = 'l1'").Scan(&at); err != nil || at == nil {
		t.Errorf("l1 is gone at %v, %v", at, err)
	}
}
