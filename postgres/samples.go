package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice"
	"sluice/online"
)

// samplingLock is held while one copy chooses, so that two don't spend one budget.
const samplingLock = `SELECT pg_advisory_xact_lock(hashtext('sluice sampling'))`

// eligible are decisions that may be labelled: of those that were stored before the round, so that traffic that goes on
// beside it makes it no longer. A turn of a conversation is none: without what was said before it is
// another question. What the offline ring has already needs no label.
const eligible = `
	FROM decisions d
	WHERE d.taken_at >= $1 AND d.taken_at < $5 AND d.decided_at >= $2 AND d.requested = 'auto' AND d.outcome = 'ok' AND d.tier IS NOT NULL
	  AND d.conversation IS NULL AND d.query <> '' AND octet_length(d.query) <= $3 AND d.tenant <> ALL ($4)`

// unknown leaves out what was chosen or asked before, and the decisions that this round has passed over.
const unknown = `
	  AND d.id <> ALL ($6)
	  AND NOT EXISTS (SELECT FROM samples s WHERE s.decision_id = d.id)
	  AND NOT EXISTS (SELECT FROM samples s WHERE s.query_key = d.query_key)
	  AND NOT EXISTS (SELECT FROM queries q WHERE q.key = d.query_key)`

// lot is a number from 0 to 1 that belongs to a decision for ever: whoever draws, draws the same.
const lot = `(('x' || substr(md5(d.id), 1, 8))::bit(32)::bigint / 4294967296.0)`

const candidateColumns = `SELECT d.id, d.decided_at, d.tenant, coalesce(d.query_id, ''), d.query, d.threshold, coalesce(d.p_complex, 0)`

// Sample chooses queries to be labelled by the plan and writes them down; keyOf says by what key the offline ring
// will know one, and is empty for one that must not leave. Any number of copies may do so at once: together they choose what one would, and never
// more than the day's budget allows.
func (o *Online) Sample(ctx context.Context, p online.Plan, keyOf func(online.Candidate) string) (chosen []online.Sample, day online.Labelling, err error) {
	err = pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, samplingLock); err != nil {
			return err
		}
		each, err := labelCost(ctx, tx, p)
		if err != nil {
			return err
		}
		if day, err = labelledToday(ctx, tx, p.Now); err != nil {
			return err
		}
		room := roomFor(p, day, each)
		r := round{plan: p, keyOf: keyOf, each: each, room: room, lots: int(math.Ceil(float64(room) * p.Even))}
		for _, draw := range []drawing{drawEvenly, drawUncertain} {
			if err := r.choose(ctx, tx, draw); err != nil {
				return err
			}
		}
		chosen = r.chosen
		day.Chosen += int64(len(chosen))
		day.Spent += sluice.MicroUSD(len(chosen)) * each
		return nil
	})
	if err != nil {
		return nil, day, fmt.Errorf("choose queries to label: %w", err)
	}
	return chosen, day, nil
}

// round is one choosing under way.
type round struct {
	plan   online.Plan
	keyOf  func(online.Candidate) string
	each   sluice.MicroUSD
	room   int // queries that the day's budget still allows
	lots   int // how many of them go to queries drawn by lot, at most
	chosen []online.Sample
	// passed are decisions that can't be sampled whatever their rank: they must not keep others from it.
	passed []string
}

// drawing lists candidates, the ones to be preferred first, and says how many of them may be taken.
type drawing func(ctx context.Context, tx pgx.Tx, r *round) (found []online.Candidate, most int, err error)

// mostPassed bounds how many decisions one round passes over.
const mostPassed = 5_000

// choose writes down what is drawn. For every one that it must pass over it looks at another one.
func (r *round) choose(ctx context.Context, tx pgx.Tx, draw drawing) error {
	for r.room > 0 && len(r.passed) < mostPassed {
		found, most, err := draw(ctx, tx, r)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, c := range found {
			if most <= 0 {
				break
			}
			fresh, err := r.take(ctx, tx, c)
			if err != nil {
				return err
			}
			if fresh {
				most--
			}
		}
		if most <= 0 {
			return nil
		}
	}
	return nil
}

// take writes a candidate down; false where it can't be sampled.
func (r *round) take(ctx context.Context, tx pgx.Tx, c online.Candidate) (fresh bool, err error) {
	s := online.Sample{QueryKey: r.keyOf(c), ChosenBy: c.ChosenBy, Candidate: c}
	if s.QueryKey != "" {
		fresh, err = writeSample(ctx, tx, s, r.each, r.plan.Now)
	}
	if fresh {
		r.chosen, r.room = append(r.chosen, s), r.room-1
	} else {
		r.passed = append(r.passed, c.DecisionID)
	}
	return fresh, err
}

// labelCost is what labelling a query cost lately, or what the plan expects.
func labelCost(ctx context.Context, tx pgx.Tx, p online.Plan) (sluice.MicroUSD, error) {
	var mean *int64
	err := tx.QueryRow(ctx, `SELECT ceil(sum(cost_microusd) / nullif(count(DISTINCT query_key), 0))::bigint FROM calls
		WHERE started_at >= $1 AND stage IN ('answer', 'judge', 'analysis') AND query_key IS NOT NULL`, p.Now.Add(-longestRequest)).Scan(&mean)
	if err != nil || mean == nil || *mean <= 0 {
		return p.CostEach, err
	}
	return max(sluice.MicroUSD(*mean), 1), nil
}

