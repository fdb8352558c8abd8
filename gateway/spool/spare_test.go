package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// reused opens a spool and fills it until it writes to a file that it wrote to before; what it was given is published.
func reused(t *testing.T, dir string) *Spool {
	t.Helper()
	s, _ := open(t, Options{Dir: dir, SegmentBytes: 4 << 10, Linger: time.Millisecond})
	if s.segments[0].room == nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the file system maps no files, and CI's must")
		}
		t.Skip("the file system maps no files")
	}
	pad := make([]byte, 100)
	for i := 0; s.segments[len(s.segments)-1].seal == 0; i++ {
		if i == 100_000 {
			t.Fatal("no file is written to again")
		}
		id := fmt.Sprint(i)
		must(t, s.Begin(id, pad), s.End(id, fact(id)))
		if i%50 > 0 {
			continue
		}
		must(t, s.publishAll(t.Context(), &ledger{}, &scratch{}), s.mark(t.Context()))
	}
	must(t, s.publishAll(t.Context(), &ledger{}, &scratch{}), s.mark(t.Context()))
	return s
}

func TestAFileThatIsWrittenToAgainHoldsNothingOfItsEarlierLife(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := reused(t, dir)
	must(t, s.Begin("a", []byte("a1")), s.Begin("b", []byte("b1")), s.End("b", fact("b")))
	if n := len(s.spares); n > maxSpares {
		t.Errorf("%d spares", n)
	}
	// Killed: neither closed nor published.
	log := &ledger{}
	next, left := open(t, Options{Dir: dir, Linger: time.Millisecond})
	if len(left) != 1 || left[0].ID != "a" || string(left[0].Intents[0]) != "a1" {
		t.Fatalf("left over %v", left)
	}
	stop := run(t, next, log)
	must(t, next.End("a", fact("a")), next.Flush(t.Context()))
	stop()
	if got := log.all(); !slices.Equal(got, []string{"decisions.taken.b=db", "calls.billed.gateway.b=cb", "decisions.taken.a=da", "calls.billed.gateway.a=ca"}) {
		t.Errorf("published %v", got)
	}
	must(t, next.Close())
}

func TestALossOfPowerBringsBackNothingThatAFileHeldBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := reused(t, dir)
	g := s.segments[len(s.segments)-1]
	must(t, s.Begin("a", []byte("a1")))
	// The mark of the end did not reach the disk: old bytes follow, at best a whole frame of the earlier life.
	old := appendIntent(nil, "old", []byte("old"))
	copy(g.room[g.written:], old)
	next, left := open(t, Options{Dir: dir})
	if len(left) != 1 || left[0].ID != "a" {
		t.Errorf("left over %v", left)
	}
	must(t, next.Close())
}

func TestSparesEndWithTheirProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stray := filepath.Join(dir, "0000000000000007"+spareSuffix)
	must(t, os.WriteFile(stray, appendIntent(nil, "old", nil), 0o600))
	s, left := open(t, Options{Dir: dir})
	if _, err := os.Stat(stray); err == nil || len(left) > 0 {
		t.Errorf("a killed process's spare: %v, left over %v", err, left)
	}
	must(t, s.Close())
	s = reused(t, dir)
	must(t, s.Close())
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), spareSuffix) {
			t.Errorf("%s is left of a spool that was closed", e.Name())
		}
	}
}

func TestWhoeverWaitsForTheLogNeedNotWaitForMoreToPublish(t *testing.T) {
	t.Parallel()
	s, _ := open(t, Options{Dir: t.TempDir(), Linger: time.Hour})
	log := &ledger{}
	stop := run(t, s, log)
	must(t, s.End("a", fact("a")), s.Flush(t.Context()))
	stop()
	if n := len(log.all()); n != 2 {
		t.Errorf("%d facts are published, want 2", n)
	}
	must(t, s.Close())
}
