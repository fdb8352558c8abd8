package main

import (
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// shownTable is a table on its way to a writer, in the one style of this program.
type shownTable struct{ t table.Writer }

func newTable(w io.Writer, header ...string) *shownTable {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Format.Footer = text.FormatDefault
	t.Style().Options.SeparateRows = false
	if len(header) > 0 {
		t.AppendHeader(cells(header))
	}
	return &shownTable{t: t}
}

func (s *shownTable) row(values ...string)    { s.t.AppendRow(cells(values)) }
func (s *shownTable) footer(values ...string) { s.t.AppendFooter(cells(values)) }
func (s *shownTable) flush()                  { s.t.Render() }

// numbers aligns columns, counted from 1, to the right.
func (s *shownTable) numbers(columns ...int) *shownTable {
	configs := make([]table.ColumnConfig, 0, len(columns))
	for _, c := range columns {
		configs = append(configs, table.ColumnConfig{Number: c, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight})
	}
	s.t.SetColumnConfigs(configs)
	return s
}

func cells(values []string) table.Row {
	row := make(table.Row, len(values))
	for i, v := range values {
		row[i] = v
	}
	return row
}
