package inflight

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice"
)

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
	line := *call("arrived")
	line.Cost, line.Outcome = 17, sluice.OutcomeOK
	l := ledger{lines: map[string]sluice.Call{"calls.billed.answer.arrived": line}}
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{Calls: 1}) {
		t.Errorf("%+v", got)
	}
	if got := l.lines["calls.billed.answer.arrived"]; got != line || len(l.lines) != 1 {
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

// The log may take a file's lines in several rounds: a purse keeps one sum a payer, and the next one's must not replace
// what was paid before.
func TestAPurseIsPaidFromWhatWasMissing(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir, Purse: Purse{Stage: "answer", Name: "night"}})
	for _, id := range []string{"a", "b", "arrived", "late"} {
		j.Begin(call(id))
	}
	j.End(ended("b"))
	die(t, j)
	l := ledger{lines: map[string]sluice.Call{"calls.billed.answer.arrived": {ID: "arrived"}}, refuse: "late"}
	paid := map[string]sluice.MicroUSD{}
	a := Adoption{Dir: dir, Publisher: &l, Pay: func(_ context.Context, p Purse, payer string, cost sluice.MicroUSD) error {
		if p != (Purse{Stage: "answer", Name: "night"}) {
			t.Errorf("paid from %+v", p)
		}
		paid[payer] = cost
		return nil
	}}
	if _, err := a.Run(t.Context()); err == nil {
		t.Error("a line was refused, and nobody said so")
	}
	l.refuse = ""
	for range 2 {
		adopt(t, a)
	}
	total := sluice.MicroUSD(0)
	for _, cost := range paid {
		total += cost
	}
	if want := sluice.MicroUSD(1234 + 17 + 1234); total != want || len(paid) != 2 {
		t.Errorf("paid %v, %s, want %s", paid, total, want)
	}
}

func TestWhatIsNoJournalOfOursStays(t *testing.T) {
	dir := t.TempDir()
	head := make([]byte, slotBytes)
	copy(head, sealed(append(make([]byte, slotHead), "\x18sluice calls in flight 2"...), 0))
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

// accounts is a purse: a payer's sum never falls.
type accounts map[string]sluice.MicroUSD

func (s accounts) pay(_ context.Context, _ Purse, payer string, cost sluice.MicroUSD) error {
	s[payer] = max(s[payer], cost)
	return nil
}

func (s accounts) total() (sum sluice.MicroUSD) {
	for _, cost := range s {
		sum += cost
	}
	return sum
}

// What a process had told its purse of before it was killed counts once, what it had not told yet counts too, whether
// or not the log has its lines, and however often it is adopted.
func TestAPurseLearnsOfEachCallOfAKilledProcessOnce(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir, Purse: Purse{Stage: "answer", Name: "night", Payer: "me"}})
	for i := range sheetSlots { // into a second file
		j.Begin(call(fmt.Sprint("other", i)))
		j.Stored(fmt.Sprint("other", i))
		j.Begin(call(fmt.Sprint("held", i)))
	}
	for i := range sheetSlots {
		j.Stored(fmt.Sprint("held", i))
	}
	for _, id := range []string{"told", "stored", "untold", "cut"} {
		j.Begin(call(id))
	}
	for _, id := range []string{"told", "stored", "untold"} {
		j.End(ended(id))
	}
	j.Stored("stored")
	purse := accounts{"me": ended("told").Cost}
	die(t, j)
	l := ledger{refuse: "untold"}
	a := Adoption{Dir: dir, Publisher: &l, Pay: purse.pay}
	if _, err := a.Run(t.Context()); err == nil {
		t.Error("a line was refused, and nobody said so")
	}
	l.refuse = ""
	for range 2 {
		adopt(t, a)
	}
	if got, want := purse.total(), 3*ended("told").Cost+call("cut").Cost; got != want || len(files(t, dir)) != 0 {
		t.Errorf("the purse knows of %s, want %s: %v; left %v", got, want, purse, files(t, dir))
	}
}

// What it had told nobody of by then, and had all its lines stored, is known from its files alone.
func TestAFileWithoutLinesIsPaidFor(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir, Purse: Purse{Stage: "answer", Name: "night", Payer: "me"}})
	j.Begin(call("stored"))
	j.End(ended("stored"))
	j.Stored("stored")
	die(t, j)
	purse, away := accounts{}, errors.New("the purse is away")
	a := Adoption{Dir: dir, Publisher: &ledger{}, Pay: func(context.Context, Purse, string, sluice.MicroUSD) error { return away }}
	if _, err := a.Run(t.Context()); !errors.Is(err, away) || len(files(t, dir)) != 1 {
		t.Errorf("%v, left %v", err, files(t, dir))
	}
	a.Pay, a.May = purse.pay, func(stage string) bool { return stage == "judge" }
	if adopt(t, a); len(purse) != 0 || len(files(t, dir)) != 1 {
		t.Errorf("another stage's purse was paid from: %v, left %v", purse, files(t, dir))
	}
	a.May = nil
	if adopt(t, a); purse["me"] != ended("stored").Cost || len(files(t, dir)) != 0 {
		t.Errorf("paid %v, left %v", purse, files(t, dir))
	}
}
