package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sluice"
	"sluice/plaintext"
)

// Row is one question with the recorded and graded answers of several models.
type Row struct {
	// Line is where it is in its file, from 1.
	Line int
	// ID is the data set's own, a number spelled out.
	ID       string
	Question string
	// Gold lists the accepted answers.
	Gold []string
	// Runs holds one answer a model.
	Runs map[string]Run
}

// Run is one recorded answer.
type Run struct {
	Answer string
	Grade  sluice.Grade
}

// Rows are the rows that can be replayed, in the order of their file.
type Rows []Row

// Models lists the models that have an answer in any row, sorted.
func (r Rows) Models() []string {
	var names []string
	seen := map[string]bool{}
	for _, row := range r {
		for m := range row.Runs {
			if !seen[m] {
				seen[m] = true
				names = append(names, m)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Skip says why one row is not replayed.
type Skip struct {
	Line   int    `json:"line"`
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// The reasons for skipping a row.
const (
	SkipRepeated    = "repeated_question"      // the question is in the file already
	SkipIndistinct  = "same_answer_two_grades" // a blind judge can't tell the two apart
	SkipNoRun       = "no_run"                 // a wanted model has no answer to it
	SkipUnreadable  = "unknown_grade"          // neither CORRECT, INCORRECT nor NOT_ATTEMPTED
	SkipEmptyAnswer = "empty_answer"           // no model replies with nothing
	SkipNoQuestion  = "empty_question"
)

// Skipped are the rows that are not replayed.
type Skipped []Skip

// Counts counts them by reason.
func (s Skipped) Counts() map[string]int {
	counts := map[string]int{}
	for _, k := range s {
		counts[k.Reason]++
	}
	return counts
}

// Load reads the graded rows of a .jsonl or .jsonl.gz file, one JSON object a line:
//
//	{"id", "question", "gold": string or [string], "runs": {MODEL: {"answer", "grade"}}}
//
// Only the runs of the models given count; none given means all. Of repeated questions (by
// [sluice.NormalizeText]) the first is kept, whatever becomes of it; then a row is dropped where two of
// the models gave the same answer with different grades. Whoever publishes rows and whoever replays them
// use this one filter, so that they agree. A line that is no such object is an error.
func Load(path string, models ...string) (Rows, Skipped, error) { return LoadFirst(path, 0, models...) }

// LoadFirst is [Load] of the file's first n rows; 0 is all. Rows that are skipped count among the n.
func LoadFirst(path string, n int, models ...string) (Rows, Skipped, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("graded rows: %w", err)
	}
	defer func() { _ = f.Close() }()
	in, err := plaintext.Reader(f)
	if err != nil {
		return nil, nil, fmt.Errorf("graded rows %s: %w", path, err)
	}
	rows, skipped, err := read(in, n, models)
	if err != nil {
		return nil, nil, fmt.Errorf("graded rows %s: %w", path, err)
	}
	return rows, skipped, nil
}

func read(in io.Reader, n int, models []string) (Rows, Skipped, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 16<<20)
	var rows Rows
	var skipped Skipped
	asked := map[string]bool{}
	line, taken := 0, 0
	for (n == 0 || taken < n) && lines.Scan() {
		line++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		taken++
		row, err := parse(lines.Bytes(), models)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", line, err)
		}
		row.Line = line
		norm := sluice.NormalizeText(row.Question)
		var reason string
		switch {
		case norm == "":
			reason = SkipNoQuestion
		case asked[norm]:
			reason = SkipRepeated
		default:
			reason = row.flaw(models)
		}
		asked[norm] = true
		if reason != "" {
			skipped = append(skipped, Skip{line, row.ID, reason})
			continue
		}
		rows = append(rows, row.Row)
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("after line %d: %w", line, err)
	}
	return rows, skipped, nil
}

// rawRow is a row whose grades are not read yet.
type rawRow struct {
	Row
	grades map[string]string
}

func parse(data []byte, models []string) (rawRow, error) {
	var in struct {
		ID       json.RawMessage `json:"id"`
		Question string          `json:"question"`
		Gold     json.RawMessage `json:"gold"`
		Runs     map[string]struct {
			Answer string `json:"answer"`
			Grade  string `json:"grade"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return rawRow{}, fmt.Errorf("no graded row: %w", err)
	}
	r := rawRow{Row: Row{ID: strings.Trim(string(in.ID), `"`), Question: in.Question, Runs: map[string]Run{}}, grades: map[string]string{}}
	if len(in.Gold) > 0 && json.Unmarshal(in.Gold, &r.Gold) != nil {
		var one string
		if err := json.Unmarshal(in.Gold, &one); err != nil {
			return rawRow{}, fmt.Errorf("gold is neither a string nor a list of them")
		}
		r.Gold = []string{one}
	}
	for m, run := range in.Runs {
		if len(models) == 0 || slices.Contains(models, m) {
			r.Runs[m] = Run{Answer: run.Answer}
			r.grades[m] = run.Grade
		}
	}
	return r, nil
}

var grades = map[string]sluice.Grade{
	"CORRECT": sluice.Correct, "INCORRECT": sluice.Incorrect, "NOT_ATTEMPTED": sluice.IDK,
}

// flaw reads the grades, and says why the row can't be replayed; "" if it can.
func (r rawRow) flaw(models []string) string {
	for _, m := range models {
		if _, ok := r.Runs[m]; !ok {
			return SkipNoRun
		}
	}
	if len(r.Runs) == 0 {
		return SkipNoRun
	}
	byAnswer := map[string]sluice.Grade{}
	for m, run := range r.Runs {
		grade, ok := grades[r.grades[m]]
		if !ok {
			return SkipUnreadable
		}
		run.Grade = grade
		r.Runs[m] = run
		if spoken(run.Answer) == "" {
			return SkipEmptyAnswer
		}
	}
	for _, run := range r.Runs {
		key := spoken(run.Answer)
		if other, ok := byAnswer[key]; ok && other != run.Grade {
			return SkipIndistinct
		}
		byAnswer[key] = run.Grade
	}
	return ""
}

// spoken is an answer as it is told from others: as [sluice.CleanText] leaves it, which is what becomes of
// it on its way to the judge.
func spoken(answer string) string { return sluice.CleanText(answer, 0) }
