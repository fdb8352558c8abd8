package main

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"sluice"
	"sluice/trainer/board"
)

// The last training's word on a version stands in the list, for people and for programs.
func TestTheListOfModelsShowsWhatTheGateSaid(t *testing.T) {
	p := newProgram(t)
	dir, version := artifactOfJob1(t)
	other, byHand := controlArtifact(t, 2)
	p.must("model", "import", dir)
	p.must("model", "import", other)
	for i, c := range []struct {
		kind, model, message string
		want                 judgement
		row                  string
	}{
		{"registered", version, "", judgement{Gate: "not measured"}, "not measured"},
		{"refused", version, "not surely better than length", judgement{"refused", "not surely better than length"}, "refused: not surely better than length"},
		{"promoted", byHand, "length is better; and not surely better than length", judgement{"refused", "length is better; and not surely better than length"}, "refused: length is better"},
		{"promoted", version, "better than length", judgement{"promoted", "better than length"}, "promoted *│?\n"},
		{"failed", "", "the disk is full", judgement{Gate: "not measured"}, "not measured"},
	} {
		p.onTheBoard(func(ctx context.Context, b *board.Board) error {
			return b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: c.kind, Attempt: 1, Sequence: i + 1, ModelVersion: c.model, Message: c.message})
		})
		if out := p.must("model", "list"); !regexp.MustCompile(`(?m)` + version + `.*` + c.row).MatchString(out) {
			t.Errorf("%s %s is listed as\n%s", c.kind, c.model, out)
		}
		for line := range strings.Lines(p.must("model", "list", "--json")) {
			var m listedModel
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			want := c.want
			if m.Version == byHand {
				want = judgement{Gate: "not measured"}
			}
			if m.judgement != want {
				t.Errorf("%s %s: %s has %+v, want %+v", c.kind, c.model, m.Version, m.judgement, want)
			}
		}
	}
}
