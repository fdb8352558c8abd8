package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/postgres"
)

// widest is how many characters a line of a table may have; wider rows are shown as records, a line a column.
const widest = 200

// showRows writes rows for people: a table, or records where its lines would break on any screen.
func showRows(w io.Writer, t postgres.Table) {
	lines := make([][]string, len(t.Rows))
	width := make([]int, len(t.Columns))
	var numbers []int
	for i, name := range t.Columns {
		width[i] = utf8.RuneCountInString(name)
		if isNumeric(t.Rows, i) {
			numbers = append(numbers, i+1)
		}
	}
	for r, row := range t.Rows {
		lines[r] = make([]string, len(row))
		for i, v := range row {
			lines[r][i] = plain(v)
			width[i] = max(width[i], utf8.RuneCountInString(lines[r][i]))
		}
	}
	whole := 1
	for _, n := range width {
		whole += n + 3
	}
	if whole > widest {
		showRecords(w, t.Columns, lines)
		return
	}
	shown := newTable(w, t.Columns...).numbers(numbers...)
	for _, line := range lines {
		shown.row(line...)
	}
	shown.flush()
}

// showRecords writes a block a row and a line a column.
func showRecords(w io.Writer, columns []string, lines [][]string) {
	name := 0
	for _, c := range columns {
		name = max(name, utf8.RuneCountInString(c))
	}
	for r, line := range lines {
		head := "─ row " + count(r+1) + " "
		fmt.Fprintln(w, head+strings.Repeat("─", max(0, 60-utf8.RuneCountInString(head))))
		for i, v := range line {
			v = strings.ReplaceAll(v, "\n", "\n"+strings.Repeat(" ", name+2))
			fmt.Fprintf(w, "%-*s  %s\n", name, columns[i], v)
		}
	}
}

// isNumeric says whether a column holds numbers and nothing else.
func isNumeric(rows [][]any, column int) bool {
	found := false
	for _, row := range rows {
		switch row[column].(type) {
		case nil:
		case int16, int32, int64, float64, json.Number:
			found = true
		default:
			return false
		}
	}
	return found
}

// plain writes a value of a table for people.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string, bool, int16, int32, int64, json.Number:
		return fmt.Sprint(v)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.Trim(string(data), `"`)
}
