package main

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/trainer/board"
)

// The last word of the trainings that made a version stands in the list, for people and for programs.
func TestTheListOfModelsShowsWhatTheGateSaid(t *testing.T) {
	p := newProgram(t)
	version, simple := twoModels(t, p)
	p.onTheBoard(func(ctx context.Context, b *board.Board) error {
		_, first := b.Ask(ctx, sluice.TrainingJob{ID: "j1"})
		_, second := b.Ask(ctx, sluice.TrainingJob{ID: "j2"})
		return errors.Join(first, second)
	})
	none := judgement{Gate: "not measured"}
	refused := func(reason string) judgement { return judgement{"refused", reason} }
	promoted := func(reason string) judgement { return judgement{"promoted", reason} }
	for i, c := range []struct {
		job, kind, model, message string
		trained, simple           judgement
		row                       string
	}{
		{"j1", "registered", version, "", none, none, "not measured"},
		{"j1", "refused", version, "not surely better than length", refused("not surely better than length"), none, "refused: not surely better than length"},
		{"j1", "promoted", simple, "length is better", refused("length is better"), promoted("length is better"), "refused: length is better"},
		{"j1", "promoted", version, "better than length", promoted("better than length"), none, "promoted *│?\n"},
		{"j2", "registered", version, "", promoted("better than length"), none, "promoted *│?\n"},
		{"j2", "refused", version, "not better than itself", refused("not better than itself"), none, "refused: not better than itself"},
		{"j2", "failed", "", "the disk is full", promoted("better than length"), none, "promoted *│?\n"},
		{"j1", "failed", "", "the disk is full", none, none, "not measured"},
	} {
		p.onTheBoard(func(ctx context.Context, b *board.Board) error {
			return b.Tell(ctx, sluice.TrainingEvent{
				JobID: c.job, Kind: c.kind, Attempt: 1, Sequence: i + 1, ModelVersion: c.model, Message: c.message, At: time.Unix(int64(i), 0).UTC(),
			})
		})
		if out := p.must("model", "list"); !regexp.MustCompile(`(?m)` + version + `.*` + c.row).MatchString(out) {
			t.Errorf("%s %s is listed as\n%s", c.kind, c.model, out)
		}
		want := map[string]judgement{version: c.trained, simple: c.simple}
		for line := range strings.Lines(p.must("model", "list", "--json")) {
			var m listedModel
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			if m.judgement != want[m.Version] {
				t.Errorf("%s %s of %s: %s has %+v, want %+v", c.kind, c.model, c.job, m.Version, m.judgement, want[m.Version])
			}
		}
	}
}
