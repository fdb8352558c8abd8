package llm_test

import (
	"context"
	"slices"
	"testing"

	"sluice"
	"sluice/llm"
)

// diary is a journal that remembers what it was told, and what the server had been asked by then.
type diary struct {
	begun []sluice.Call
	ended []sluice.Call
	asked func() int
	seen  []int
}

func (d *diary) Begin(line *sluice.Call) {
	d.begun, d.seen = append(d.begun, *line), append(d.seen, d.asked())
}

func (d *diary) End(line *sluice.Call) { d.ended = append(d.ended, *line) }

// An attempt is written down before it is made, under the id that its line will have, at the most that it can cost;
// what that was changes nothing in the line.
func TestAnAttemptIsWrittenDownBeforeItIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		ask  llm.Request
		most int64 // tokens of the reply
	}{
		"without a bound of its own": {ask, llm.DefaultMaxOutputTokens},
		"with one":                   {llm.Request{Model: flash, System: ask.System, Prompt: ask.Prompt, MaxOutputTokens: 100}, 100},
	} {
		asked := 0
		counting := func(r reply) reply {
			return func(ctx context.Context) (llm.Response, error) { asked++; return r(ctx) }
		}
		d := &diary{asked: func() int { return asked }}
		caller, _ := caller(t, llm.ModelConfig{}, llm.Deps{Journal: d, Jitter: func() float64 { return 0 }}, counting(limited), counting(says("Goethe.")))
		purpose := llm.Purpose{Stage: "answer", QueryKey: "q", Tenant: "acme", Pair: "p1", Arm: sluice.ArmB, Tier: sluice.Medium}
		_, lines, err := caller.Call(t.Context(), purpose, c.ask)
		if err != nil || len(lines) != 2 || len(d.begun) != 2 {
			t.Fatalf("%s: %d lines, %d written down, %v", name, len(lines), len(d.begun), err)
		}
		if !slices.Equal(d.ended, lines) {
			t.Errorf("%s: what ended is written down as %+v\nlines %+v", name, d.ended, lines)
		}
		for i, begun := range d.begun {
			most, _, err := caller.Prices().Bound(flash, begun.StartedAt, llm.BoundTokens(int64(len(ask.System)+len(ask.Prompt))), c.most)
			if err != nil || begun.Cost != most || most == 0 {
				t.Errorf("%s: %d: it may cost %s, want %s, %v", name, i, begun.Cost, most, err)
			}
			if d.seen[i] != i {
				t.Errorf("%s: %d: %d attempts were made when it was written down", name, i, d.seen[i])
			}
			line := lines[i]
			line.Cost, line.Usage, line.LatencyMS, line.Outcome, line.Error = begun.Cost, sluice.Usage{}, 0, "", ""
			if line != begun {
				t.Errorf("%s: %d: written down %+v\nline %+v", name, i, begun, line)
			}
		}
		if lines[0].Cost != 0 || lines[1].Cost == 0 || lines[1].Cost == d.begun[1].Cost {
			t.Errorf("%s: lines cost %s and %s", name, lines[0].Cost, lines[1].Cost)
		}
	}
}

func TestWhatIsNotAskedIsNotWrittenDown(t *testing.T) {
	d := &diary{asked: func() int { return 0 }}
	spent := llm.NewSpend(0, nil)
	caller, _ := caller(t, llm.ModelConfig{}, llm.Deps{Journal: d, Spend: spent})
	if _, lines, err := caller.Call(t.Context(), llm.Purpose{}, ask); err == nil || len(lines) != 0 || len(d.begun) != 0 {
		t.Errorf("%d lines, %d written down, %v", len(lines), len(d.begun), err)
	}
}
