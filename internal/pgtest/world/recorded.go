package world

import (
	"testing"
	"time"

	"sluice"
	"sluice/consumers/record"
	"sluice/postgres"
)

// Recorded brings the world's facts into the tables through the record stage itself, registers policies
// and oracle matrix as the label stage's starter does, and returns a pool to look at them.
func (w *World) Recorded(tb testing.TB, databaseURL string) *postgres.DB {
	tb.Helper()
	store, err := postgres.OpenRecorder(tb.Context(), databaseURL, 1)
	if err != nil {
		tb.Fatal(err)
	}
	defer store.Close()
	db, err := postgres.Connect(tb.Context(), databaseURL, "test", 2)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	if err := db.RegisterPolicies(tb.Context(), sluice.DefaultPolicies()); err != nil {
		tb.Fatal(err)
	}
	if err := db.RegisterMatrix(tb.Context(), w.matrix); err != nil {
		tb.Fatal(err)
	}
	h := record.New(store, 0, time.Now)
	for i, r := range h.HandleBatch(tb.Context(), w.Messages) {
		if r.Err != nil {
			tb.Fatalf("%s: %v", w.Messages[i].Subject, r.Err)
		}
	}
	return db
}
