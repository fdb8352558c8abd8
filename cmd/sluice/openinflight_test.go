package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/inflight"
	"sluice/streams"
)

// left makes what a killed process leaves in a directory: calls whose lines never reached the log.
func left(t *testing.T, dir string, stages ...string) {
	t.Helper()
	j, err := inflight.Open(inflight.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range stages {
		j.Begin(&sluice.Call{
			ID: "of-" + stage, Stage: stage, QueryKey: "k", Provider: "gemini", Model: "gemini-2.5-flash", Attempt: 1,
			StartedAt: time.Now().UTC(), Cost: 77, PriceVersion: "v",
		})
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// journals lists the files of calls in flight under a data directory.
func journals(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "inflight", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheRingAdoptsTheCallsOfAKilledProcess(t *testing.T) {
	p := newProgram(t).withTables()
	left(t, filepath.Join(p.dir, "inflight", "embedded"), "answer", "analysis")
	elsewhere := filepath.Join(p.dir, "inflight", sluice.HashID("nats://elsewhere"))
	left(t, elsewhere, "judge")
	where, stop := p.serve("up", "--upstream", "emulator")
	db := p.db()
	eventually(t, "the lines in the tables", func() bool {
		return countOf(t, db, `SELECT count(*) FROM calls WHERE cost_microusd = 77 AND cost_estimated AND outcome = 'broken' AND error = '`+inflight.Killed+`'`) == 2
	})
	if text := scrape(t, where.Metrics); !strings.Contains(text, "\nsluice_calls_adopted_total 2\n") {
		t.Error("no metric counts two adopted calls")
	}
	ask(t, where.NATS, "web", question("new", "Is this one fine?", ""))
	eventually(t, "an example", func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) == 1 })
	if status := stop(); status != statusDone {
		t.Errorf("stopped with status %d", status)
	}
	// Its own journal is gone: every line was confirmed. The ledger of another log is not ours to write.
	if got := journals(t, p.dir); len(got) != 1 || filepath.Dir(got[0]) != elsewhere {
		t.Errorf("left %v", got)
	}
}

func TestAStageWorksWithoutAPlaceForItsJournal(t *testing.T) {
	p := newProgram(t).withTables()
	if err := os.WriteFile(filepath.Join(p.dir, "inflight"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	where, stop := p.serve("up", "--upstream", "emulator")
	ask(t, where.NATS, "web", question("any", "Is this one fine?", ""))
	db := p.db()
	eventually(t, "an example", func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) == 1 })
	if status := stop(); status != statusDone {
		t.Errorf("stopped with status %d", status)
	}
}

// A judge may not write the answers' lines: the server would refuse them.
func TestAStageAdoptsWhatItsRoleMayWrite(t *testing.T) {
	p := newProgram(t)
	p.withLog(func(ctx context.Context, l *openedLog) {
		m := p.opened("nats.authorize=true", "nats.role=judge")
		log, err := m.openLog(ctx, "judge", toRun)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = log.Close() }()
		left(t, m.inFlightDir(), "answer", "judge")
		c := m.openInFlight(ctx, log, inflight.Purse{})
		eventually(t, "the judge's line", func() bool { return c.count() == 1 })
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		var stored []string
		for m, err := range streams.Scan(ctx, l.JS, streams.StreamCalls, streams.Window{}) {
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, m.Subject)
		}
		if got := strings.Join(stored, " "); got != "calls.billed.judge.of-judge" || len(journals(t, p.dir)) != 1 {
			t.Errorf("stored %s, left %v", got, journals(t, p.dir))
		}
	}, "nats.authorize=true")
}
