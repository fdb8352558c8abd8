package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice"
	"sluice/online"
)

// longestRequest bounds how much earlier than its decision was stored a request may have come in: it tells Postgres
// which days' partitions a window of stored decisions can touch.
const longestRequest = 24 * time.Hour

const countsSQL = `
	SELECT to_timestamp(floor(extract(epoch FROM taken_at) / $3) * $3) AS slot_at, policy, model, router_version,
	       count(*), count(*) FILTER (WHERE outcome NOT IN ('ok', 'canceled', 'refused')),
	       count(*) FILTER (WHERE cardinality(fallbacks) > 0), count(*) FILTER (WHERE requested = 'auto'),
	       count(*) FILTER (WHERE requested = 'auto' AND router_fault IS NOT NULL), sum(cost_microusd)::bigint
	FROM decisions
	WHERE taken_at >= $1 AND decided_at >= $2
	GROUP BY 1, 2, 3, 4`

const latenciesSQL = `
	SELECT to_timestamp(floor(extract(epoch FROM d.taken_at) / $3) * $3) AS slot_at, m.what,
	       floor(ln(greatest(m.us, 1)) / ln($4::double precision))::int, count(*)
	FROM decisions d
	CROSS JOIN LATERAL (VALUES ('router', d.router_us::double precision), ('model', d.model_ms * 1000.0::double precision),
	                           ('total', d.latency_ms * 1000.0::double precision)) m (what, us)
	WHERE d.taken_at >= $1 AND d.decided_at >= $2
	  AND (m.what <> 'router' OR d.requested = 'auto' AND d.entropy_bits IS NOT NULL) AND (m.what <> 'model' OR cardinality(d.call_ids) > 0)
	GROUP BY 1, 2, 3`

// Slots sums what was decided since an instant, in slots of a width (whole seconds).
func (o *Online) Slots(ctx context.Context, since time.Time, width time.Duration) (online.Slots, error) {
	since = since.Truncate(width)
	args := []any{since, since.Add(-longestRequest), width.Seconds()}
	var s online.Slots
	rows, err := o.pool.Query(ctx, countsSQL, args...)
	if err == nil {
		s.Counts, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (c online.Count, err error) {
			err = r.Scan(&c.At, &c.Policy, &c.Model, &c.Version, &c.Decisions, &c.Errors, &c.Fallbacks, &c.Routed, &c.Unrouted, &c.Cost)
			return c, err
		})
	}
	if err != nil {
		return s, fmt.Errorf("sum decisions: %w", err)
	}
	if rows, err = o.pool.Query(ctx, latenciesSQL, append(args, online.Growth)...); err == nil {
		s.Latencies, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (l online.Latency, err error) {
			err = r.Scan(&l.At, &l.What, &l.Bucket, &l.N)
			return l, err
		})
	}
	if err != nil {
		return s, fmt.Errorf("sum latencies: %w", err)
	}
	return s, nil
}

// Recent lists the newest decisions, newest first, with what a list shows of them: no probabilities, features,
// reasoning or answer.
func (o *Online) Recent(ctx context.Context, limit int) ([]sluice.Decision, error) {
	rows, err := o.pool.Query(ctx, `SELECT id, decided_at, query_key, query, tenant, policy, model, coalesce(tier, ''), rule, router_version,
		outcome, latency_ms, cost_microusd FROM decisions
		WHERE decided_at >= (SELECT max(decided_at) FROM decisions) - interval '1 day' ORDER BY decided_at DESC, id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list decisions: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (d sluice.Decision, err error) {
		err = r.Scan(&d.ID, &d.DecidedAt, &d.Query.Key, &d.Query.Text, &d.Query.Tenant, &d.Policy, &d.Model, &d.Tier, &d.Rule,
			&d.RouterVersion, &d.Outcome, &d.LatencyMS, &d.Cost)
		d.DecidedAt = d.DecidedAt.UTC()
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("list decisions: %w", err)
	}
	return all, nil
}

// AlertStates counts, for each rule and subject, what was raised and cleared.
func (o *Online) AlertStates(ctx context.Context) (map[[2]string]online.State, error) {
	rows, err := o.pool.Query(ctx, `SELECT rule, subject, count(*) FILTER (WHERE NOT cleared AND value > bound), count(*) FILTER (WHERE cleared)
		FROM alerts GROUP BY rule, subject`)
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	states := map[[2]string]online.State{}
	var rule, subject string
	var s online.State
	if _, err := pgx.ForEachRow(rows, []any{&rule, &subject, &s.Raised, &s.Cleared}, func() error {
		states[[2]string{rule, subject}] = s
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	return states, nil
}

// RegisterBudgets makes the table of budgets what the configuration says.
func (o *Online) RegisterBudgets(ctx context.Context, all []online.Budget) error {
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		names := []string{}
		for _, b := range all {
			names = append(names, b.Name)
			if _, err := tx.Exec(ctx, `INSERT INTO budgets (name, scope, subject, period, cap_microusd) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (name) DO UPDATE SET (scope, subject, period, cap_microusd, registered_at)
				  = (excluded.scope, excluded.subject, excluded.period, excluded.cap_microusd, now())`,
				b.Name, b.Scope, b.Subject, b.Period, int64(b.Cap)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM budgets WHERE name <> ALL ($1)`, names)
		return err
	})
	if err != nil {
		return fmt.Errorf("register budgets: %w", err)
	}
	return nil
}

// spendSQL sums a period from the hours' sums, and what was spent of late from the decisions themselves.
const spendSQL = `
	WITH spent AS (
	    SELECT CASE $3::text WHEN 'tenant' THEN tenant WHEN 'key' THEN key_id WHEN 'model' THEN model ELSE '' END AS whose,
	           cost_microusd AS period, 0 AS recent
	    FROM spend_hours WHERE hour_at >= $1
	    UNION ALL
	    SELECT CASE $3::text WHEN 'tenant' THEN tenant WHEN 'key' THEN coalesce(key_id, '') WHEN 'model' THEN model ELSE '' END, 0, cost_microusd
	    FROM decisions WHERE taken_at >= $2 AND decided_at >= $2::timestamptz - interval '1 day')
	SELECT whose, sum(period)::bigint, sum(recent)::bigint FROM spent
	WHERE $3 = 'global' OR whose = $4 OR ($4 = '*' AND ($3 <> 'key' OR whose <> ''))
	GROUP BY whose`

// Spends sums what each budget's requests cost up to now. A budget for each of many has one entry for each that
// spent anything, with its name as "budget:whose".
func (o *Online) Spends(ctx context.Context, budgets []online.Budget, now time.Time) ([]online.Spend, error) {
	var all []online.Spend
	for _, b := range budgets {
		rows, err := o.pool.Query(ctx, spendSQL, b.Began(now), now.Add(-b.Recent()), b.Scope, b.Subject)
		if err != nil {
			return nil, fmt.Errorf("sum budget %s: %w", b.Name, err)
		}
		spends, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (online.Spend, error) {
			s := online.Spend{Budget: b}
			var whose string
			err := r.Scan(&whose, &s.Spent, &s.Recently)
			if b.Subject == "*" {
				s.Subject, s.Name = whose, b.Name+":"+whose
			}
			return s, err
		})
		if err != nil {
			return nil, fmt.Errorf("sum budget %s: %w", b.Name, err)
		}
		if len(spends) == 0 && b.Subject != "*" {
			spends = []online.Spend{{Budget: b}}
		}
		all = append(all, spends...)
	}
	return all, nil
}
