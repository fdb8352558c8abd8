package main

import (
	"strings"
	"testing"
)

// What only looks may look, and is told; what would write is refused.
func TestTablesOfANewerSluiceAreRefusedOrToldOf(t *testing.T) {
	t.Parallel()
	p := newProgram(t).withTables()
	if _, err := p.db().Table(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)"); err != nil {
		t.Fatal(err)
	}
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
	if out := p.must("migrate", "status"); !strings.Contains(out, "of a newer sluice") {
		t.Errorf("the steps are\n%s", out)
	}
}
