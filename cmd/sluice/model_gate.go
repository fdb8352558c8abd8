package main

import (
	"context"
	"time"

	"sluice/trainer/registry"
)

// judgement is what the gate of a training said of the training's model.
type judgement struct {
	// Gate is "promoted", "refused" or "not measured".
	Gate string `json:"gate"`
	// Reason is the gate's own, of both words.
	Reason string `json:"gate_reason,omitempty"`
}

// gate finds what the gate said of versions: the last word of the trainings that made a version, of which its manifest
// names the first. What somebody did with it by hand is no word of the gate's.
func (w *workshop) gate(ctx context.Context) (judged func(registry.Model) judgement, err error) {
	jobs, err := w.board.Jobs(ctx, w.cfg.Training.Patience)
	return func(x registry.Model) judgement {
		said, at := judgement{Gate: "not measured"}, time.Time{}
		for _, s := range jobs {
			e := s.Last
			made, measured := e.ModelVersion == x.Version || s.Job.ID == x.JobID, e.Kind == "promoted" || e.Kind == "refused"
			if !made || !measured || e.At.Before(at) {
				continue
			}
			said, at = judgement{e.Kind, e.Message}, e.At
			if e.ModelVersion != x.Version { // a simple router was promoted in its place
				said.Gate = "refused"
			}
		}
		return said
	}, err
}

// String is for people, who need no reason for what went well.
func (j judgement) String() string {
	if j.Gate != "refused" {
		return j.Gate
	}
	return "refused: " + oneLine(j.Reason, 80)
}
