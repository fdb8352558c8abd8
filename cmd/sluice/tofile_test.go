package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"sluice/evaluation"
	"sluice/internal/pgtest/world"
)

func TestADashIsStandardOutputAndNoFile(t *testing.T) {
	p := newProgram(t).withTables()
	world.New(t, 9).Recorded(t, p.env["DATABASE_URL"])
	answers := graded(t)
	t.Chdir(t.TempDir())
	if plain, dash := p.must("dataset", "export"), p.must("dataset", "export", "--out", "-"); strings.Count(dash, "\n") != 9 || dash != plain {
		t.Errorf("the data set:\n%s\nwant\n%s", dash, plain)
	}
	measure := []string{"eval", "file", answers, "--medium", "gpt-3.5-turbo", "--large", "gpt-4", "--draws", "100", "--routers", "length"}
	var r evaluation.Report
	if out := p.must(append(measure, "--out", "-")...); json.Unmarshal([]byte(out), &r) != nil || r.Rows != 400 {
		t.Errorf("the report:\n%s", out)
	}
	if out := p.must(append(measure, "--html", "-")...); !strings.HasPrefix(out, "<!doctype html>") || !strings.HasSuffix(out, "</html>\n") {
		t.Errorf("the page:\n%s", out)
	}
	if _, err := os.Stat("-"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of that name is there (%v)", err)
	}
}
