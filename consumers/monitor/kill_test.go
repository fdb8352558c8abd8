package monitor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/monitor"
	"sluice/internal/decided"
	"sluice/internal/pgtest"
	"sluice/postgres"
)

// TestMain removes the files of the tests' Postgres.
func TestMain(m *testing.M) { pgtest.Main(m) }

// deadly kills the server while every few batches are on their way.
type deadly struct {
	*postgres.Online
	cluster        *postgres.Cluster
	records, kills atomic.Int64
}

func (d *deadly) Record(ctx context.Context, f *sluice.OnlineFacts) ([]int, error) {
	if n := d.records.Add(1); n%8 == 3 {
		wait := pgtest.Strike(ctx, d.cluster, time.Duration(n%5)*2*time.Millisecond) // before, in, or after the transaction
		defer func() {
			if wait() {
				d.kills.Add(1)
			}
		}()
	}
	return d.Online.Record(ctx, f)
}

type heard struct{ decisions atomic.Int64 }

func (h *heard) Decided(time.Time, *sluice.Decision) { h.decisions.Add(1) }

func (h *heard) Noted(*sluice.Feedback, *sluice.Alert, *sluice.TrainingEvent) {}

func TestSIGKILLOfPostgresLosesNoDecisionAndDoublesNone(t *testing.T) {
	c := pgtest.Cluster(t)
	start := time.Now().UTC().Add(-40 * time.Hour) // over three days
	tables, err := postgres.OpenOnline(t.Context(), c.URL(""), postgres.OnlineOptions{Connections: 2, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tables.Close)
	d, o := &deadly{Online: tables, cluster: c}, &heard{}
	h := monitor.New(d, o, time.Now)
	const n = 4000
	left, err := decided.New(1, start, 30*time.Second).Messages(n)
	if err != nil {
		t.Fatal(err)
	}
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	outages := 0
	for len(left) > 0 {
		batch := left[:min(200, len(left))]
		failed := false
		for i, r := range h.HandleBatch(t.Context(), batch) {
			if r.Err != nil && sluice.ClassOf(r.Err) != sluice.ClassWait {
				t.Fatalf("%s: %v", batch[i].Subject, r.Err)
			}
			failed = failed || r.Err != nil
		}
		if !failed {
			left = left[len(batch):] // acknowledged: never handed over again
			continue
		}
		outages++
		select {
		case <-pause.C:
		case <-t.Context().Done():
			t.Fatalf("not back after %d outages", outages)
		}
	}
	var db *postgres.DB
	for db == nil { // the last batch may have been struck after its commit
		if db, err = postgres.Connect(t.Context(), c.URL(""), "test", 1); err != nil {
			db = nil
			<-pause.C
		}
	}
	t.Cleanup(db.Close)
	got, err := db.Table(t.Context(), "SELECT count(*), count(DISTINCT id) FROM decisions")
	if err != nil || got.Rows[0][0] != int64(n) || got.Rows[0][1] != int64(n) {
		t.Errorf("after %d kills: %v, want %d; %v", d.kills.Load(), got.Rows, n, err)
	}
	// Whoever hears of a fact hears of it once; what was committed when the server died is heard of by nobody.
	if heard := o.decisions.Load(); heard > n {
		t.Errorf("%d decisions were counted, of %d", heard, n)
	}
	if d.kills.Load() < 2 || outages == 0 {
		t.Errorf("%d kills and %d outages: the test did not test", d.kills.Load(), outages)
	}
	t.Logf("%d kills, %d batches met an outage, %d of %d counted", d.kills.Load(), outages, o.decisions.Load(), n)
}

// BenchmarkDecisions is what one monitor brings into the tables: decisions a second, in batches of 500.
func BenchmarkDecisions(b *testing.B) {
	tables, err := postgres.OpenOnline(b.Context(), pgtest.New(b), postgres.OnlineOptions{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(tables.Close)
	h := monitor.New(tables, &heard{}, time.Now)
	maker := decided.New(1, time.Now().UTC().Add(-time.Hour), time.Millisecond)
	const batch = 500
	for b.Loop() {
		b.StopTimer()
		msgs, err := maker.Messages(batch)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		for _, r := range h.HandleBatch(b.Context(), msgs) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "decisions/s")
}
