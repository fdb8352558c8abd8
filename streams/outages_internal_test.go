package streams

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAnOutageIsToldAsItBeginsEachMinuteAndWhenItIsOver(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1e9, 0)
	o := newOutages(slog.New(slog.NewTextHandler(&out, nil)), func() time.Time { return now })
	told := func() []string {
		defer out.Reset()
		return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	}
	full := func(unconfirmed, round int) Outage {
		return Outage{Stream: StreamQueries, Full: true, Unconfirmed: unconfirmed, Round: round, Err: errors.New("no room")}
	}
	one, other := &wave{through: true}, &wave{through: true}
	o.hear(one, full(9, 2)) // it may be over in a moment
	if out.Len() > 0 {
		t.Errorf("told %q", told())
	}
	for range 150 { // seconds
		now = now.Add(time.Second)
		o.hear(one, full(30, 3))
		o.hear(other, full(12, 3))
	}
	lines := told()
	if len(lines) != 3 || !strings.Contains(lines[0], "stream is full") || !strings.Contains(lines[0], "unconfirmed=30 for=0s") ||
		!strings.Contains(lines[2], "unconfirmed=42 for=2m0s") {
		t.Errorf("in two and a half minutes it told\n%s", strings.Join(lines, "\n"))
	}
	o.leave(one)
	if out.Len() > 0 {
		t.Errorf("somebody waits still, and it told %q", told())
	}
	o.leave(other)
	if lines := told(); len(lines) != 1 || !strings.Contains(lines[0], "again") || !strings.Contains(lines[0], "stream=QUERIES after=2m29s") {
		t.Errorf("as it was over it told %q", lines)
	}
	// A stream at its brim is full again and again.
	for range 60 {
		now = now.Add(time.Second)
		o.hear(one, full(1, 3))
		o.leave(one)
	}
	if lines := told(); len(lines) != 2 {
		t.Errorf("in a minute at the brim it told\n%s", strings.Join(lines, "\n"))
	}
	// Whoever gives up does not say that it is over.
	now = now.Add(time.Hour)
	one.through = false
	o.hear(one, Outage{Unconfirmed: 1, Round: 3, Err: errors.New("away")})
	o.leave(one)
	if lines := told(); len(lines) != 1 || !strings.Contains(lines[0], "not confirmed") {
		t.Errorf("of a log that is away it told %q", lines)
	}
}
