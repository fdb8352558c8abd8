package emulator_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sluice/llm/emulator"
)

func recorded(tb testing.TB, models ...string) *emulator.Recorded {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "rows.jsonl")
	if err := os.WriteFile(path, []byte(graded), 0o600); err != nil {
		tb.Fatal(err)
	}
	rows, _, err := emulator.Load(path, models...)
	if err != nil {
		tb.Fatal(err)
	}
	return emulator.NewRecorded(rows)
}

func TestRecordedReplaysAnswersAndGrades(t *testing.T) {
	s, url := start(t, emulator.Config{Source: recorded(t, "m", "l")})
	if s.Name() != "emulator:recorded" {
		t.Error(s.Name())
	}
	c := client(t, url, "any")
	if got := mustAsk(t, c, "l", "WHO wrote Faust?", nil).Text(); got != " I can't say." {
		t.Errorf("answer %q", got)
	}
	for _, v := range []struct{ question, answer, want string }{
		{"Who wrote Faust?", "Goethe.", "correct"},
		{"Who wrote Faust?", "I can't say.", "idk"}, // trimmed on its way
		{"Whither?", "Two", "incorrect"},            // right in a row that was dropped
	} {
		if got, reason := judge(t, c, v.question, nil, v.answer); got != v.want || reason == "" {
			t.Errorf("%s %s: %s (%s), want %s", v.question, v.answer, got, reason, v.want)
		}
	}
}

func TestRecordedInventsNothing(t *testing.T) {
	_, url := start(t, emulator.Config{Source: recorded(t, "m", "l")})
	c := client(t, url, "any")
	if _, err := ask(t, c, "gpt-0", "Who wrote Faust?", nil); status(err) != 404 {
		t.Errorf("an unknown model: %v, want 404", err)
	}
	if _, err := ask(t, c, "m", "Who wrote Hamlet?", nil); status(err) != 400 {
		t.Errorf("an unknown question: %v, want 400", err)
	}
	if _, err := ask(t, c, pro, `{"question":"Who wrote Faust?","answer":"Mann"}`, schema("Verdict")); status(err) != 400 {
		t.Errorf("an unknown answer: %v, want 400", err)
	}
}

// shared is a data set beside the checkout. Without the folder the test is skipped, saying so; on CI a
// folder without the file is a failure.
func shared(tb testing.TB, name string) string {
	tb.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("no shared data: %v", err)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatal(err)
		}
		tb.Skip(err)
	}
	return path
}

// Each kept row of each recorded file is replayed through HTTP, answer and verdict, and counted against
// a reading of the file that shares no code with Load.
func TestRecordedAgreesWithItsFile(t *testing.T) {
	for _, f := range []struct {
		file, medium, large string
		skipped             map[string]int
	}{
		{"evouna_nq.dev.jsonl.gz", "gpt-3.5-turbo", "gpt-4", map[string]int{"repeated_question": 1, "same_answer_two_grades": 1}},
		{"simpleqa_cs_runs.dev.jsonl.gz", "gpt-4o-mini-2024-07-18", "gpt-4o-2024-11-20", map[string]int{"same_answer_two_grades": 1}},
		{"simpleqa_en_gpt41.dev.jsonl.gz", "gpt-4.1", "gpt-4.1+file_search", nil},
	} {
		t.Run(f.file, func(t *testing.T) {
			path := shared(t, f.file)
			rows, skipped, err := emulator.Load(path, f.medium, f.large)
			if err != nil {
				t.Fatal(err)
			}
			if counts := skipped.Counts(); f.skipped != nil && toJSON(t, counts) != toJSON(t, f.skipped) {
				t.Errorf("skipped %v, want %v", counts, f.skipped)
			}
			gone := map[int]bool{}
			for _, s := range skipped {
				gone[s.Line] = true
			}
			want := matrixOf(t, path, f.medium, f.large, gone)

			_, url := start(t, emulator.Config{Source: emulator.NewRecorded(rows)})
			c := client(t, url, "any")
			got := map[string]int{}
			step := max(1, len(rows)/100)
			for i, row := range rows {
				cell := ""
				for _, m := range []string{f.medium, f.large} {
					if i%step != 0 { // all of them by HTTP would take long
						cell += string(row.Runs[m].Grade) + " "
						continue
					}
					answer := mustAsk(t, c, m, row.Question, nil).Text()
					verdict, _ := judge(t, c, row.Question, row.Gold, answer)
					cell += verdict + " "
				}
				got[cell]++
			}
			if toJSON(t, got) != toJSON(t, want) {
				t.Errorf("replayed %v\nin the file %v", got, want)
			}
		})
	}
}

// matrixOf counts the cells of a file's rows but those on the lines gone.
func matrixOf(t *testing.T, path, medium, large string, gone map[int]bool) map[string]int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{"CORRECT": "correct", "INCORRECT": "incorrect", "NOT_ATTEMPTED": "idk"}
	cells := map[string]int{}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var row struct {
			Runs map[string]struct{ Grade string }
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if !gone[n] {
			cells[words[row.Runs[medium].Grade]+" "+words[row.Runs[large].Grade]+" "]++
		}
	}
	if err := errors.Join(lines.Err(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return cells
}
