package producers

import (
	"errors"
	"fmt"
	"iter"

	"sluice"
)

// Pricer prices the tokens of one call of a stage; tier is set for the answer stage alone.
type Pricer func(stage string, tier sluice.Tier, usage sluice.Usage) (sluice.MicroUSD, error)

// Spend is what one kind of call is expected to take, over all rows.
type Spend struct {
	Stage string
	Tier  sluice.Tier
	Calls int
	Usage sluice.Usage
	Cost  sluice.MicroUSD
}

// Forecast is the expected bill of a data set: rough, without retries, and without sparing what the
// ring has stored already.
type Forecast struct {
	// Rows counts those that would be asked.
	Rows   int
	Spends []Spend
	Total  sluice.MicroUSD
}

// PerCall says what one call takes beside the question, in tokens.
type PerCall struct {
	// Instruction is the system instruction and the schema.
	Instruction int64
	// Output and Thoughts are the reply's.
	Output, Thoughts int64
}

// Assumptions are the guesses that a forecast rests on.
type Assumptions struct {
	Medium, Large, Judge, Analysis PerCall
}

// DefaultAssumptions are for short factual questions and models that think before they speak.
func DefaultAssumptions() Assumptions {
	return Assumptions{
		Medium:   PerCall{Instruction: 60, Output: 80, Thoughts: 300},
		Large:    PerCall{Instruction: 60, Output: 100, Thoughts: 700},
		Judge:    PerCall{Instruction: 700, Output: 60, Thoughts: 200},
		Analysis: PerCall{Instruction: 600, Output: 150, Thoughts: 200},
	}
}

// Tokens guesses how many tokens a text has: four ASCII characters each, or one and a half others.
func Tokens(text string) int64 {
	ascii, other := 0, 0
	for _, r := range text {
		if r < 0x80 {
			ascii++
		} else {
			other++
		}
	}
	return int64((3*ascii + 8*other + 11) / 12)
}

// Estimate says what the rows would cost on their way through the ring: an answer of each tier, a
// verdict on each answer, one analysis. Rows that are left out cost nothing.
func Estimate(rows iter.Seq2[Row, error], a Assumptions, price Pricer) (Forecast, error) {
	spends := []Spend{
		{Stage: "answer", Tier: sluice.Medium},
		{Stage: "answer", Tier: sluice.Large},
		{Stage: "judge"},
		{Stage: "analysis"},
	}
	f := Forecast{}
	for row, err := range rows {
		if _, leftOut := errors.AsType[*RowError](err); leftOut {
			continue
		}
		if err != nil {
			return Forecast{}, fmt.Errorf("estimate: %w", err)
		}
		f.Rows++
		for i, usages := range a.calls(row) {
			for _, usage := range usages {
				if err := spends[i].add(usage, price); err != nil {
					return Forecast{}, err
				}
			}
		}
	}
	f.Spends = spends
	for _, s := range spends {
		f.Total += s.Cost
	}
	return f, nil
}

// calls lists the calls of one row, in the order of the forecast's spends.
func (a Assumptions) calls(row Row) [4][]sluice.Usage {
	question := Tokens(row.Text)
	truth := int64(0)
	for _, g := range row.GroundTruth {
		truth += Tokens(g)
	}
	call := func(p PerCall, input int64) sluice.Usage {
		return sluice.Usage{Prompt: p.Instruction + input, Output: p.Output, Thoughts: p.Thoughts}
	}
	return [4][]sluice.Usage{
		{call(a.Medium, question)},
		{call(a.Large, question)},
		{call(a.Judge, question+truth+a.Medium.Output), call(a.Judge, question+truth+a.Large.Output)},
		{call(a.Analysis, question)},
	}
}

// add prices one call: each by itself, since prices may depend on a call's length.
func (s *Spend) add(u sluice.Usage, price Pricer) error {
	cost, err := price(s.Stage, s.Tier, u)
	if err != nil {
		return fmt.Errorf("estimate: price of a call of %s %s: %w", s.Stage, s.Tier, err)
	}
	s.Calls++
	s.Usage.Prompt += u.Prompt
	s.Usage.Output += u.Output
	s.Usage.Thoughts += u.Thoughts
	s.Cost += cost
	return nil
}
