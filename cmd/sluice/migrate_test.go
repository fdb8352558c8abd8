package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sluice/gateway/page"
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
	where, _ := p.serve("gateway", "--upstream", "emulator")
	if on := seen[page.Tables](newBrowser(t, where.Gateway), "tables"); !strings.HasPrefix(on.Warning, newer) {
		t.Errorf("the page warns %q", on.Warning)
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
	p.alter(fmt.Sprintf("CREATE OR REPLACE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT %d'", oldest))
	p.alter("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)")
}

// Writers at work are not left to fail, or to write what nobody reads: they end as they would refuse to start. What
// came meanwhile is the successor's.
func TestAWriterAtWorkEndsOnceANewerSluicesMigrationShutsItOut(t *testing.T) {
	t.Parallel()
	p := newProgram(t).withTables()
	log, _ := p.serve("consume", "intake")
	p.env["NATS_URL"] = log.NATS
	commands := [][]string{
		{"consume", "record"}, {"consume", "training"}, {"consume", "monitor"}, {"train", "watch"}, {"up", "--train", "--upstream", "emulator"},
	}
	type end struct {
		status int
		said   *output
	}
	ends := make([]chan end, len(commands))
	for i, args := range commands {
		m, _, errs := p.command(append(args, "--set", "monitor.metrics_listen=")...)
		ready := make(chan Where, 1)
		m.Ready = func(w Where) { ready <- w }
		ends[i] = make(chan end, 1)
		go func() { ends[i] <- end{m.report(m.Run(t.Context())), errs} }() // owned by the loop below
		select {
		case <-ready:
		case e := <-ends[i]:
			t.Fatalf("%v ended with status %d before it was ready\n%s", args, e.status, e.said)
		}
	}
	p.migratedByANewer(9000)
	p.alter("ALTER TABLE queries ADD COLUMN later text NOT NULL")
	p.must("publish", "--source", "web", p.file("questions.jsonl", `{"query":"Why?"}`+"\n"))
	for i, args := range commands {
		var e end
		eventually(t, fmt.Sprint(args, " ends"), func() bool {
			select {
			case e = <-ends[i]:
				return true
			default:
				return false
			}
		})
		if e.status != statusFailed || strings.Count(e.said.String(), "Use the newer one, or give this one a database of its own") < 1 {
			t.Errorf("%v ended with status %d\n%s", args, e.status, e.said)
		}
	}
	if out := p.must("dead", "list", "--json"); strings.TrimSpace(out) != "" {
		t.Errorf("there are dead letters:\n%s", out)
	}
	p.alter("ALTER TABLE queries DROP COLUMN later")
	p.alter("DELETE FROM goose_db_version WHERE version_id = 9000")
	p.serve("consume", "record")
	db := p.db()
	eventually(t, "the fact is recorded", func() bool { return countOf(t, db, "SELECT count(*) FROM queries") == 1 })
}

func (p *program) alter(sql string) {
	p.t.Helper()
	if _, err := p.db().Table(p.t.Context(), sql); err != nil {
		p.t.Fatal(err)
	}
}
