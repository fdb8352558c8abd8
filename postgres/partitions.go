package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// daysAhead is how many days' partitions are made before they are needed.
const daysAhead = 3

const partitionPrefix = "decisions_"

// partitionLock is taken by whoever makes or drops a partition, so that two copies never do the same at once.
const partitionLock = `SELECT pg_advisory_xact_lock(hashtext('sluice decisions partitions'))`

func dayOf(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

func partitionOf(day time.Time) string { return partitionPrefix + day.Format("20060102") }

// oldestDay is the first day that is kept.
func (o *Online) oldestDay() time.Time {
	if o.retention <= 0 {
		return time.Time{}
	}
	return dayOf(o.now().Add(-o.retention))
}

func daysOf(facts []sluice.Fact[sluice.Decision]) []time.Time {
	seen := map[time.Time]bool{}
	var days []time.Time
	for i := range facts {
		if day := dayOf(facts[i].Value.DecidedAt); !seen[day] {
			seen[day] = true
			days = append(days, day)
		}
	}
	return days
}

// forgetDays forgets which partitions are there.
func (o *Online) forgetDays() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.days)
}

// makeDays makes the partitions of days that lack one.
func (o *Online) makeDays(ctx context.Context, days []time.Time) error {
	for _, day := range days {
		o.mu.Lock()
		known := o.days[day]
		o.mu.Unlock()
		if known {
			continue
		}
		if err := o.makeDay(ctx, day); violates(err, insufficientPrivilege) {
			return fmt.Errorf("make the partition of %s: %w; the monitor must connect as the owner of the table decisions", day.Format(time.DateOnly), err)
		} else if err != nil {
			return fmt.Errorf("make the partition of %s: %w", day.Format(time.DateOnly), err)
		}
		o.mu.Lock()
		o.days[day] = true
		o.mu.Unlock()
	}
	return nil
}

// makeDay makes one partition. It is attached when it is made: to attach takes a lock that readers and writers
// of the other days don't feel, which to create it in place would not.
func (o *Online) makeDay(ctx context.Context, day time.Time) error {
	name := partitionOf(day)
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, partitionLock); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there); err != nil || there {
			return err
		}
		from, to := day.Format(time.RFC3339), day.AddDate(0, 0, 1).Format(time.RFC3339)
		for _, sql := range []string{
			fmt.Sprintf(`CREATE TABLE %s (LIKE decisions INCLUDING ALL)`, name),
			fmt.Sprintf(`COMMENT ON TABLE %s IS 'The decisions of %s (UTC); read the table decisions.'`, name, day.Format(time.DateOnly)),
			fmt.Sprintf(`ALTER TABLE decisions ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')`, name, from, to),
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// Keep makes the partitions of the days to come, and drops days, and deletes feedback, older than the retention.
// Any number of copies may do so at once; doing it again changes nothing. A partition that somebody reads
// right now is left to the next time.
func (o *Online) Keep(ctx context.Context) (made, dropped int, err error) {
	today := dayOf(o.now())
	before, err := o.partitions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("keep the tables of decisions: %w", err)
	}
	for i := range daysAhead + 1 {
		day := today.AddDate(0, 0, i)
		if !before[day] {
			o.mu.Lock()
			delete(o.days, day)
			o.mu.Unlock()
			made++
		}
		if err := o.makeDays(ctx, []time.Time{day}); err != nil {
			return 0, 0, fmt.Errorf("keep the tables of decisions: %w", err)
		}
	}
	oldest := o.oldestDay()
	for day := range before {
		if !day.Before(oldest) {
			continue
		}
		if err = o.dropDay(ctx, day); err != nil { // whoever reads this one may read the others too
			err = fmt.Errorf("drop the decisions of %s: %w", day.Format(time.DateOnly), err)
			break
		}
		dropped++
	}
	if o.retention > 0 { // nobody's reading keeps what people said
		if _, fault := o.pool.Exec(ctx, `DELETE FROM feedback WHERE given_at < $1`, oldest); fault != nil {
			err = errors.Join(err, fmt.Errorf("drop old feedback: %w", fault))
		}
	}
	return made, dropped, err
}

// partitions lists the days that there are.
func (o *Online) partitions(ctx context.Context) (map[time.Time]bool, error) {
	rows, err := o.pool.Query(ctx, `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'decisions'::regclass`)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	days := map[time.Time]bool{}
	for _, n := range names {
		if day, err := time.Parse("20060102", strings.TrimPrefix(n, partitionPrefix)); err == nil {
			days[day] = true
		}
	}
	return days, err
}

func (o *Online) dropDay(ctx context.Context, day time.Time) error {
	o.mu.Lock()
	delete(o.days, day)
	o.mu.Unlock()
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		for _, sql := range []string{partitionLock, `SET LOCAL lock_timeout = '2s'`, `DROP TABLE IF EXISTS ` + partitionOf(day)} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}
