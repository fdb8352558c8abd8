package emulator_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
	"sluice/llm/emulator"
)

const graded = `{"id":7,"question":"Who wrote Faust?","gold":"Goethe","runs":{"m":{"answer":"Goethe.","grade":"CORRECT"},"l":{"answer":" I can't say.","grade":"NOT_ATTEMPTED"}}}
{"id":"x","question":"who  wrote\tFAUST?","gold":["Goethe"],"runs":{"m":{"answer":"Goethe","grade":"CORRECT"},"l":{"answer":"Mann","grade":"INCORRECT"}}}

{"id":"y","question":"How many?","gold":["2","two"],"runs":{"m":{"answer":"Two","grade":"CORRECT"},"l":{"answer":"Two ","grade":"INCORRECT"},"other":{"answer":"Three","grade":"INCORRECT"}}}
{"id":"z","question":"Where?","gold":[],"runs":{"m":{"answer":"Here","grade":"CORRECT"}}}
{"id":"v","question":"Whence?","gold":"x","runs":{"m":{"answer":"x","grade":"MAYBE"},"l":{"answer":"y","grade":"CORRECT"}}}
{"id":"w","question":"Whither?","gold":"x","runs":{"m":{"answer":"Two","grade":"INCORRECT"},"l":{"answer":"Two","grade":"INCORRECT"}}}
{"id":"u","question":" ","gold":"x","runs":{"m":{"answer":"a","grade":"INCORRECT"},"l":{"answer":"b","grade":"INCORRECT"}}}
{"id":"e","question":"What?","gold":"x","runs":{"m":{"answer":" ","grade":"INCORRECT"},"l":{"answer":"b","grade":"INCORRECT"}}}
`

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		z := gzip.NewWriter(f)
		_, err = z.Write([]byte(content))
		err = firstOf(err, z.Close())
	} else {
		_, err = f.WriteString(content)
	}
	if err = firstOf(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func ids(rows emulator.Rows) string {
	var out []string
	for _, r := range rows {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

func TestLoadFiltersAndSaysWhy(t *testing.T) {
	for _, name := range []string{"rows.jsonl", "rows.jsonl.gz"} {
		rows, skipped, err := emulator.Load(write(t, name, graded), "m", "l")
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(rows); got != "7 w" {
			t.Errorf("kept %s", got)
		}
		if got := toJSON(t, skipped); got != `[{"line":2,"id":"x","reason":"repeated_question"},`+
			`{"line":4,"id":"y","reason":"same_answer_two_grades"},{"line":5,"id":"z","reason":"no_run"},`+
			`{"line":6,"id":"v","reason":"unknown_grade"},{"line":8,"id":"u","reason":"empty_question"},`+
			`{"line":9,"id":"e","reason":"empty_answer"}]` {
			t.Errorf("skipped %s", got)
		}
		if rows[0].Runs["l"].Grade != sluice.IDK || len(rows[0].Gold) != 1 || rows[0].Line != 1 {
			t.Errorf("row = %+v", rows[0])
		}
	}
}

func TestLoadReadsWhatIsInAFileWhateverItsNameSays(t *testing.T) {
	zipped := write(t, "rows.gz", "\ufeff"+graded)
	renamed := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.Rename(zipped, renamed); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{renamed, write(t, "rows.jsonl", "\ufeff"+strings.ReplaceAll(graded, "\n", "\r\n"))} {
		if rows, _, err := emulator.Load(path, "m", "l"); err != nil || ids(rows) != "7 w" {
			t.Errorf("kept %s, %v", ids(rows), err)
		}
	}
}

func TestLoadConsidersTheWantedModelsOnly(t *testing.T) {
	path := write(t, "rows.jsonl", graded)
	rows, _, err := emulator.Load(path, "m", "other")
	if err != nil || ids(rows) != "y" || len(rows[0].Runs) != 2 {
		t.Errorf("kept %s, %v", ids(rows), err)
	}
	rows, _, err = emulator.Load(path)
	if err != nil || ids(rows) != "7 z w" {
		t.Errorf("all models: kept %s, %v", ids(rows), err)
	}
}

func TestLoadFirstCountsSkippedRows(t *testing.T) {
	rows, skipped, err := emulator.LoadFirst(write(t, "rows.jsonl", graded), 3, "m", "l")
	if err != nil || ids(rows) != "7" || len(skipped) != 2 {
		t.Errorf("kept %s, skipped %v, %v", ids(rows), skipped, err)
	}
}

func TestLoadNamesTheBadLine(t *testing.T) {
	for _, bad := range []string{"not JSON", `{"id":1,"question":3}`, `{"question":"q","gold":5,"runs":{}}`, "[]"} {
		_, _, err := emulator.Load(write(t, "rows.jsonl", strings.SplitAfter(graded, "\n")[0]+bad+"\n"))
		if err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, _, err := emulator.Load(filepath.Join(t.TempDir(), "none.jsonl")); err == nil {
		t.Error("no error for a missing file")
	}
	if _, _, err := emulator.Load(write(t, "rows.jsonl", "") + "/../rows.jsonl.gz"); err == nil {
		t.Error("no error for a missing archive")
	}
}
