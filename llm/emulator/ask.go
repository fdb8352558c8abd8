package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice"
)

// ask is a request as it is understood, whatever the dialect.
type ask struct {
	model     string
	kind      Kind
	system    string
	prompt    string
	maxOutput int64
	stream    bool
	// about is what it is about: the question, and for a verdict the answer.
	about []string
	judge judgeDocument
}

// judgeDocument is the user turn of a judge's request; an analysis has the question alone.
type judgeDocument struct {
	Question string   `json:"question"`
	Accepted []string `json:"accepted_answers"`
	Answer   string   `json:"answer"`
}

// reply is what a model says.
type reply struct {
	text  string
	usage sluice.Usage
	// cutShort: the output limit was reached.
	cutShort bool
}

// problem is an error reply.
type problem struct {
	status  int
	message string
	retry   time.Duration
	// reason is Google's ErrorInfo reason; empty for none.
	reason string
}

// understand fills in kind and subject from the schema's title and the user turn.
func (a *ask) understand(title string) error {
	switch title {
	case "":
		a.kind, a.about = KindAnswer, []string{a.prompt}
		if a.prompt == "" {
			return errors.New("contents is not specified")
		}
		return nil
	case "Verdict":
		a.kind = KindVerdict
	case "Analysis":
		a.kind = KindAnalysis
	default:
		return fmt.Errorf("the emulator does not know the response schema %q: want Verdict or Analysis", title)
	}
	if err := json.Unmarshal([]byte(a.prompt), &a.judge); err != nil || a.judge.Question == "" {
		return fmt.Errorf("the user turn of a %s request is no JSON document with a question", title)
	}
	a.about = []string{a.judge.Question}
	if a.kind == KindVerdict {
		a.about = append(a.about, a.judge.Answer)
	}
	return nil
}

// think makes the reply to a request.
func (s *Server) think(a ask) (reply, *problem) {
	var text string
	var err error
	switch a.kind {
	case KindVerdict:
		var j Judgement
		if j, err = s.cfg.Source.Verdict(a.judge.Question, a.judge.Accepted, a.judge.Answer); err == nil {
			text = mustJSON(j)
		}
	case KindAnalysis:
		text = mustJSON(Analyse(a.judge.Question))
	default:
		text, err = s.cfg.Source.Answer(a.model, a.prompt)
	}
	switch {
	case errors.Is(err, ErrUnknownModel):
		return reply{}, &problem{status: 404, message: fmt.Sprintf("models/%s is not found: %v", a.model, err)}
	case err != nil:
		return reply{}, &problem{status: 400, message: err.Error()}
	}
	return limit(reply{text: text, usage: s.usage(a, text)}, a.maxOutput), nil
}

func mustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("emulator: " + err.Error()) // plain structs of ours
	}
	return string(data)
}
