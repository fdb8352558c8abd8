package meter

import "testing"

// aProcess has something to tell of everything.
func aProcess() *Process {
	p := &Process{
		Adopted: func() float64 { return 3 }, Refused: func() int64 { return 2 },
		Panics: func() map[string]int64 { return map[string]int64{"watch of rules": 1} },
	}
	p.Works(func() []Work {
		return []Work{{Stage: "judge", Settled: map[string]uint64{"done": 7, "retryable": 1}, Redelivered: 4, InHand: 2, Seconds: 1.5}}
	})
	return p
}

func TestAProcessTellsWhatItDid(t *testing.T) {
	expect(t, scrape(t, aProcess().Handler()),
		`sluice_calls_adopted_total 3`, `sluice_log_refusals_total 2`, `sluice_panics_total{work="watch of rules"} 1`,
		`sluice_process_settled_total{outcome="done",stage="judge"} 7`, `sluice_process_settled_total{outcome="retryable",stage="judge"} 1`,
		`sluice_process_redelivered_total{stage="judge"} 4`, `sluice_process_in_hand_messages{stage="judge"} 2`,
		`sluice_process_handling_seconds_total{stage="judge"} 1.5`)
}

func TestAProcessThatDidNothingTellsSo(t *testing.T) {
	expect(t, scrape(t, (&Process{}).Handler()), `sluice_calls_adopted_total 0`, `sluice_log_refusals_total 0`)
}
