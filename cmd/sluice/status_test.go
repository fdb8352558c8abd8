package main

import (
	"bytes"
	"strings"
	"testing"

	"sluice/operate"
)

func TestWhatWaitsForAStageThatNeverRanIsNotKnown(t *testing.T) {
	var out bytes.Buffer
	drawStages(&out, operate.Status{Stages: []operate.StageStatus{
		{Stage: "answer", Durables: []string{"answer-v1"}, Waiting: 1}, {Stage: "judge", Dead: 2},
	}})
	for line := range strings.Lines(out.String()) {
		cells := strings.Fields(strings.ReplaceAll(line, "│", ""))
		switch got := strings.Join(cells, " "); {
		case strings.Contains(line, "answer") && got != "answer 0 0 0 0.0 0 0 idle or working",
			strings.Contains(line, "judge ") && got != "judge - - - - - 2 never ran":
			t.Error(got)
		}
	}
}

// Their sum over stages is no number of messages, and nobody should take it for one.
func TestWhatAStageSettledIsCalledDeliveries(t *testing.T) {
	var out bytes.Buffer
	drawStages(&out, operate.Status{Stages: []operate.StageStatus{{Stage: "answer", Durables: []string{"answer-v1"}, Settled: 1234}}})
	if got := out.String(); !strings.Contains(got, "│ deliveries │") || strings.Contains(got, "handled") || !strings.Contains(got, "│      1,234 │") {
		t.Errorf("the screen says\n%s", got)
	}
}
