package producers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sluice"
)

// jsonl makes a row of each line's JSON object.
func jsonl(r io.Reader, file string, row func(data []byte) (Row, error)) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for at, err := range lines(r, file) {
			if err != nil {
				if !yield(Row{}, err) {
					return
				}
				continue
			}
			made, err := row(at.data)
			if err == nil && !jsontext.Value(at.data).IsValid() { // encoding/json takes the last of two, and mends halves
				err = errors.New("a key given twice, or half a surrogate pair")
			}
			if err != nil {
				made, err = Row{}, invalidf(file, at.number, "%w", err)
			}
			made.File, made.Line = file, at.number
			if !yield(made, err) {
				return
			}
		}
	}
}

// unmarshal is json.Unmarshal with errors that a person can read.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("field %q: a %s, want %s", kind.Field, kind.Value, kind.Type)
	case errors.As(err, &kind):
		return fmt.Errorf("a JSON %s, want an object", kind.Value)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w at byte %d", err, syntax.Offset)
	}
	return err
}

// text is a JSON string or number, as text.
type text string

// UnmarshalJSON takes a string, a number, or null for "".
func (t *text) UnmarshalJSON(data []byte) error {
	switch {
	case bytes.Equal(data, []byte("null")):
		*t = ""
	case data[0] == '"':
		return json.Unmarshal(data, (*string)(t))
	case data[0] == '-' || data[0] >= '0' && data[0] <= '9':
		*t = text(data)
	default:
		return fmt.Errorf("want a string or a number, not %.20s", data)
	}
	return nil
}

// texts is one text or a list of them.
type texts []string

// UnmarshalJSON takes a text or a list of texts, and passes over empty ones.
func (t *texts) UnmarshalJSON(data []byte) error {
	var several []text
	if data[0] == '[' {
		if err := json.Unmarshal(data, &several); err != nil {
			return err
		}
	} else {
		var one text
		if err := one.UnmarshalJSON(data); err != nil {
			return err
		}
		several = append(several, one)
	}
	*t = nil
	for _, s := range several {
		if s := strings.TrimSpace(string(s)); s != "" {
			*t = append(*t, s)
		}
	}
	return nil
}

// nqOpen reads Natural Questions open. The rows have no id.
func nqOpen(r io.Reader, file string) iter.Seq2[Row, error] {
	return jsonl(r, file, func(data []byte) (Row, error) {
		var in struct {
			Question *string `json:"question"`
			Answer   texts   `json:"answer"`
		}
		if err := unmarshal(data, &in); err != nil {
			return Row{}, err
		}
		if in.Question == nil {
			return Row{}, errors.New(`no field "question"`)
		}
		if len(in.Answer) == 0 {
			return Row{}, errors.New(`no field "answer", or nothing in it`)
		}
		return Row{Text: strings.TrimSpace(*in.Question), GroundTruth: in.Answer}, nil
	})
}

// recorded reads the questions of a file of recorded answers; the answers are the replaying side's
// concern. A question that comes again, whatever its id, is left out as [Repeated]: a replay knows a
// question by its text, and the first one is what it replays.
func recorded(r io.Reader, file string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		first := map[string]int{}
		for row, err := range jsonl(r, file, recordedRow) {
			if err == nil {
				key := sluice.ContentHash(row.Text)
				if at, again := first[key]; again {
					row, err = Row{}, row.leftOut(Repeated, fmt.Errorf("the question of line %d again", at))
				} else {
					first[key] = row.Line
				}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func recordedRow(data []byte) (Row, error) {
	var in struct {
		ID         text    `json:"id"`
		Question   *string `json:"question"`
		Gold       texts   `json:"gold"`
		Dataset    string  `json:"dataset"`
		Domain     string  `json:"domain"`
		Topic      string  `json:"topic"`
		AnswerType string  `json:"answer_type"`
	}
	if err := unmarshal(data, &in); err != nil {
		return Row{}, err
	}
	if in.Question == nil {
		return Row{}, errors.New(`no field "question"`)
	}
	if len(in.Gold) == 0 {
		return Row{}, errors.New(`no field "gold", or nothing in it`)
	}
	row := Row{ID: string(in.ID), Text: strings.TrimSpace(*in.Question), GroundTruth: in.Gold}
	for _, tag := range [][2]string{
		{"dataset", in.Dataset}, {"domain", in.Domain}, {"topic", in.Topic}, {"answer_type", in.AnswerType},
	} {
		if tag[1] != "" {
			row.Tags = append(row.Tags, tag[0]+":"+tag[1])
		}
	}
	return row, nil
}
