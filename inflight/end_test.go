package inflight

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice"
)

// ended is a line whose call has ended, with everything that only then is known.
func ended(id string) *sluice.Call {
	c := call(id)
	c.LatencyMS, c.Usage, c.Cost = 512, sluice.Usage{Prompt: 40, Cached: 8, Output: 5, Thoughts: 70}, 17
	c.CostEstimated, c.Outcome, c.Error = true, sluice.OutcomeCanceled, "given up: the runner is stopping"
	return c
}

func TestACallThatHadEndedIsInTheLedgerAsItWas(t *testing.T) {
	for name, allocate := range map[string]func(*os.File, int64) ([]byte, error){"mapped": nil, "written": unmapped} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, Options{Dir: dir, allocate: allocate})
			j.End(ended("unknown")) // changes nothing
			for _, id := range []string{"ended", "stored", "flying"} {
				j.Begin(call(id))
			}
			j.End(ended("ended"))
			j.End(ended("stored"))
			j.Stored("stored")
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			j.End(ended("flying")) // too late, and harms nobody
			var l ledger
			if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{Calls: 2, Missing: 2, Bounds: 1, Cost: 17 + 1234}) {
				t.Errorf("%+v", got)
			}
			if got := l.lines["calls.billed.answer.ended"]; got != *ended("ended") || len(l.lines) != 2 {
				t.Errorf("ledger %+v\nwant   %+v", l.lines, *ended("ended"))
			}
			if got := l.lines["calls.billed.answer.flying"]; got.Cost != 1234 || got.Error != Killed {
				t.Errorf("in flight: %+v", got)
			}
		})
	}
}

// Whatever is added to a line some day must survive the end of its call, but for what only the gateway fills in.
func TestEveryFieldOfALineSurvivesTheEndOfItsCall(t *testing.T) {
	v := reflect.ValueOf(*ended("x"))
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() != (name == "KeyID") {
			t.Errorf("the line of this test says nothing of %s", name)
		}
	}
	u := reflect.ValueOf(ended("x").Usage)
	for i := range u.NumField() {
		if u.Field(i).IsZero() {
			t.Errorf("the line of this test says nothing of Usage.%s", u.Type().Field(i).Name)
		}
	}
}

// A process may be killed while it writes an end down, and a slot holds what was there before: whatever part of an end
// arrived, the line is whole or at its bound, and never anything between or another's.
func TestHalfAnEndIsNone(t *testing.T) {
	sheet := func() []byte { return make([]byte, slotBytes) }
	before, slot := sheet(), sheet()
	write := func(slot []byte, id string, end *sluice.Call) (from, to int) {
		b := sealed(appendLine(make([]byte, slotHead), call(id)), 0)
		from = copy(slot, b)
		if end != nil {
			e := sealed(appendEnd(make([]byte, slotHead), end, slotBytes-from-slotHead), le.Uint32(b[4:]))
			return from, from + copy(slot[from:], e)
		}
		return from, from
	}
	// The slot was used before, by a call whose line was as long, and had ended.
	from, to := write(before, "before", ended("before"))
	whole := append([]byte(nil), before...)
	write(whole, "latest", nil)
	if c, end, err := readSlot(whole); err != nil || end || c != *call("latest") {
		t.Fatalf("the end of the line before: %+v, %v, %v", c, end, err)
	}
	write(whole, "latest", ended("latest"))
	for n := from; n <= to; n++ {
		copy(slot, before)
		write(slot, "latest", nil)
		copy(slot[from:], whole[from:n])
		c, end, err := readSlot(slot)
		if want := string(slot) == string(whole); err != nil || end != want || end && c != *ended("latest") || !end && c != *call("latest") {
			t.Fatalf("%d of %d bytes of the end: %+v, %v, %v", n-from, to-from, c, end, err)
		}
	}
}

func TestALongErrorIsCutAndALongLineKeepsItsBound(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	wordy, long := ended("wordy"), call("long")
	wordy.Error = strings.Repeat("größer als erlaubt; ", 100)
	long.Model = strings.Repeat("m", slotBytes-slotHead-len(appendLine(nil, call("long")))+len(long.Model)-2)
	j.Begin(call("wordy"))
	j.Begin(long)
	j.End(wordy)
	done := *long
	done.Outcome, done.Cost = sluice.OutcomeOK, 1
	j.End(&done)
	die(t, j)
	var l ledger
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got.Calls != 2 || got.Bounds != 1 {
		t.Fatalf("%+v", got)
	}
	got := l.lines["calls.billed.answer.wordy"]
	if !strings.HasPrefix(wordy.Error, got.Error) || len(got.Error) < 100 || !utf8.ValidString(got.Error) || got.Cost != 17 {
		t.Errorf("wordy: %+v", got)
	}
	if got := l.lines["calls.billed.answer.long"]; got.Cost != 1234 || !got.CostEstimated {
		t.Errorf("long: %+v", got)
	}
}

// testdata/first.calls was written by the build that knew no ends: its calls are adopted at their bounds.
func TestAJournalOfTheFirstBuildIsRead(t *testing.T) {
	data, err := os.ReadFile("testdata/first.calls")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/first.calls", data, 0o600); err != nil {
		t.Fatal(err)
	}
	var l ledger
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{Calls: 2, Missing: 2, Bounds: 2, Cost: 2 * 1234}) || len(files(t, dir)) != 0 {
		t.Errorf("%+v, left %v", got, files(t, dir))
	}
	want := *call("first")
	want.CostEstimated, want.Outcome, want.Error = true, sluice.OutcomeBroken, Killed
	if got := l.lines["calls.billed.answer.first"]; got != want {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}
