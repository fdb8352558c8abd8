package record_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
	"sluice/streams"
)

// told are a query that the log numbered, and an answer to it.
func told(t *testing.T, id string, number int64) []streams.Message {
	t.Helper()
	q := sluice.Query{ID: id, Number: number, Text: "What is " + id + "?", Source: "web", AskedAt: world.Start, Split: sluice.Train}
	q.Key = sluice.QueryKey(q.Tenant, q.ID, q.Text)
	accepted, err := streams.AcceptedFact(sluice.Accepted{Query: q})
	said, other := streams.SaidFact(sluice.Answer{Query: q, Pair: "p1", Arm: "a", Text: "said of " + id, CallID: "c"})
	if err := errors.Join(err, other); err != nil {
		t.Fatal(err)
	}
	accepted.StoredAt, said.StoredAt = world.Start, world.Start
	return []streams.Message{accepted, said}
}

// stored is what is stored of a query: its number, and what was said of it, found by number and by key.
type stored struct {
	number int64
	said   [2]string
}

func numbered(t *testing.T, db *postgres.DB) map[string]stored {
	t.Helper()
	rows, err := db.Table(t.Context(), `SELECT q.id, q.number, coalesce(n.text, ''), coalesce(k.text, '') FROM queries q
		LEFT JOIN answers n ON n.query_number = q.number LEFT JOIN answers k ON k.query_key = q.key`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]stored{}
	for _, row := range rows.Rows {
		got[row[0].(string)] = stored{row[1].(int64), [2]string{row[2].(string), row[3].(string)}}
	}
	return got
}

// want compares; -1 stands for any number below 0.
func want(t *testing.T, db *postgres.DB, numbers map[string]int64) {
	t.Helper()
	got := numbered(t, db)
	if len(got) != len(numbers) {
		t.Errorf("%d queries: %v, want %d", len(got), got, len(numbers))
	}
	for id, number := range numbers {
		said := "said of " + id
		if g := got[id]; g.said != [2]string{said, said} || g.number != number && (g.number > 0 || number > 0) {
			t.Errorf("%s: %v, want number %d and %q", id, g, number, said)
		}
	}
}

// A log that is made anew counts from 1 again: its queries find the numbers of others in the tables.
func TestAQueryWhoseNumberIsTakenHasOneOfItsOwn(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	mustRecord(t, h, append(told(t, "first", 1), told(t, "second", 2)...))
	anew := append(append(told(t, "third", 1), told(t, "fourth", 3)...), told(t, "unnumbered", 0)...)
	anew = append(anew, told(t, "second", 9)...) // asked again, and numbered again
	for range 2 {
		mustRecord(t, h, anew)
		want(t, db, map[string]int64{"first": 1, "second": 2, "fourth": 3, "third": -1, "unnumbered": -1})
	}
	// What is said later goes by the log's number, which is another query's here.
	mustRecord(t, h, told(t, "fifth", 2)[:1])
	h.Patience(0)
	mustRecord(t, h, told(t, "fifth", 2)[1:])
	want(t, db, map[string]int64{"first": 1, "second": 2, "fourth": 3, "third": -1, "unnumbered": -1, "fifth": -1})
}

func TestTwoQueriesOfOneNumberAreBothStored(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	mustRecord(t, h, append(told(t, "one", 1), told(t, "other", 1)...))
	want(t, db, map[string]int64{"one": -1, "other": -1})
}

// Nobody knows yet of the other, and both hold the number when they come to write.
func TestTwoRecordersMayBringOneNumberAtOnce(t *testing.T) {
	url := pgtest.New(t)
	h, db := stage(t, url)
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.WithoutCancel(t.Context())) }()
	tx, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `INSERT INTO queries (number, key, id, text, content_hash, source, asked_at, accepted_at, split)
		VALUES (1, 'k', 'other', '', '', '', now(), current_timestamp, 'train')`); err != nil {
		t.Fatal(err)
	}
	batch, done := told(t, "one", 1), make(chan []streams.Result, 1)
	go func() { done <- h.HandleBatch(t.Context(), batch) }()
	for waits, rounds := int64(0), 0; waits == 0; rounds++ {
		err := other.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity, pg_sleep(0.005)
			WHERE cardinality(pg_blocking_pids(pid)) > 0 AND datname = current_database()`).Scan(&waits)
		if err != nil || rounds > 2000 {
			t.Fatalf("nobody waits: %v", err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range <-done {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	if _, err := other.Exec(t.Context(), `INSERT INTO answers (query_number, query_key, pair, arm, text, call_id, said_at)
		VALUES (1, 'k', 'p1', 'a', 'said of other', '', now())`); err != nil {
		t.Fatal(err)
	}
	want(t, db, map[string]int64{"one": -1, "other": 1})
}
