package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice"
)

// Recorder writes facts into the tables. It is safe for concurrent use.
type Recorder struct{ pool *pgxpool.Pool }

// recorderSettings keep a plan from depending on how full the tables were when it was made: every look-up
// of the recorder is one of an index, in a table of ten rows as in one of ten million.
const recorderSettings = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; " +
	"SET plan_cache_mode = force_generic_plan; " + quietly

// quietly keeps the violations that the recorder provokes out of the server's log, where we may say so.
const quietly = `DO $$ BEGIN SET log_min_messages = fatal; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$`

// OpenRecorder opens a pool for writing; connections bounds how many batches are written at once, 0 means
// [DefaultConnections].
func OpenRecorder(ctx context.Context, databaseURL string, connections int) (*Recorder, error) {
	pool, err := connect(ctx, databaseURL, "sluice record", connections, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, recorderSettings, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Recorder{pool: pool}, nil
}

// Close waits for what is under way and closes every connection.
func (r *Recorder) Close() { r.pool.Close() }

// Record writes a batch in one transaction and returns when it is committed (Invariant 1). Facts that are there
// already change nothing (Invariant 2); facts about forgotten queries are dropped. orphans names, by Ref,
// the facts whose parent is not there yet: they were not written, everything else was.
//
// An error means that nothing was written. If it says Permanent, a fact of this batch can never be written
// as it is; any other error is the server's or the network's, and passes.
func (r *Recorder) Record(ctx context.Context, f *sluice.Facts) (orphans []int, err error) {
	if f.Len() == 0 {
		return nil, nil
	}
	copied, err := r.copy(ctx, f)
	if violates(err, uniqueViolation) || violates(err, foreignKeyViolation) || !copied && err == nil {
		orphans, err = r.sift(ctx, f)
		if violates(err, uniqueViolation) { // two queries came to one number at the same time
			orphans, err = r.sift(ctx, unnumbered(f))
		}
	}
	if err != nil {
		return nil, failed(ctx, r.pool, fmt.Errorf("record %d facts: %w", f.Len(), err))
	}
	return orphans, nil
}

// unnumbered is the batch with queries that the table has still to number.
func unnumbered(f *sluice.Facts) *sluice.Facts {
	of := *f
	of.Accepted = slices.Clone(f.Accepted)
	for i := range of.Accepted {
		of.Accepted[i].Value.Query.Number = 0
	}
	return &of
}

// queueParents queues what depends on nothing.
func queueParents(b *batch, f *sluice.Facts) {
	queueAccepted(b, f.Accepted)
	queueCalls(b, f.Calls)
	queueDeaths(b, f.Deaths)
}

// queueChildren queues what depends on queries alone.
func queueChildren(b *batch, f *sluice.Facts) {
	queueAnswers(b, f.Answers)
	queueVerdicts(b, f.Verdicts)
	queueLabels(b, f.Labels)
	queueAnalyses(b, f.Analyses)
}

// failed is the error of a write. Tables that shut this program out refuse what was good for those that it knew, and
// what it wrote is good for its successor: such an error passes, as does one of which nobody can tell.
func failed(ctx context.Context, pool *pgxpool.Pool, err error) error {
	e := &recordError{err}
	if !e.Permanent() {
		return e
	}
	if out := ShutOut(ctx, pool.Config().ConnString()); out != nil {
		return fmt.Errorf("%w (%w)", out, err)
	}
	return e
}

// recordError tells faults of the data from faults of the way.
type recordError struct{ err error }

func (e *recordError) Error() string { return e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// Permanent says that trying the same facts again can't help: a value that no column takes.
func (e *recordError) Permanent() bool {
	var pg *pgconn.PgError
	if !errors.As(e.err, &pg) || len(pg.Code) != 5 || pg.Code == foreignKeyViolation {
		return false
	}
	switch pg.Code[:2] {
	case "22", "23", "54": // data exception, integrity constraint, program limit (an index row's size)
		return true
	}
	return false
}

// The two violations that the recorder provokes: a row that is there, a parent that is not (migration 0008 says so
// as a foreign key does).
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
)

func violates(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}
