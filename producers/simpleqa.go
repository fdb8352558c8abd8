package producers

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// simpleColumns says where the columns of a SimpleQA file are; metadata is -1 where there is none.
type simpleColumns struct{ metadata, problem, answer int }

func simpleHeader(header []string) (simpleColumns, error) {
	for i := range header {
		header[i] = strings.ToLower(strings.TrimSpace(header[i]))
	}
	c := simpleColumns{slices.Index(header, "metadata"), slices.Index(header, "problem"), slices.Index(header, "answer")}
	if c.problem < 0 || c.answer < 0 {
		return c, fmt.Errorf("csv header %q: want the columns metadata, problem, answer", strings.Join(header, ","))
	}
	return c, nil
}

// simpleQA reads OpenAI's SimpleQA csv. The rows have no id; topic and answer type become tags.
func simpleQA(r io.Reader, file string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		bound := &bounded{r: r}
		cr := csv.NewReader(bound)
		cr.ReuseRecord = true
		header, err := cr.Read()
		if err != nil {
			yield(Row{}, fmt.Errorf("%s:1: not the header of a csv: %w: want the columns metadata, problem, answer", file, err))
			return
		}
		columns, err := simpleHeader(header)
		if err != nil {
			yield(Row{}, fmt.Errorf("%s:1: %w", file, err))
			return
		}
		for {
			bound.used = 0
			record, err := cr.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			row, err := columns.row(cr, record, err, file)
			if !yield(row, err) {
				return
			}
			if _, goOn := errors.AsType[*RowError](err); err != nil && !goOn {
				return
			}
		}
	}
}

// bounded ends with an error where one record wants more than [maxLine] of it: a quote that nobody closes makes one
// record of all that follows, and of a small compressed file more than there is memory for.
type bounded struct {
	r    io.Reader
	used int // by the record
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.used > maxLine {
		return 0, fmt.Errorf("a record of more than %d MiB; is a quote missing?", maxLine>>20)
	}
	n, err := b.r.Read(p)
	b.used += n
	return n, err
}

// row makes a row of one record, or of the error that reading it gave.
func (c simpleColumns) row(cr *csv.Reader, record []string, err error, file string) (Row, error) {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		at := ""
		if parse.Line > parse.StartLine { // a lost quote swallows lines: say how many
			at = fmt.Sprintf(" (the record runs on to line %d)", parse.Line)
		}
		return Row{}, invalidf(file, parse.StartLine, "csv, column %d: %w%s", parse.Column, parse.Err, at)
	}
	if err != nil {
		return Row{}, fmt.Errorf("read %s: behind byte %d: %w", file, cr.InputOffset(), err)
	}
	line, _ := cr.FieldPos(0)
	if !utf8.ValidString(strings.Join(record, "")) {
		return Row{}, invalidf(file, line, "not valid UTF-8")
	}
	row := Row{Text: strings.TrimSpace(record[c.problem]), File: file, Line: line}
	answer := strings.TrimSpace(record[c.answer])
	if answer == "" {
		return Row{}, invalidf(file, line, "no answer")
	}
	row.GroundTruth = []string{answer}
	if c.metadata >= 0 {
		if row.Tags, err = simpleTags(record[c.metadata]); err != nil {
			return Row{}, invalidf(file, line, "metadata: %w", err)
		}
	}
	return row, nil
}

// simpleTags turns topic and answer type into tags; the urls are left alone.
func simpleTags(metadata string) ([]string, error) {
	if strings.TrimSpace(metadata) == "" {
		return nil, nil
	}
	d, err := pyDict(metadata)
	if err != nil {
		return nil, err
	}
	var tags []string
	for _, key := range []string{"topic", "answer_type"} {
		switch v := d[key].(type) {
		case nil:
		case string:
			tags = append(tags, key+":"+v)
		default:
			return nil, fmt.Errorf("%s is not a string", key)
		}
	}
	return tags, nil
}
