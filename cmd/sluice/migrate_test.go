package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// What only looks may look, and is told; what would write is refused.
func TestTablesOfANewerSluiceAreRefusedOrToldOf(t *testing.T) {
	t.Parallel()
	p := newProgram(t).withTables()
	p.migratedByANewer(9000)
	const newer = "the tables are at migration 9000 and this sluice knows none after "
	for _, args := range [][]string{{"migrate", "up"}, {"train", "watch"}, {"consume", "record"}, {"up", "--upstream", "emulator"}, {"forget", "--id", "q"}} {
		if _, errs, status := p.run(args...); status != statusFailed || strings.Count(errs, newer) != 1 {
			t.Errorf("%v: status %d\n%s", args, status, errs)
		}
	}
	for _, args := range [][]string{{"sql", "SELECT 1"}, {"dataset", "export"}, {"migrate", "status"}} {
		if _, errs, status := p.run(args...); status != statusDone || strings.Count(errs, "warning: "+newer) != 1 {
			t.Errorf("%v: status %d\n%s", args, status, errs)
		}
	}
	if out := p.must("migrate", "status"); !strings.Contains(out, "of a newer sluice") || !strings.Contains(out, "sluices that know migration 9000 or a later one may write") {
		t.Errorf("the steps are\n%s", out)
	}
}

// A copy that crashes while an operator upgrades one after the other comes back where it can do no harm.
func TestAnOlderSluiceWritesWhereTheNewerOnesMigrationsOnlyAdded(t *testing.T) {
	t.Parallel()
	p := newProgram(t).withTables()
	p.migratedByANewer(15)
	const warned = "a newer one has migrated them. What this one writes still fits"
	if out, errs, status := p.run("migrate", "up"); status != statusDone || strings.Count(errs, warned) != 1 {
		t.Errorf("migrate up: status %d\n%s%s", status, out, errs)
	}
	// It opened the tables, warned, and found nobody to forget.
	if _, errs, status := p.run("forget", "--id", "q"); status != statusFailed || strings.Count(errs, warned) != 1 || !strings.Contains(errs, "nothing was found under") {
		t.Errorf("forget: status %d\n%s", status, errs)
	}
	out := p.must("migrate", "status")
	if !strings.Contains(out, "sluices that know migration 15 or a later one may write to these tables; this one knows ") ||
		!regexp.MustCompile(`0015_name_the_oldest_writer.sql\W+[0-9TZ:-]+\W+15 `).MatchString(out) {
		t.Errorf("the steps are\n%s", out)
	}
}

// migratedByANewer has the tables be as a newer sluice leaves them, which lets those of a migration and later ones write.
func (p *program) migratedByANewer(oldest int) {
	p.t.Helper()
	for _, sql := range []string{
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)",
		fmt.Sprintf("CREATE OR REPLACE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT %d'", oldest),
	} {
		if _, err := p.db().Table(p.t.Context(), sql); err != nil {
			p.t.Fatal(err)
		}
	}
}
