package streams

import (
	"testing"
	"time"

	"sluice"
)

// BenchmarkAppendDecision is what a gateway's request pays for its decision as a fact.
func BenchmarkAppendDecision(b *testing.B) {
	at := time.Date(2026, 11, 3, 4, 5, 6, 789_000, time.UTC)
	d := sluice.Decision{
		ID: "abcdefghijklmnopqrstuvwx23", API: "openai.chat", Requested: "auto", Policy: sluice.Standard, Reasoning: "No router was asked.",
		Query:           sluice.Query{Key: "abcdefghijklmnopqrstuvwx23", Text: "Which river flows through Baghdad?", Source: "gateway", AskedAt: at, Split: sluice.Train},
		ReasoningSource: "template", Probabilities: map[sluice.Policy]float64{sluice.Standard: 0.3, sluice.Complex: 0.3, sluice.Ambiguous: 0.4},
		RouterVersion: "static", Model: "bench", Tier: sluice.Medium, Rule: "static", RuleReason: "Standard_Query goes to the medium model",
		Features:     map[string]float64{"chars": 34, "words": 5, "sentences": 1, "lines": 1, "questions": 1, "digits": 0, "upper": 0.1, "longest": 7, "math": 0, "code": 0},
		RulesVersion: "abcdefghij", DecidedAt: at, Usage: sluice.Usage{Prompt: 24, Output: 19}, Cost: 55, Outcome: sluice.OutcomeOK, Status: 200,
		CallIDs: []string{"abcdefghijklmnopqrstuvwx23"}, Answer: "The Tigris flows through Baghdad.",
	}
	buf := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = Append(buf[:0], &d); err != nil {
			b.Fatal(err)
		}
	}
}
