// Package decided makes synthetic decisions for tests and benchmarks: plausible, deterministic, as many as wanted.
package decided

import (
	"fmt"
	"math/rand/v2"
	"time"

	"sluice"
	"sluice/streams"
)

// Maker makes decisions. Two with the same seed make the same ones.
type Maker struct {
	rng   *rand.Rand
	start time.Time
	every time.Duration
	n     int
	// Change, where set, alters a decision before it is handed out; i counts from 0.
	Change func(i int, d *sluice.Decision)
}

// New makes a maker whose decisions come in one after the other, every so often from start on.
func New(seed uint64, start time.Time, every time.Duration) *Maker {
	return &Maker{rng: rand.New(rand.NewPCG(seed, 2)), start: start, every: every}
}

// Next makes a decision: a fifth Complex, one in 20 failed, one in 25 with a fallback.
func (m *Maker) Next() sluice.Decision {
	i := m.n
	m.n++
	at := m.start.Add(time.Duration(i) * m.every)
	p := m.rng.Float64()
	p *= p
	d := sluice.Decision{
		ID:    sluice.HashID("decided", fmt.Sprint(i), m.start.String()),
		Query: sluice.Query{Text: fmt.Sprintf("What is the %dth online question about?", i), Source: "gateway", Split: sluice.Train, AskedAt: at},
		API:   "openai.chat", Requested: "auto", KeyID: "k1",
		Policy: sluice.Standard, Reasoning: "a known fact", ReasoningSource: "template",
		Probabilities: map[sluice.Policy]float64{sluice.Complex: p, sluice.Standard: 1 - p},
		Threshold:     0.5, RouterVersion: "r1", Features: map[string]float64{"words": float64(5 + m.rng.IntN(20))},
		Model: "gemini-2.5-flash", Tier: sluice.Medium, Rule: "default", RulesVersion: "rules1",
		DecidedAt: at, RouterUS: 500 + m.rng.Int64N(2000), ModelMS: 300 + m.rng.Int64N(500), Outcome: sluice.OutcomeOK, Status: 200,
		Usage: sluice.Usage{Prompt: 20, Output: 30}, Cost: 81, Answer: "It is about water.", CallIDs: []string{fmt.Sprintf("call-%d", i)},
	}
	d.LatencyMS = d.ModelMS + 3
	if i%3 == 0 {
		d.Query.Tenant = "acme"
	}
	d.Query.Key = sluice.QueryKey(d.Query.Tenant, "", d.Query.Text)
	if p >= d.Threshold {
		d.Policy, d.Model, d.Tier, d.Cost = sluice.Complex, "gemini-2.5-pro", sluice.Large, 325
	}
	if i%20 == 19 {
		d.Outcome, d.Status, d.Error, d.Answer = sluice.OutcomeServerError, 502, "503 from the provider", ""
	}
	if i%25 == 24 {
		d.Fallbacks = []string{"gemini-2.5-pro"}
	}
	if m.Change != nil {
		m.Change(i, &d)
	}
	return d
}

// Messages makes n decisions as the log hands them out: stored when the request had ended, sequence counted from 1.
func (m *Maker) Messages(n int) ([]streams.Message, error) {
	out := make([]streams.Message, 0, n)
	for range n {
		d := m.Next()
		msg, err := streams.TakenFact(d)
		if err != nil {
			return nil, err
		}
		msg.Stream, msg.Sequence, msg.Deliveries = streams.StreamDecisions, uint64(m.n), 1
		msg.StoredAt = d.DecidedAt.Add(time.Duration(d.LatencyMS) * time.Millisecond)
		out = append(out, msg)
	}
	return out, nil
}

// Facts makes n decisions as a store takes them.
func (m *Maker) Facts(n int) []sluice.Fact[sluice.Decision] {
	out := make([]sluice.Fact[sluice.Decision], 0, n)
	for i := range n {
		d := m.Next()
		out = append(out, sluice.Fact[sluice.Decision]{Ref: i, At: d.DecidedAt.Add(time.Duration(d.LatencyMS) * time.Millisecond), Value: d})
	}
	return out
}
