package record_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/record"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
)

// deadly kills the server while every few batches are on their way.
type deadly struct {
	*postgres.Recorder
	cluster *postgres.Cluster
	records atomic.Int64
	kills   atomic.Int64
}

func (d *deadly) Record(ctx context.Context, f *sluice.Facts) ([]int, error) {
	if n := d.records.Add(1); n%20 == 7 {
		wait := pgtest.Strike(ctx, d.cluster, time.Duration(n/20%4)*time.Millisecond) // before, in, or after the transaction
		defer func() {
			if wait() {
				d.kills.Add(1)
			}
		}()
	}
	return d.Recorder.Record(ctx, f)
}

func TestSIGKILLOfPostgresLosesNothing(t *testing.T) {
	c := pgtest.Cluster(t)
	store, err := postgres.OpenRecorder(t.Context(), c.URL(""), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	d := &deadly{Recorder: store, cluster: c}
	h := record.New(d, 0, time.Now)
	w := world.New(t, 1000)
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	outages := 0
	for left := w.Messages; len(left) > 0; {
		n := min(100, len(left))
		failed := false
		for i, r := range h.HandleBatch(t.Context(), left[:n]) {
			switch {
			case r.Err == nil:
			case sluice.ClassOf(r.Err) == sluice.ClassWait:
				failed = true
			default:
				t.Fatalf("%s: %v", left[i].Subject, r.Err)
			}
		}
		if !failed {
			left = left[n:] // acknowledged: never handed over again
			continue
		}
		outages++
		select {
		case <-pause.C:
		case <-t.Context().Done():
			t.Fatalf("not back after %d outages: %v", outages, t.Context().Err())
		}
	}
	db, err := postgres.Connect(t.Context(), c.URL(""), "test", 1)
	for err != nil { // the last batch may have been struck after its commit
		select {
		case <-pause.C:
		case <-t.Context().Done():
			t.Fatalf("not back for the count: %v", err)
		}
		db, err = postgres.Connect(t.Context(), c.URL(""), "test", 1)
	}
	t.Cleanup(db.Close)
	got := counts(t, db)
	want := map[string]int64{
		"queries": 1000, "answers": 2000, "verdicts": 2000, "labels": 1000, "analyses": 1000, "examples": 1000,
		"calls": 5100, "dead_letters": 0,
	}
	if !equal(got, want) {
		t.Errorf("after %d kills: rows %v, want %v", d.kills.Load(), got, want)
	}
	if d.kills.Load() < 2 || outages == 0 {
		t.Errorf("%d kills and %d outages: the test did not test", d.kills.Load(), outages)
	}
	t.Logf("%d kills, %d batches met an outage, %d messages", d.kills.Load(), outages, len(w.Messages))
}
