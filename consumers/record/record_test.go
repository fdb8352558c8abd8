package record_test

import (
	"context"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/record"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
	"sluice/streams"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// stage opens the record stage on a database, and a pool for looking.
func stage(t *testing.T, url string) (*record.Handler, *postgres.DB) {
	t.Helper()
	store, err := postgres.OpenRecorder(t.Context(), url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	db, err := postgres.Connect(t.Context(), url, "test", 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return record.New(store, 0, func() time.Time { return world.Start.Add(24 * time.Hour) }), db
}

// counts reads how many rows each table has.
func counts(t *testing.T, db *postgres.DB) map[string]int64 {
	t.Helper()
	got := map[string]int64{}
	for _, table := range []string{"queries", "answers", "verdicts", "labels", "analyses", "examples", "calls", "dead_letters"} {
		rows, err := db.Table(t.Context(), "SELECT count(*) FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		got[table] = rows.Rows[0][0].(int64)
	}
	return got
}

// mustRecord records messages in batches and fails if one is not taken.
func mustRecord(t *testing.T, h *record.Handler, messages []streams.Message) {
	t.Helper()
	for len(messages) > 0 {
		n := min(500, len(messages))
		for i, r := range h.HandleBatch(t.Context(), messages[:n]) {
			if r.Err != nil || len(r.Out) > 0 {
				t.Fatalf("%s: %d outputs, %v", messages[i].Subject, len(r.Out), r.Err)
			}
		}
		messages = messages[n:]
	}
}

func TestEveryFactBecomesOneRow(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	w := world.New(t, 90)
	w.Poison()
	w.Stuck()
	mustRecord(t, h, w.Messages)
	want := map[string]int64{
		"queries": 91, "answers": 181, "verdicts": 180, "labels": 90, "analyses": 90, "examples": 90,
		"calls": 90*5 + 9 + 2, "dead_letters": 2,
	}
	if got := counts(t, db); !equal(got, want) {
		t.Fatalf("rows %v, want %v", got, want)
	}
	mustRecord(t, h, w.Messages)
	if got := counts(t, db); !equal(got, want) {
		t.Fatalf("recorded twice: rows %v, want %v", got, want)
	}
}

func equal(a, b map[string]int64) bool {
	for k := range b {
		if a[k] != b[k] {
			return false
		}
	}
	return len(a) == len(b)
}

var (
	_ = context.Canceled
	_ sluice.Class
)

// nowhere is a store that takes everything.
type nowhere struct{}

func (nowhere) Record(context.Context, *sluice.Facts) ([]int, error) { return nil, nil }
