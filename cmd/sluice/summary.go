package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"sluice"
	"sluice/config"
)

// summary is what a run of the demo ends with. Its JSON is one object with fixed keys.
type summary struct {
	Queries  int                       `json:"queries"`
	Examples int                       `json:"examples"`
	Train    int                       `json:"train"`
	Test     int                       `json:"test"`
	Matrix   map[string]map[string]int `json:"matrix"` // by the medium model's grade, then the large one's
	Policies map[string]int            `json:"policies"`
	Cost     map[string]int64          `json:"cost_microusd"` // by model
	Calls    map[string]int            `json:"model_calls"`   // by model, failed ones included
	Dead     int                       `json:"dead"`
	Upstream string                    `json:"upstream"`
	Seconds  float64                   `json:"seconds"`
	// Skipped counts rows of the file that were not asked: unreadable, repeated, or beyond a replay.
	Skipped int `json:"skipped,omitempty"`
	// Training is there with --train alone.
	Training *demoTraining `json:"training,omitempty"`

	// The rest is for people.
	dataset    string
	pair       [2]string
	cells      []sluice.Cell
	spends     []spendRow
	stages     []stageTime
	skippedWhy map[string]int
	deadWhy    map[string]int
	working    time.Duration // from the first question to the last row
	fresh      bool          // the tables are the demo's own database
	tenant     string        // what they are found under, where they are not
	tables     string
	dataDir    string // of the run's log
}

// spendRow is the ledger of one stage and model.
type spendRow struct {
	stage, model string
	calls, failed,
	tokens int64
	cost sluice.MicroUSD
}

// stageTime is how long one stage took.
type stageTime struct {
	stage   string
	settled uint64
	// work is the sum of the stage's own time, over calls of it: one a message, or one a batch.
	work    time.Duration
	calls   uint64
	batches bool
	// p50 and p95 are from the fact that was read to the fact that was written, waiting included, by the
	// log's clock; zero where the stage writes no fact.
	p50, p95 time.Duration
}

// mean is the stage's own time of one call.
func (t stageTime) mean() time.Duration {
	if t.calls == 0 {
		return 0
	}
	return t.work / time.Duration(t.calls)
}

// simulated says whether the answers come from an emulator.
func (s *summary) simulated() bool { return strings.HasPrefix(s.Upstream, "emulator") }

// draw writes the summary for people.
func (s *summary) draw(w io.Writer) {
	fmt.Fprintln(w)
	s.drawUpstream(w)
	s.drawMatrix(w)
	s.drawPolicies(w)
	s.drawSpends(w)
	s.drawStages(w)
	s.drawRest(w)
}

func (s *summary) drawUpstream(w io.Writer) {
	fmt.Fprintf(w, "%s queries of %s, answered by %s (medium) and %s (large)\n", count(s.Queries), s.dataset, s.pair[0], s.pair[1])
	switch s.Upstream {
	case "emulator:recorded":
		fmt.Fprintf(w, "upstream %s: SIMULATED. Recorded answers of the real models and their recorded grades are replayed over HTTP; tokens and costs are emulated.\n", s.Upstream)
	case "emulator:synthetic":
		fmt.Fprintf(w, "upstream %s: SIMULATED. No model was asked: answers, verdicts, tokens and costs are made up, deterministically.\n", s.Upstream)
	default:
		fmt.Fprintf(w, "upstream %s: real models, real money.\n", s.Upstream)
	}
	fmt.Fprintln(w)
}

// gradeNames is how grades are headed.
var gradeNames = map[sluice.Grade]string{sluice.Correct: "correct", sluice.Incorrect: "incorrect", sluice.IDK: "idk"}

// drawMatrix draws the nine cells: count and policy, rows are the medium model's.
func (s *summary) drawMatrix(w io.Writer) {
	fmt.Fprintln(w, "The oracle matrix (rows: what the judge found of the medium model's answer; columns: of the large one's)")
	t := newTable(w, "medium ╲ large", "correct", "incorrect", "idk", "all").numbers(5)
	columns := map[sluice.Grade]int{}
	for _, medium := range sluice.Grades() {
		row, sum := []string{gradeNames[medium]}, 0
		for _, large := range sluice.Grades() {
			n := s.Matrix[string(medium)][string(large)]
			sum += n
			columns[large] += n
			row = append(row, fmt.Sprintf("%6s  %s", count(n), s.policyOf(medium, large)))
		}
		t.row(append(row, count(sum))...)
	}
	foot, all := []string{"all"}, 0
	for _, large := range sluice.Grades() {
		foot = append(foot, fmt.Sprintf("%6s", count(columns[large])))
		all += columns[large]
	}
	t.footer(append(foot, count(all))...)
	t.flush()
	fmt.Fprintln(w)
}

