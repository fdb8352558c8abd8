package main

import (
	"context"

	"sluice/trainer/registry"
)

// judgement is what the gate of a training said of the training's model.
type judgement struct {
	// Gate is "promoted", "refused" or "not measured".
	Gate string `json:"gate"`
	// Reason is the gate's own, of both words.
	Reason string `json:"gate_reason,omitempty"`
}

// judged finds what the gate said of a version. What somebody did with it by hand is no word of the gate's.
func (w *workshop) judged(ctx context.Context, x registry.Model) (judgement, error) {
	if x.JobID == "" {
		return judgement{Gate: "not measured"}, nil
	}
	last, told, err := w.board.Progress(ctx, x.JobID)
	switch {
	case err != nil || !told || last.Kind != "promoted" && last.Kind != "refused":
		return judgement{Gate: "not measured"}, err
	case last.ModelVersion != x.Version: // a simple router was promoted in its place
		return judgement{"refused", last.Message}, nil
	}
	return judgement{last.Kind, last.Message}, nil
}

// String is for people, who need no reason for what went well.
func (j judgement) String() string {
	if j.Gate != "refused" {
		return j.Gate
	}
	return "refused: " + oneLine(j.Reason, 80)
}
