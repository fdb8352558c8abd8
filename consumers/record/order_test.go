package record_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"sluice"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
	"sluice/streams"
)

// dump reads every fact of every table in one order, without the numbers of queries that the log gave none: those are
// counted as the queries come.
func dump(t *testing.T, db *postgres.DB) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"queries", "answers", "verdicts", "labels", "analyses", "examples", "calls", "dead_letters"} {
		rows, err := db.Table(t.Context(), fmt.Sprintf(`SELECT (to_jsonb(x) - CASE WHEN coalesce(x_number, 0) < 0 THEN ARRAY['number', 'query_number'] ELSE '{}' END)::text
			FROM %s x, to_jsonb(x) j, coalesce((j ->> 'number')::bigint, (j ->> 'query_number')::bigint) x_number ORDER BY 1`, table))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows.Rows {
			fmt.Fprintln(&all, table, row[0])
		}
	}
	return all.String()
}

func TestAnyOrderAndRepetitionOfFactsGivesTheSameTables(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	w := world.New(t, 5)
	w.Poison()
	w.Stuck()
	w.SecondOpinion()
	h.Patience(0)
	mustRecord(t, h, w.Messages)
	want := dump(t, db)
	rapid.Check(t, func(r *rapid.T) {
		if _, err := db.Table(t.Context(), "TRUNCATE queries, answers, verdicts, labels, analyses, examples, training_set, calls, dead_letters"); err != nil {
			r.Fatal(err)
		}
		left := rapid.Permutation(w.Messages).Draw(r, "order")
		again := rapid.SliceOfN(rapid.SampledFrom(w.Messages), 0, 20).Draw(r, "again")
		for i, m := range again {
			left = slices.Insert(left, i*len(left)/len(again), m)
		}
		size := rapid.IntRange(1, 40).Draw(r, "batch")
		for round := 0; len(left) > 0; round++ {
			if round > 10_000 {
				r.Fatalf("%d messages wait for ever", len(left))
			}
			n := min(size, len(left))
			batch := left[:n]
			var waiting []streams.Message
			for i, res := range h.HandleBatch(t.Context(), batch) {
				switch {
				case res.Err == nil:
				case sluice.ClassOf(res.Err) == sluice.ClassWait:
					waiting = append(waiting, batch[i])
				default:
					r.Fatalf("%s: %v", batch[i].Subject, res.Err)
				}
			}
			left = append(slices.Clone(left[n:]), waiting...)
		}
		if got := dump(t, db); got != want {
			r.Fatalf("the tables differ:\n%s\nwant:\n%s", got, want)
		}
	})
}

func TestManyRecordersAtOnceNeverDeadlock(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	w := world.New(t, 300)
	mustRecord(t, h, w.Of(streams.StreamAccepted))
	mustRecord(t, h, w.Of(streams.StreamLabels))
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			shuffled := slices.Clone(w.Messages)
			random := rand.New(rand.NewPCG(uint64(worker), 7))
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			for batch := range slices.Chunk(shuffled, 200) {
				for i, r := range h.HandleBatch(t.Context(), batch) {
					if r.Err != nil {
						t.Errorf("recorder %d, %s: %v", worker, batch[i].Subject, r.Err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if got := counts(t, db); got["examples"] != 300 || got["verdicts"] != 600 || got["calls"] != 300*5+30 {
		t.Errorf("rows %v", got)
	}
	stats, err := db.Table(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
	if err != nil {
		t.Fatal(err)
	}
	if stats.Rows[0][0] != int64(0) {
		t.Errorf("%v deadlocks", stats.Rows[0][0])
	}
}