func (s *summary) policyOf(medium, large sluice.Grade) string {
	for _, c := range s.cells {
		if c.Medium == medium && c.Large == large {
			return string(c.Policy)
		}
	}
	return ""
}

const barWidth = 30

// bar is a share of 1 in blocks, to an eighth of one.
func bar(share float64) string {
	eighths := int(share*barWidth*8 + 0.5)
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return s
}

func (s *summary) drawPolicies(w io.Writer) {
	all := 0
	for _, n := range s.Policies {
		all += n
	}
	t := newTable(w, "policy", "queries", "share", "").numbers(2, 3)
	for _, p := range sortedKeys(s.Policies) {
		share := 0.0
		if all > 0 {
			share = float64(s.Policies[p]) / float64(all)
		}
		t.row(p, count(s.Policies[p]), fmt.Sprintf("%.1f%%", 100*share), bar(share))
	}
	t.flush()
	fmt.Fprintf(w, "%s train, %s test: a function of each question's wording\n\n", count(s.Train), count(s.Test))
}

func (s *summary) drawSpends(w io.Writer) {
	t := newTable(w, "stage", "model", "calls", "failed", "tokens", "cost").numbers(3, 4, 5, 6)
	var calls, failed, tokens int64
	var cost sluice.MicroUSD
	for _, r := range s.spends {
		t.row(r.stage, r.model, count(r.calls), count(r.failed), count(r.tokens), r.cost.String())
		calls, failed, tokens, cost = calls+r.calls, failed+r.failed, tokens+r.tokens, cost+r.cost
	}
	t.footer("all", "", count(calls), count(failed), count(tokens), cost.String())
	t.flush()
	if s.simulated() {
		fmt.Fprintln(w, "SIMULATED: what these calls would have cost at list prices; nothing was paid.")
	}
	fmt.Fprintln(w)
}

func (s *summary) drawStages(w io.Writer) {
	t := newTable(w, "stage", "messages", "work, mean", "in to out, p50", "p95").numbers(2, 3, 4, 5)
	for _, r := range s.stages {
		work, p50, p95 := span(r.mean()), "", ""
		if r.batches {
			work += " a batch"
		}
		if r.p95 > 0 {
			p50, p95 = span(r.p50), span(r.p95)
		}
		t.row(r.stage, count(r.settled), work, p50, p95)
	}
	t.flush()
	perSecond := 0.0
	if s.working > 0 {
		perSecond = float64(s.Examples) / s.working.Seconds()
	}
	fmt.Fprintf(w, "%s examples in %s: %.0f a second from the first question to the last row; %.1f s in all\n",
		count(s.Examples), span(s.working), perSecond, s.Seconds)
}

func (s *summary) drawRest(w io.Writer) {
	fmt.Fprintf(w, "dead letters: %s%s\n", count(s.Dead), reasons(s.deadWhy))
	if s.Dead > 0 {
		fmt.Fprintf(w, "  sluice dead list --data-dir %s\n", s.dataDir)
	}
	if s.Skipped > 0 {
		fmt.Fprintf(w, "rows of the file that were not asked: %s%s\n", count(s.Skipped), reasons(s.skippedWhy))
	}
	fmt.Fprintf(w, "\nThe oracle data set is in %s. Where to look next:\n", s.tables)
	ask, where := s.asking(), ""
	if s.tenant != "" {
		where = fmt.Sprintf(" WHERE tenant = '%s'", s.tenant)
	}
	fmt.Fprintf(w, "  %s \"SELECT text, policy, split, domain, summary FROM labelled_examples%s LIMIT 10\"\n", ask, where)
	fmt.Fprintf(w, "  %s 'SELECT * FROM answers_by_model'\n", ask)
	fmt.Fprintf(w, "  %s 'SELECT * FROM pipeline_lag'\n", ask)
	fmt.Fprintln(w, "  docs/analysts.md has thirty questions with their SQL")
}

// asking is the command that asks the tables of this run.
func (s *summary) asking() string {
	if !s.fresh {
		return "sluice sql"
	}
	if home := filepath.Dir(s.dataDir); home != config.Default().DataDir {
		return "sluice sql --demo --data-dir " + home
	}
	return "sluice sql --demo"
}

// reasons lists counts by name, in brackets; empty for none.
func reasons(counts map[string]int) string {
	if len(counts) == 0 {
		return ""
	}
	var parts []string
	for _, k := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(k, "_", " "), counts[k]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// span writes a duration for people: three digits and a unit.
func span(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}
