package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	// input counts the tokens of the whole request.
	input int64
	// tools may be called: choice is "", "none" or "required", and only, where set, names the one.
	tools        []tool
	choice, only string
	// result is a tool's, where the last turn is one.
	result *string
	// json asks for a JSON reply; schema, where set, says of which form.
	json   bool
	schema json.RawMessage
	stop   []string
	// thinking, where set, bounds the thinking tokens.
	thinking *int64
	// untold is true for a stream that shall not tell its usage.
	untold bool
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
	// call, where it has a name, is made in place of a text.
	call call
	// cutShort: the output limit was reached.
	cutShort bool
	// empty has no candidate, blocked neither, for safety's sake.
	empty, blocked bool
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
	default:
		a.kind, a.about = KindAnswer, []string{a.prompt}
		if a.prompt == "" {
			return errors.New("contents is not specified")
		}
		return nil
	case "Verdict":
		a.kind = KindVerdict
	case "Analysis":
		a.kind = KindAnalysis
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
	if c := a.toCall(); c.name != "" {
		return limit(reply{call: c, usage: s.usage(a, c.name+c.args)}, a.maxOutput), nil
	}
	text, err := s.say(a)
	switch {
	case errors.Is(err, ErrUnknownModel):
		return reply{}, &problem{status: 404, message: fmt.Sprintf("models/%s is not found: %v", a.model, err)}
	case err != nil:
		return reply{}, &problem{status: 400, message: err.Error()}
	}
	for _, stop := range a.stop {
		text, _, _ = strings.Cut(text, stop)
	}
	return limit(reply{text: text, usage: s.usage(a, text)}, a.maxOutput), nil
}

// say is the text of a reply.
func (s *Server) say(a ask) (string, error) {
	switch {
	case a.kind == KindVerdict:
		j, err := s.cfg.Source.Verdict(a.judge.Question, a.judge.Accepted, a.judge.Answer)
		return mustJSON(j), err
	case a.kind == KindAnalysis:
		return mustJSON(Analyse(a.judge.Question)), nil
	case len(a.schema) > 0:
		return mustJSON(instance(a.schema, a.prompt)), nil
	case a.result != nil:
		return "The result is " + *a.result + ".", nil
	}
	text, err := s.cfg.Source.Answer(a.model, a.prompt)
	if a.json {
		text = mustJSON(object{"answer": text})
	}
	return text, err
}

func mustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("emulator: " + err.Error()) // plain structs of ours
	}
	return string(data)
}