func labelledToday(ctx context.Context, tx pgx.Tx, now time.Time) (online.Labelling, error) {
	var l online.Labelling
	err := tx.QueryRow(ctx, `SELECT count(*), coalesce(sum(estimated_microusd), 0)::bigint FROM samples WHERE chosen_at >= $1`,
		dayOf(now)).Scan(&l.Chosen, &l.Spent)
	return l, err
}

// roomFor is how many more queries the day's budget allows.
func roomFor(p online.Plan, day online.Labelling, each sluice.MicroUSD) int {
	room := p.PerDay - int(day.Chosen)
	if each > 0 {
		room = min(room, int((p.SpendPerDay-day.Spent)/each))
	}
	return room
}

func eligibleArgs(p online.Plan) []any {
	since := p.Now.Add(-p.Lookback)
	out := p.OptedOut
	if out == nil {
		out = []string{}
	}
	return []any{since, since.Add(-longestRequest), p.MaxBytes, out, p.Now}
}

// args are those of eligible and unknown.
func (r *round) args() []any {
	passed := r.passed
	if passed == nil {
		passed = []string{}
	}
	return append(eligibleArgs(r.plan), passed)
}

// drawEvenly finds the queries on which the lot fell. Where the day's budget has room for fewer than the share, they
// leave the others theirs.
func drawEvenly(ctx context.Context, tx pgx.Tx, r *round) ([]online.Candidate, int, error) {
	found, err := candidates(ctx, tx, online.Evenly, candidateColumns+eligible+unknown+` AND `+lot+` < $7::double precision ORDER BY d.taken_at, d.id LIMIT $8`,
		append(r.args(), r.plan.Share*r.plan.Even, r.room+len(r.passed))...)
	return found, r.lots - len(r.chosen), err
}

// drawUncertain finds the queries that the router was least sure of: as many as the share leaves after those that
// it has taken already.
func drawUncertain(ctx context.Context, tx pgx.Tx, r *round) ([]online.Candidate, int, error) {
	var all, taken int64
	if err := tx.QueryRow(ctx, `SELECT count(*), count(s.decision_id)`+`
		FROM (SELECT d.id `+eligible+`) e LEFT JOIN samples s ON s.decision_id = e.id AND s.chosen_by = 'uncertainty'`,
		eligibleArgs(r.plan)...).Scan(&all, &taken); err != nil {
		return nil, 0, err
	}
	most := min(r.room, int(float64(all)*r.plan.Share*(1-r.plan.Even))-int(taken))
	if most <= 0 {
		return nil, 0, nil
	}
	found, err := candidates(ctx, tx, online.ByUncertainty, candidateColumns+eligible+unknown+` AND d.p_complex IS NOT NULL
		ORDER BY abs(d.p_complex - d.threshold), d.entropy_bits DESC NULLS LAST, d.id LIMIT $7`, append(r.args(), most+len(r.passed))...)
	return found, most, err
}

func candidates(ctx context.Context, tx pgx.Tx, by, sql string, args ...any) ([]online.Candidate, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (online.Candidate, error) {
		c := online.Candidate{ChosenBy: by}
		err := r.Scan(&c.DecisionID, &c.DecidedAt, &c.Tenant, &c.QueryID, &c.Text, &c.Threshold, &c.PComplex)
		return c, err
	})
}

// writeSample is false where the query was chosen before, asked in other words of one key, or forgotten.
func writeSample(ctx context.Context, tx pgx.Tx, s online.Sample, each sluice.MicroUSD, now time.Time) (bool, error) {
	tag, err := tx.Exec(ctx, `INSERT INTO samples (query_key, decision_id, decided_at, tenant, chosen_by, estimated_microusd, chosen_at)
		SELECT $1, $2, $3, $4, $5, $6, $7
		WHERE NOT EXISTS (SELECT FROM queries WHERE key = $1) AND NOT EXISTS (SELECT FROM forgotten WHERE query_key = $1)
		ON CONFLICT DO NOTHING`, s.QueryKey, s.DecisionID, s.DecidedAt, s.Tenant, s.ChosenBy, int64(each), now)
	return tag.RowsAffected() == 1, err
}

// Unasked lists samples that are still to be published, oldest first. One whose decision is gone has no text any
// more and is left out.
func (o *Online) Unasked(ctx context.Context, limit int) ([]online.Sample, error) {
	rows, err := o.pool.Query(ctx, `
		SELECT s.query_key, s.chosen_by, d.id, d.decided_at, d.tenant, coalesce(d.query_id, ''), d.query
		FROM samples s JOIN decisions d ON d.decided_at = s.decided_at AND d.id = s.decision_id
		WHERE s.asked_at IS NULL ORDER BY s.chosen_at LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (s online.Sample, err error) {
		err = r.Scan(&s.QueryKey, &s.ChosenBy, &s.DecisionID, &s.DecidedAt, &s.Tenant, &s.QueryID, &s.Text)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	return all, nil
}

// Asked notes that samples were published.
func (o *Online) Asked(ctx context.Context, keys []string, at time.Time) error {
	if _, err := o.pool.Exec(ctx, `UPDATE samples SET asked_at = $2 WHERE query_key = ANY ($1) AND asked_at IS NULL`, keys, at); err != nil {
		return fmt.Errorf("note samples: %w", err)
	}
	return nil
}
