package main

import (
	"context"
	"encoding/json"
	"net/url"
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

// On a server of the operator's own nothing can take a superuser's rights from the session.
func TestWhoAsksAsASuperuserIsTold(t *testing.T) {
	p := newProgram(t).withTables()
	given, db := p.env["DATABASE_URL"], p.db()
	change := func(sql string) {
		if _, err := db.Table(context.WithoutCancel(t.Context()), sql); err != nil {
			t.Error(err)
		}
	}
	change("CREATE ROLE colleague LOGIN IN ROLE analyst")
	defer change("DROP ROLE colleague")
	for user, want := range map[string]bool{"": true, "colleague": false} {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			u.User = url.User(user)
		}
		p.env["DATABASE_URL"] = u.String()
		out, errs, status := p.run("sql", "--json", "SELECT 1 AS n")
		if status != 0 || out != "{\"n\":1}\n" || strings.Contains(errs, "is a superuser") != want {
			t.Errorf("%q: status %d, %s%s", user, status, out, errs)
		}
	}
}

func TestAskingBeforeThereAreTablesNamesWhatMakesThem(t *testing.T) {
	p := newProgram(t)
	_, errs, status := p.run("sql", "SELECT 1")
	if status != statusFailed || !strings.Contains(errs, "sluice migrate up, or sluice demo, makes them") || strings.Contains(errs, "docs/security.md") {
		t.Errorf("status %d\n%s", status, errs)
	}
	if _, errs, status := p.run("eval", "run"); status != statusFailed || !strings.Contains(errs, "sluice migrate up makes them") {
		t.Errorf("status %d\n%s", status, errs)
	}
}
