package inflight

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice"
)

func TestACallInFlightAtAKillIsInTheLedgerOnceAtTheMostThatItCanCost(t *testing.T) {
	for name, allocate := range map[string]func(*os.File, int64) ([]byte, error){"mapped": nil, "written": unmapped} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, Options{Dir: dir, allocate: allocate})
			j.Begin(call("done"))
			j.Begin(call("flying"))
			j.Stored("done")
			die(t, j)
			var l ledger
			if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{Calls: 1, Missing: 1, Bounds: 1, Cost: 1234}) {
				t.Errorf("%+v", got)
			}
			want := *call("flying")
			want.CostEstimated, want.Outcome, want.Error = true, sluice.OutcomeBroken, Killed
			if got := l.lines["calls.billed.answer.flying"]; len(l.lines) != 1 || got != want {
				t.Errorf("ledger %+v\nwant   %+v", l.lines, want)
			}
			if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{}) || len(files(t, dir)) != 0 {
				t.Errorf("again: %+v, left %v", got, files(t, dir))
			}
		})
	}
}

// unmapped is a file system that allocates nothing ahead.
func unmapped(f *os.File, n int64) ([]byte, error) { return nil, f.Truncate(n) }

// What a line is made of after the call (usage, latency, outcome) and what only the gateway fills in need no room;
// everything else must survive, fields that are added some day included.
func TestEveryFieldThatIsKnownBeforeACallSurvives(t *testing.T) {
	after := []string{"KeyID", "LatencyMS", "Usage", "CostEstimated", "Outcome", "Error"}
	c := call("x")
	got, err := readLine(appendLine(nil, c))
	if err != nil || got != *c {
		t.Errorf("%+v, %v\nwant %+v", got, err, *c)
	}
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() != slices.Contains(after, name) {
			t.Errorf("the line of this test says nothing of %s", name)
		}
	}
}

func TestASlotIsUsedAgain(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	long := call("long")
	long.Tenant = strings.Repeat("t", 128)
	j.Begin(long)
	j.Stored("long")
	for n := range 3 * sheetSlots {
		id := fmt.Sprint(n)
		j.Begin(call(id))
		j.Stored(id)
	}
	j.Begin(call("last"))
	if got := len(files(t, dir)); got != 1 || j.Stats() != (Stats{Open: 1}) {
		t.Errorf("%d files, %+v", got, j.Stats())
	}
	die(t, j)
	var l ledger
	adopt(t, Adoption{Dir: dir, Publisher: &l})
	if got := l.ids(); !slices.Equal(got, []string{"last"}) {
		t.Errorf("adopted %v", got)
	}
}

func TestMoreCallsThanSlotsFindRoom(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	const n = 2*sheetSlots + 7
	for i := range n {
		j.Begin(call(fmt.Sprint(i)))
	}
	for i := range 10 {
		j.Stored(fmt.Sprint(i * 100))
	}
	die(t, j)
	var l ledger
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got.Calls != n-10 || len(l.lines) != n-10 {
		t.Errorf("%+v of %d", got, n-10)
	}
}

func TestNoCallIsRefusedForWantOfRoom(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	made := 0
	j := open(t, Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil)), allocate: func(f *os.File, n int64) ([]byte, error) {
		if made++; made > 1 {
			return nil, errors.New("no space left on device")
		}
		return unmapped(f, n)
	}})
	for i := range sheetSlots + 4 {
		j.Begin(call(fmt.Sprint(i)))
	}
	absurd := call("absurd")
	absurd.Model = strings.Repeat("m", slotBytes)
	j.Begin(absurd)
	if got := j.Stats(); got != (Stats{Open: sheetSlots - 1, Missed: 6}) {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "no space left") {
		t.Errorf("it is told %d times: %s", n, log.String())
	}
	if got := len(files(t, dir)); got != 1 {
		t.Errorf("%d files: a sheet that could not be made was left behind", got)
	}
	j.Stored("0")
	j.Begin(call("later")) // there is room again
	if got := j.Stats(); got != (Stats{Open: sheetSlots - 1, Missed: 6}) {
		t.Errorf("later: %+v", got)
	}
}

func TestAJournalThatIsClosedLeavesOnlyWhatTheLogDidNotConfirm(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	for i := range sheetSlots {
		j.Begin(call(fmt.Sprint(i)))
	}
	for i := range sheetSlots - 1 { // the first sheet's
		j.Stored(fmt.Sprint(i))
	}
	if err := j.Close(); err != nil || len(files(t, dir)) != 1 {
		t.Errorf("%v, left %v", err, files(t, dir))
	}
	j.Begin(call("late")) // harms nobody
	j.Stored(fmt.Sprint(sheetSlots - 1))
	var l ledger
	adopt(t, Adoption{Dir: dir, Publisher: &l})
	if got := l.ids(); !slices.Equal(got, []string{fmt.Sprint(sheetSlots - 1)}) {
		t.Errorf("adopted %v", got)
	}
	var none *Journal
	none.Begin(call("x"))
	none.Stored("x")
	if err := none.Close(); err != nil || none.Stats() != (Stats{}) {
		t.Error("a nil journal is not nothing")
	}
}

func TestManyGoroutinesShareAJournal(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				id := fmt.Sprintf("%d-%d", g, i)
				j.Begin(call(id))
				if i%100 != 0 {
					j.Stored(id)
				}
			}
		})
	}
	all.Wait()
	die(t, j)
	var l ledger
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got.Calls != 40 || got.Torn != 0 {
		t.Errorf("%+v", got)
	}
}
