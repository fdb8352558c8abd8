package inflight

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/streams"
)

// ledger is a log that keeps lines by their subject and refuses a second.
type ledger struct {
	lines map[string]sluice.Call
	fail  error
	// refuse is the id of a line that is never stored.
	refuse string
}

func (l *ledger) Publish(_ context.Context, msgs []streams.Message) ([]streams.Ack, error) {
	acks := make([]streams.Ack, len(msgs))
	if l.fail != nil {
		return acks, l.fail
	}
	if l.lines == nil {
		l.lines = map[string]sluice.Call{}
	}
	var err error
	for i, m := range msgs {
		line, decodeErr := streams.Decode[sluice.Call](m.Data)
		if decodeErr != nil {
			return acks, decodeErr
		}
		if line.ID == l.refuse {
			err = errors.New("refused")
			continue
		}
		_, there := l.lines[m.Subject]
		acks[i] = streams.Ack{New: !there, Stream: streams.StreamCalls}
		if !there {
			line.StartedAt = line.StartedAt.UTC()
			l.lines[m.Subject] = line
		}
	}
	return acks, err
}

func (l *ledger) ids() []string {
	var ids []string
	for _, c := range l.lines {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	return ids
}

func call(id string) *sluice.Call {
	return &sluice.Call{
		ID: id, Stage: "answer", QueryKey: "k-" + id, Tenant: "acme", Pair: "p1", Arm: sluice.ArmB, Tier: sluice.Large, Provider: "gemini",
		Model: "gemini-2.5-pro", Attempt: 3, StartedAt: time.Date(2026, 11, 26, 12, 0, 0, 123_000, time.UTC), Cost: 1234, PriceVersion: "v7",
	}
}

func open(t testing.TB, o Options) *Journal {
	t.Helper()
	j, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// die ends a journal as a killed process does: its locks go, and its files stay as they are.
func die(t testing.TB, j *Journal) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	for _, s := range j.sheets {
		if err := s.close(false); err != nil {
			t.Fatal(err)
		}
	}
}

func adopt(t testing.TB, a Adoption) Adopted {
	t.Helper()
	got, err := a.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

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
			if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{Calls: 1, Missing: 1, Cost: 1234}) {
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

func TestTornSlotsAreSkippedAndCounted(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	for _, id := range []string{"a", "b", "c", "d"} {
		j.Begin(call(id))
	}
	path := j.sheets[0].path
	die(t, j)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[1*slotBytes+slotHead+5] ^= 1       // a: another letter
	le.PutUint32(data[3*slotBytes:], 1<<20) // c: a length beyond the slot
	data = data[:len(data)-2*slotBytes-17]  // and the end is missing
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var l ledger
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got.Calls != 2 || got.Torn != 2 {
		t.Errorf("%+v", got)
	}
	if got := l.ids(); !slices.Equal(got, []string{"b", "d"}) || len(files(t, dir)) != 0 {
		t.Errorf("adopted %v, left %v", got, files(t, dir))
	}
}

func TestOnlyDeadProcessesAreAdopted(t *testing.T) {
	dir := t.TempDir()
	alive, dead := open(t, Options{Dir: dir}), open(t, Options{Dir: dir})
	alive.Begin(call("alive"))
	dead.Begin(call("dead"))
	var l ledger
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{}) {
		t.Errorf("both live: %+v", got)
	}
	die(t, dead)
	adopt(t, Adoption{Dir: dir, Publisher: &l})
	if got := l.ids(); !slices.Equal(got, []string{"dead"}) {
		t.Errorf("adopted %v", got)
	}
	alive.Stored("alive")
	if err := alive.Close(); err != nil || len(files(t, dir)) != 0 {
		t.Errorf("%v, left %v", err, files(t, dir))
	}
}

func TestALineThatArrivedStands(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	j.Begin(call("arrived"))
	die(t, j)
	real := *call("arrived")
	real.Cost, real.Outcome = 17, sluice.OutcomeOK
	l := ledger{lines: map[string]sluice.Call{"calls.billed.answer.arrived": real}}
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{Calls: 1}) {
		t.Errorf("%+v", got)
	}
	if got := l.lines["calls.billed.answer.arrived"]; got != real || len(l.lines) != 1 {
		t.Errorf("%+v", l.lines)
	}
}

