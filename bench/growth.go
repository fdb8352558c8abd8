package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
)

// Beginning is a ring that has just begun, in a process and with tables of its own: what one with many queries behind
// it is compared with. The two take turns, so that whatever else the machine does comes to both.
type Beginning struct {
	// Command is the program with the arguments that print a [Pipeline] as JSON.
	Command []string
	// Skip is how many of its first parts are not counted.
	Skip int
}

// Growth is what a query costs behind many others, in terms of what it costs a ring that has just begun.
type Growth struct {
	// Young is the mean of the rings that began, Old that of the parts that they took turns with.
	Young Stretch `json:"young"`
	Old   Stretch `json:"old"`
	// CPU is Old's CPU time a query over Young's, of the ring's process, Postgres that of the server, and All that of
	// both; zero where Young's was too short for the clock, which counts a server's in hundredths of a second.
	CPU      float64 `json:"cpu"`
	Postgres float64 `json:"postgres"`
	All      float64 `json:"all"`
}

// run sends a ring of its own its queries.
func (b *Beginning) run(ctx context.Context) (Stretch, error) {
	cmd := command(ctx, b.Command)
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return Stretch{}, ctx.Err()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	var p Pipeline
	if err == nil {
		err = json.Unmarshal(out, &p)
	}
	if err == nil && len(p.Parts) <= b.Skip {
		err = fmt.Errorf("it has %d parts, want more than %d", len(p.Parts), b.Skip)
	}
	if err != nil {
		return Stretch{}, fmt.Errorf("a ring that begins (%v): %w", b.Command, err)
	}
	return stretch(p.Parts, b.Skip, len(p.Parts)), nil
}

// growthOf compares rings that began, of one size, with parts of one that is old.
func growthOf(young []Stretch, old Stretch) *Growth {
	g := &Growth{Young: Stretch{From: young[0].From, To: young[0].To}, Old: old}
	for _, s := range young {
		g.Young.add(s.Costs)
	}
	g.Young.divide(len(young))
	own, postgres := g.Young.CPUPerQuery, g.Young.PostgresCPUPerQuery
	g.CPU, g.Postgres = times(old.CPUPerQuery, own), times(old.PostgresCPUPerQuery, postgres)
	g.All = times(old.CPUPerQuery+old.PostgresCPUPerQuery, own+postgres)
	return g
}

// times is how many times young goes into old; zero where young was too short for the clock.
func times(old, young float64) float64 {
	if young == 0 {
		return 0
	}
	return round(old / young)
}
