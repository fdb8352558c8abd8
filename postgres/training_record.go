package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice"
)

var (
	insertJobs = insert("training_jobs", "u.id", "", join(
		plain("text", "id", "trigger", "reason", "snapshot", "snapshot_digest", "pair", "medium", "large", "recipe", "backend"),
		plain("bigint", "train_examples", "test_examples"), plain("numeric", "seed"), plain("timestamptz", "asked_at")))

	insertEvents = insert("training_events", "u.job_id, u.attempt, u.sequence", "", join(
		plain("text", "job_id", "kind", "worker", "message"), orNull("stage", "model_version"),
		[]column{{name: "details", element: "text", expr: "u.details::jsonb"}}, plain("bigint", "attempt", "sequence", "step", "steps"),
		plain("double precision", "loss", "margin"), plain("timestamptz", "happened_at", "told_at")))
)

// RecordTraining writes jobs and events in one transaction and returns when it is committed (Invariant 1). What
// is there already changes nothing (Invariant 2). If the error says Permanent, one of these facts can never be
// written as it is.
func (r *Recorder) RecordTraining(ctx context.Context, jobs []sluice.Fact[sluice.TrainingJob], events []sluice.Fact[sluice.TrainingEvent]) error {
	var b batch
	queueJobs(&b, jobs)
	queueEvents(&b, events)
	if len(b.kinds) == 0 {
		return nil
	}
	// They are few: there is no faster way to look for.
	if err := r.pool.SendBatch(ctx, b.statements()).Close(); err != nil {
		return failed(ctx, r.pool, fmt.Errorf("record %d jobs and %d events of trainings: %w", len(jobs), len(events), err))
	}
	return nil
}

func queueJobs(b *batch, f []sluice.Fact[sluice.TrainingJob]) {
	if len(f) == 0 {
		return
	}
	type j = sluice.TrainingJob
	seeds := make([]string, len(f))
	for i := range f {
		seeds[i] = fmt.Sprint(f[i].Value.Seed)
	}
	b.add(insertJobs,
		texts(f, func(v *j) string { return v.ID }), texts(f, func(v *j) string { return v.Trigger }),
		texts(f, func(v *j) string { return v.Reason }), texts(f, func(v *j) string { return v.Snapshot }),
		texts(f, func(v *j) string { return v.SnapshotDigest }), texts(f, func(v *j) string { return v.Pair }),
		texts(f, func(v *j) string { return v.Medium }), texts(f, func(v *j) string { return v.Large }),
		texts(f, func(v *j) string { return v.Recipe }), texts(f, func(v *j) string { return v.Backend }),
		numbers(f, func(v *j) int64 { return int64(v.TrainExamples) }), numbers(f, func(v *j) int64 { return int64(v.TestExamples) }),
		seeds, instants(f, func(v *j) time.Time { return v.AskedAt }, logged))
}

func queueEvents(b *batch, f []sluice.Fact[sluice.TrainingEvent]) {
	if len(f) == 0 {
		return
	}
	type e = sluice.TrainingEvent
	details := make([]*string, len(f))
	for i := range f {
		if d := clean(f[i].Value.Details); d != "" && json.Valid([]byte(d)) {
			details[i] = &d
		}
	}
	b.add(insertEvents,
		texts(f, func(v *e) string { return v.JobID }), texts(f, func(v *e) string { return v.Kind }),
		texts(f, func(v *e) string { return v.Worker }), texts(f, func(v *e) string { return v.Message }),
		texts(f, func(v *e) string { return v.Stage }), texts(f, func(v *e) string { return v.ModelVersion }), details,
		numbers(f, func(v *e) int64 { return int64(v.Attempt) }), numbers(f, func(v *e) int64 { return int64(v.Sequence) }),
		numbers(f, func(v *e) int64 { return int64(v.Step) }), numbers(f, func(v *e) int64 { return int64(v.Steps) }),
		reals(f, func(v *e) float64 { return v.Loss }), reals(f, func(v *e) float64 { return v.Margin }),
		instants(f, func(v *e) time.Time { return v.At }, logged), stored(f))
}
