package producers

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Display shows a run to a person: one line redrawn in place on a terminal, a line every few seconds
// elsewhere. It is a [Watcher]; its errors in writing are nobody's concern.
type Display struct {
	w        io.Writer
	terminal bool
	name     string
	total    int
	drawn    time.Time
	faults   int
}

// NewDisplay shows a run of so many rows (0: unknown) under a name; terminal says that w is one.
func NewDisplay(w io.Writer, terminal bool, name string, total int) *Display {
	return &Display{w: w, terminal: terminal, name: name, total: total}
}

// How often the display is drawn.
const (
	redrawEvery  = 100 * time.Millisecond
	logLineEvery = 5 * time.Second
	shownFaults  = 10
	barWidth     = 24
)

// clearLine goes to the line's beginning and wipes it.
const clearLine = "\r\x1b[K"

// Progress draws the bar, or writes a log line where one is due.
func (d *Display) Progress(r Report) {
	every := logLineEvery
	if d.terminal {
		every = redrawEvery
	}
	if time.Since(d.drawn) < every && (!d.terminal || r.Rows != d.total) {
		return
	}
	d.drawn = time.Now()
	d.draw(d.line(r))
}

// Waiting says that the log did not take a batch, and why.
func (d *Display) Waiting(r Report, err error, delay time.Duration) {
	why := "the log does not answer"
	if isFull(err) {
		why = "the stream is full"
	}
	d.draw(fmt.Sprintf("%s: %s after row %d, again in %s: %v", d.name, why, r.Rows, delay, err))
	if d.terminal {
		fmt.Fprintln(d.w)
	}
}

// LeftOut names the first rows that are left out; the report counts the rest.
func (d *Display) LeftOut(fault *RowError) {
	d.faults++
	switch {
	case d.faults <= shownFaults:
		d.say(fmt.Sprintf("left out: %v", fault))
	case d.faults == shownFaults+1:
		d.say("left out: more rows, counted at the end")
	}
}

// Done writes the last line: what was published, what was left out.
func (d *Display) Done(r Report) { d.say(d.name + ": " + r.String()) }

// say writes a line that stays.
func (d *Display) say(s string) {
	if d.terminal {
		fmt.Fprint(d.w, clearLine)
	}
	fmt.Fprintln(d.w, s)
}

// draw writes the line that the next draw replaces on a terminal.
func (d *Display) draw(s string) {
	if d.terminal {
		fmt.Fprint(d.w, clearLine+s)
		return
	}
	fmt.Fprintln(d.w, s)
}

func (d *Display) line(r Report) string {
	perSecond := 0.0
	if seconds := r.Elapsed.Seconds(); seconds > 0 {
		perSecond = float64(r.Rows-r.Resumed) / seconds
	}
	if d.total <= 0 {
		return fmt.Sprintf("%s: %d rows, %.0f a second", d.name, r.Rows, perSecond)
	}
	left := ""
	if rest := d.total - r.Rows; rest > 0 && perSecond > 0 {
		left = ", " + time.Duration(float64(rest)/perSecond*float64(time.Second)).Round(time.Second).String() + " left"
	}
	full := min(barWidth, barWidth*r.Rows/d.total)
	bar := strings.Repeat("#", full) + strings.Repeat("-", barWidth-full)
	if !d.terminal {
		return fmt.Sprintf("%s: %d of %d rows, %.0f a second%s", d.name, r.Rows, d.total, perSecond, left)
	}
	return fmt.Sprintf("%s [%s] %d/%d rows, %.0f a second%s", d.name, bar, r.Rows, d.total, perSecond, left)
}

// String is the report in one line.
func (r Report) String() string {
	parts := []string{fmt.Sprintf("%d published and confirmed", r.Published)}
	for _, part := range []struct {
		count int
		what  string
	}{
		{r.Known, "of them in the log already"},
		{r.Resumed, "dealt with by an earlier run"},
		{r.Invalid, "invalid"},
		{r.Repeated, "repeated"},
	} {
		if part.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.count, part.what))
		}
	}
	return fmt.Sprintf("%d rows: %s, in %s", r.Rows, strings.Join(parts, ", "), r.Elapsed.Round(time.Millisecond))
}
