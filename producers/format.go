package producers

import (
	"fmt"
	"io"
	"iter"
	"strings"
)

// Format names a kind of data set file.
type Format string

// The formats. Each may be gzipped.
const (
	// SimpleQA is OpenAI's csv: columns metadata, problem, answer.
	SimpleQA Format = "simpleqa"
	// NQOpen is Natural Questions open: jsonl of question and answer (a list).
	NQOpen Format = "nq"
	// Recorded is jsonl of question, gold and runs: questions with the recorded answers of models.
	Recorded Format = "recorded"
	// Custom is any jsonl; a [Mapping] says which field is what.
	Custom Format = "custom"
)

// formats lists what a person may choose from, with what each looks like.
var formats = []struct {
	name  Format
	about string
}{
	{SimpleQA, "csv with the columns metadata, problem, answer"},
	{NQOpen, `jsonl: {"question": "...", "answer": ["...", ...]}`},
	{Recorded, `jsonl: {"id": ..., "question": "...", "gold": "..." or [...], "runs": {MODEL: {"answer", "grade"}}}`},
	{Custom, `any jsonl, with a mapping of its fields: query=prompt,id=uid,ground_truth=refs,tags=domain`},
}

// describeFormats is the list of formats as an error message shows it.
func describeFormats() string {
	var b strings.Builder
	for _, f := range formats {
		fmt.Fprintf(&b, "\n  %-9s %s", f.name, f.about)
	}
	return b.String()
}

// ParseFormat reads a format's name; the error lists them all.
func ParseFormat(s string) (Format, error) {
	for _, f := range formats {
		if string(f.name) == s {
			return f.name, nil
		}
	}
	return "", fmt.Errorf("format %q: want one of%s", s, describeFormats())
}

// Dataset is a file and how to read it. Mapping counts for [Custom] only; its zero value means the
// field names of the published contract.
type Dataset struct {
	Path    string
	Format  Format
	Mapping Mapping
}

// Rows yields the rows of the file in its order, reading as it goes. A row that is left out comes as a
// [RowError] in its place; any other error is the last thing yielded. Each range reads the file anew.
func (d Dataset) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		s, err := open(d.Path)
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer func() { _ = s.Close() }() // read only
		Read(s, d.Path, d.Format, d.Mapping)(yield)
	}
}

// Read yields the rows of an open file; name stands for it in errors. r is read once, as plain UTF-8.
func Read(r io.Reader, name string, format Format, m Mapping) iter.Seq2[Row, error] {
	switch format {
	case SimpleQA:
		return simpleQA(r, name)
	case NQOpen:
		return nqOpen(r, name)
	case Recorded:
		return recorded(r, name)
	case Custom:
		return jsonl(r, name, m.row)
	}
	return func(yield func(Row, error) bool) {
		_, err := ParseFormat(string(format))
		yield(Row{}, err)
	}
}
