package main

import (
	"encoding/json"
	"strings"
	"testing"

	"sluice/postgres"
)

func TestRowsAreATableWithItsNumbersToTheRight(t *testing.T) {
	var out strings.Builder
	showRows(&out, postgres.Table{Columns: []string{"model", "calls", "cost"}, Rows: [][]any{
		{"flash", int64(7), json.Number("0.5")}, {"pro", int64(1234), nil},
	}})
	want := "│ model │ calls │ cost │\n├───────┼───────┼──────┤\n│ flash │     7 │  0.5 │\n│ pro   │  1234 │      │"
	if !strings.Contains(out.String(), want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestRowsThatAreTooWideForAScreenAreRecords(t *testing.T) {
	var out strings.Builder
	long := strings.Repeat("long ", 60)
	showRows(&out, postgres.Table{Columns: []string{"id", "reason"}, Rows: [][]any{{"a", long}, {"b", "two\nlines"}}})
	for _, want := range []string{"─ row 1 ─", "id      a\n", "reason  " + long, "─ row 2 ─", "reason  two\n        lines\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
}

func TestAskingBeforeThereAreTablesNamesWhatMakesThem(t *testing.T) {
	_, errs, status := newProgram(t).run("sql", "SELECT 1")
	if status != statusFailed || !strings.Contains(errs, "sluice migrate up, or sluice demo, makes them") || strings.Contains(errs, "docs/security.md") {
		t.Errorf("status %d\n%s", status, errs)
	}
}
