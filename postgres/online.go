package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice"
)

// Online writes and reads the tables of the online ring. It is safe for concurrent use, and any number of copies
// may work on one database.
type Online struct {
	pool      *pgxpool.Pool
	retention time.Duration
	now       func() time.Time

	mu   sync.Mutex
	days map[time.Time]bool // days whose partition is known to be there
}

// OnlineOptions say how [OpenOnline] works.
type OnlineOptions struct {
	// Connections bounds the pool; 0 means [DefaultConnections].
	Connections int
	// Retention is how long decisions and feedback are kept; 0 keeps them for ever. A decision that is older
	// when it arrives is not written at all.
	Retention time.Duration
	// Now is the clock.
	Now func() time.Time
}

// OpenOnline opens a pool; its owner closes it.
func OpenOnline(ctx context.Context, databaseURL string, o OnlineOptions) (*Online, error) {
	pool, err := connect(ctx, databaseURL, "sluice monitor", o.Connections, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, quietly, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Online{pool: pool, retention: o.Retention, now: o.Now, days: map[time.Time]bool{}}, nil
}

// Close waits for what is under way and closes every connection.
func (o *Online) Close() { o.pool.Close() }

// Record writes a batch in one transaction and returns when it is committed (Invariant 1). Facts that are there
// already change nothing (Invariant 2); decisions about forgotten queries, and those older than the
// retention, are dropped. fresh names, by Ref, the facts that were not there before: whoever counts them
// counts each once.
//
// An error means that nothing was written. If it says Permanent, a fact of this batch can never be written
// as it is.
func (o *Online) Record(ctx context.Context, f *sluice.OnlineFacts) (fresh []int, err error) {
	kept := *f
	kept.Decisions = o.young(f.Decisions)
	if kept.Len() == 0 {
		return nil, nil
	}
	for try := 0; ; try++ {
		if err = o.makeDays(ctx, daysOf(kept.Decisions)); err == nil {
			fresh, err = o.write(ctx, &kept)
		}
		if violates(err, checkViolation) && try == 0 { // a partition that we knew was dropped
			o.forgetDays()
			continue
		}
		if err != nil {
			return nil, failed(ctx, o.pool, fmt.Errorf("record %d facts of the online ring: %w", f.Len(), err))
		}
		return fresh, nil
	}
}

// checkViolation is also what Postgres says of a row that no partition takes.
const checkViolation = "23514"

// write sends the statements; one Sync ends them, which makes them one transaction.
func (o *Online) write(ctx context.Context, f *sluice.OnlineFacts) ([]int, error) {
	b := &pgx.Batch{}
	var fresh []int
	queueOnline(b, f.Decisions, decisionArrays, insertDecisions, decisionKey, &fresh)
	queueOnline(b, f.Feedback, feedbackArrays, insertFeedback, func(v *sluice.Feedback) string { return v.ID }, &fresh)
	queueOnline(b, f.Alerts, alertArrays, insertAlerts, func(v *sluice.Alert) string { return v.ID }, &fresh)
	if err := o.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	return fresh, nil
}

// queueOnline queues the insert of one kind of fact, and notes which of them were new.
func queueOnline[T any](b *pgx.Batch, facts []sluice.Fact[T], arrays func([]sluice.Fact[T]) []any, sql string,
	key func(*T) string, fresh *[]int,
) {
	if len(facts) == 0 {
		return
	}
	refs := make(map[string]int, len(facts))
	for i := range facts {
		refs[clean(key(&facts[i].Value))] = facts[i].Ref
	}
	b.Queue(sql, arrays(facts)...).Query(func(rows pgx.Rows) error {
		written, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, id := range written {
			*fresh = append(*fresh, refs[id])
		}
		return err
	})
}

func decisionKey(d *sluice.Decision) string { return d.ID }

// young leaves out what the retention would drop at once.
func (o *Online) young(all []sluice.Fact[sluice.Decision]) []sluice.Fact[sluice.Decision] {
	oldest := o.oldestDay()
	kept := make([]sluice.Fact[sluice.Decision], 0, len(all))
	for _, d := range all {
		if !dayOf(d.Value.DecidedAt).Before(oldest) {
			kept = append(kept, d)
		}
	}
	return kept
}