func TestWhatTheLogDoesNotTakeStaysForTheNextStart(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	for _, id := range []string{"a", "b", "c"} {
		j.Begin(call(id))
	}
	die(t, j)
	l := ledger{fail: errors.New("the log is away")}
	if got, err := (Adoption{Dir: dir, Publisher: &l}).Run(t.Context()); !errors.Is(err, l.fail) || got != (Adopted{Left: 3}) {
		t.Errorf("%+v, %v", got, err)
	}
	l.fail, l.refuse = nil, "b"
	if got, err := (Adoption{Dir: dir, Publisher: &l}).Run(t.Context()); err == nil || got.Calls != 2 || got.Left != 1 {
		t.Errorf("one is refused: %+v, %v", got, err)
	}
	l.refuse = ""
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got.Calls != 1 || got.Missing != 1 {
		t.Errorf("at last: %+v", got)
	}
	if got := l.ids(); !slices.Equal(got, []string{"a", "b", "c"}) || len(files(t, dir)) != 0 {
		t.Errorf("adopted %v, left %v", got, files(t, dir))
	}
}

func TestLinesOfAStageThatMayNotBePublishedStay(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	j.Begin(call("answer"))
	other := call("judge")
	other.Stage = "judge"
	j.Begin(other)
	die(t, j)
	var l ledger
	may := func(stage string) bool { return stage == "judge" }
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l, May: may}); got.Calls != 1 || got.Left != 1 {
		t.Errorf("%+v", got)
	}
	if got := l.ids(); !slices.Equal(got, []string{"judge"}) {
		t.Errorf("adopted %v", got)
	}
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got.Calls != 1 || len(files(t, dir)) != 0 {
		t.Errorf("the rest: %+v", got)
	}
}

func TestAPurseIsPaidFromWhatWasMissing(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir, Purse: Purse{Stage: "answer", Name: "night"}})
	for _, id := range []string{"a", "b", "arrived"} {
		j.Begin(call(id))
	}
	die(t, j)
	l := ledger{lines: map[string]sluice.Call{"calls.billed.answer.arrived": {ID: "arrived"}}}
	var paid []string
	pay := func(_ context.Context, p Purse, payer string, cost sluice.MicroUSD) error {
		paid = append(paid, fmt.Sprint(p.Stage, p.Name, len(payer), cost))
		return nil
	}
	adopt(t, Adoption{Dir: dir, Publisher: &l, Pay: pay})
	adopt(t, Adoption{Dir: dir, Publisher: &l, Pay: pay})
	if want := []string{fmt.Sprint("answer", "night", 26, sluice.MicroUSD(2*1234))}; !slices.Equal(paid, want) {
		t.Errorf("paid %q, want %q", paid, want)
	}
}

func TestWhatIsNoJournalOfOursStays(t *testing.T) {
	dir := t.TempDir()
	head := make([]byte, slotBytes)
	copy(head, sealed(append(make([]byte, slotHead), "\x18sluice calls in flight 2"...)))
	for name, data := range map[string][]byte{"newer.calls": head, "begun.calls": nil, "empty.calls": make([]byte, 3*slotBytes), "notes.txt": []byte("x")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := (Adoption{Dir: dir, Publisher: &ledger{}}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "newer.calls") || got != (Adopted{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got := files(t, dir); len(got) != 2 || filepath.Base(got[0]) != "newer.calls" || filepath.Base(got[1]) != "notes.txt" {
		t.Errorf("left %v", got)
	}
	if got, err := (Adoption{Dir: filepath.Join(dir, "none"), Publisher: &ledger{}}).Run(t.Context()); err != nil || got != (Adopted{}) {
		t.Errorf("without a directory: %+v, %v", got, err)
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

// childDir names the directory to a copy of this test binary that is to be killed.
const childDir = "INFLIGHT_TEST_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	j, err := Open(Options{Dir: dir})
	if err != nil {
		panic(err)
	}
	for i := range 100 {
		j.Begin(call(fmt.Sprint(i)))
	}
	for i := range 90 {
		j.Stored(fmt.Sprint(i))
	}
	if _, err := os.Stdout.WriteString("ready\n"); err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or the test has died
}

func TestAJournalSurvivesSIGKILL(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	var l ledger
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{}) {
		t.Errorf("it lives: %+v", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got.Calls != 10 || got.Torn != 0 || len(files(t, dir)) != 0 {
		t.Errorf("%+v", got)
	}
}

// BenchmarkCall is what a stage pays for a call: written down before, cleared after.
func BenchmarkCall(b *testing.B) {
	for name, allocate := range map[string]func(*os.File, int64) ([]byte, error){"mapped": nil, "written": unmapped} {
		b.Run(name, func(b *testing.B) {
			j := open(b, Options{Dir: b.TempDir(), allocate: allocate})
			for i := range 100 { // others are in flight
				j.Begin(call(fmt.Sprint(i)))
			}
			c := call("abcdefghijklmnopqrstuvwx23")
			b.ReportAllocs()
			for b.Loop() {
				j.Begin(c)
				j.Stored(c.ID)
			}
		})
	}
}
