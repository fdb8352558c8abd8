package emulator

import (
	"errors"
	"fmt"
	"slices"

	"sluice"
)

// Recorded replays graded rows: the models' own answers, and their grades as a judge's verdicts. It
// invents nothing: what was not recorded is an error. Make one with [NewRecorded].
type Recorded struct {
	models  []string
	answers map[spokenBy]string
	// grades are by question and answer: the same words may be right in one row and wrong in another.
	grades map[exchange]sluice.Grade
}

type spokenBy struct{ model, question string }

type exchange struct{ question, answer string }

// NewRecorded makes a source of rows that [Load] let through.
func NewRecorded(rows Rows) *Recorded {
	r := &Recorded{models: rows.Models(), answers: map[spokenBy]string{}, grades: map[exchange]sluice.Grade{}}
	for _, row := range rows {
		q := sluice.NormalizeText(row.Question)
		for m, run := range row.Runs {
			r.answers[spokenBy{m, q}] = run.Answer
			r.grades[exchange{q, spoken(run.Answer)}] = run.Grade
		}
	}
	return r
}

// Name is "recorded".
func (r *Recorded) Name() string { return "recorded" }

// Models lists the recorded models.
func (r *Recorded) Models() []string { return r.models }

// Answer replays the model's answer.
func (r *Recorded) Answer(model, question string) (string, error) {
	if !slices.Contains(r.models, model) {
		return "", fmt.Errorf("%w: no answers of %s are recorded", ErrUnknownModel, model)
	}
	answer, ok := r.answers[spokenBy{model, sluice.NormalizeText(question)}]
	if !ok {
		return "", fmt.Errorf("no answer of %s to this question is recorded", model)
	}
	return answer, nil
}

// Verdict replays the grade of a recorded answer, whoever judges.
func (r *Recorded) Verdict(question string, _ []string, answer string) (Judgement, error) {
	grade, ok := r.grades[exchange{sluice.NormalizeText(question), spoken(answer)}]
	if !ok {
		return Judgement{}, errors.New("no grade of this answer to this question is recorded")
	}
	return Judgement{Grade: grade, Reason: "Graded so in the recording."}, nil
}
