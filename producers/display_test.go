package producers

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/streams"
)

func TestTheBarIsRedrawnOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		d := NewDisplay(&b, true, "simpleqa", 4000)
		d.Progress(Report{Rows: 1000, Elapsed: time.Second})
		d.Progress(Report{Rows: 1500, Elapsed: time.Second}) // too soon
		<-time.After(redrawEvery)
		d.Progress(Report{Rows: 3000, Resumed: 1000, Elapsed: 2 * time.Second})
		d.Progress(Report{Rows: 4000, Resumed: 1000, Elapsed: 3 * time.Second}) // the last one always
		d.Done(Report{Rows: 4000, Resumed: 1000, Published: 2990, Invalid: 10, Elapsed: 3 * time.Second})
		want := clearLine + "simpleqa [######------------------] 1000/4000 rows, 1000 a second, 3s left" +
			clearLine + "simpleqa [##################------] 3000/4000 rows, 1000 a second, 1s left" +
			clearLine + "simpleqa [########################] 4000/4000 rows, 1000 a second" +
			clearLine + "simpleqa: 4000 rows: 2990 published and confirmed, 1000 dealt with by an earlier run, 10 invalid, in 3s\n"
		if b.String() != want {
			t.Errorf("drew\n%q, want\n%q", b.String(), want)
		}
	})
}

func TestLogLinesAreFewElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		d := NewDisplay(&b, false, "nq", 0)
		for i := range 100 {
			d.Progress(Report{Rows: i * 10, Elapsed: time.Duration(i) * 100 * time.Millisecond})
			<-time.After(100 * time.Millisecond)
		}
		full := &streams.FullError{Stream: "QUERIES", Err: errors.New("maximum bytes exceeded")}
		d.Waiting(Report{Rows: 990}, full, time.Second)
		d.Waiting(Report{Rows: 990}, errors.New("timeout"), time.Second)
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 4 || lines[1] != "nq: 500 rows, 100 a second" || strings.Contains(b.String(), "\x1b") {
			t.Fatalf("wrote %q", lines)
		}
		if !strings.HasPrefix(lines[2], "nq: the stream is full after row 990, again in 1s: stream QUERIES is full") ||
			lines[3] != "nq: the log does not answer after row 990, again in 1s: timeout" {
			t.Errorf("waiting reads %q", lines[2:])
		}
	})
}

func TestOnlyTheFirstFaultsAreShown(t *testing.T) {
	var b strings.Builder
	d := NewDisplay(&b, false, "nq", 0)
	for i := range 50 {
		d.LeftOut(invalidf("f", i+1, "broken"))
	}
	if n := strings.Count(b.String(), "\n"); n != shownFaults+1 || !strings.HasPrefix(b.String(), "left out: f:1: broken\n") {
		t.Errorf("wrote %d lines:\n%s", n, b.String())
	}
}
