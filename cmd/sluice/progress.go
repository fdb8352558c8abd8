package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// stageProgress is how far one stage has come.
type stageProgress struct {
	stage    string
	done, of int
}

// progress shows how far the stages have come: bars, redrawn in place, on a terminal; a line now and then
// elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	drawn    int // lines on the screen
	last     time.Time
	text     string
}

// progressLineEvery is the pause between two lines where nobody watches.
const progressLineEvery = 2 * time.Second

func newProgress(w io.Writer) *progress { return &progress{w: w, terminal: isTerminal(w)} }

// show draws the stages; now paces the lines.
func (p *progress) show(stages []stageProgress, now time.Time) {
	if p.terminal {
		p.bars(stages)
		return
	}
	if now.Sub(p.last) < progressLineEvery {
		return
	}
	p.last = now
	p.line(stages)
}

// end draws the last state and leaves it there.
func (p *progress) end(stages []stageProgress) {
	if p.terminal {
		p.bars(stages)
		p.drawn = 0
		return
	}
	p.line(stages)
}

func (p *progress) bars(stages []stageProgress) {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	for _, s := range stages {
		share := 0.0
		if s.of > 0 {
			share = min(1, float64(s.done)/float64(s.of))
		}
		fmt.Fprintf(&b, "\x1b[2K  %-9s %s%s %s of %s\n", s.stage, bar(share), strings.Repeat("·", barWidth-blocks(share)), count(s.done), count(s.of))
	}
	p.drawn = len(stages)
	fmt.Fprint(p.w, b.String())
}

// blocks is how many characters bar takes.
func blocks(share float64) int { return len([]rune(bar(share))) }

func (p *progress) line(stages []stageProgress) {
	parts := make([]string, 0, len(stages))
	for _, s := range stages {
		parts = append(parts, fmt.Sprintf("%s %d/%d", s.stage, s.done, s.of))
	}
	if text := strings.Join(parts, "  "); text != p.text {
		p.text = text
		fmt.Fprintln(p.w, text)
	}
}
