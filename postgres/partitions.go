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

func dayOf(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

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
		if err := o.makeDay(ctx, day); err != nil {
			return fmt.Errorf("make the partition of %s: %w", day.Format(time.DateOnly), err)
		}
		o.mu.Lock()
		o.days[day] = true
		o.mu.Unlock()
	}
	return nil
}

// makeDay makes one partition; the function has the rights of the table's owner for that alone (migration 0011), as
// the one of dropDay has.
func (o *Online) makeDay(ctx context.Context, day time.Time) error {
	_, err := o.pool.Exec(ctx, `SELECT make_day_of_decisions($1)`, day)
	return lent(err)
}

func (o *Online) dropDay(ctx context.Context, day time.Time) error {
	o.mu.Lock()
	delete(o.days, day)
	o.mu.Unlock()
	_, err := o.pool.Exec(ctx, `SELECT drop_day_of_decisions($1)`, day)
	return lent(err)
}

// lent says what to grant where a role may not call the functions.
func lent(err error) error {
	if violates(err, insufficientPrivilege) {
		return fmt.Errorf("%w; their owner must GRANT EXECUTE ON FUNCTION make_day_of_decisions(date), drop_day_of_decisions(date) to the monitor's role", err)
	}
	return err
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
