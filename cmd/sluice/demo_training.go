package main

import (
	"fmt"
	"io"
	"strings"

	"sluice"
	"sluice/trainer/worker"
)

// demoTraining is what came of a demo's training; its JSON is the object "training" of the summary.
type demoTraining struct {
	Job string `json:"job_id"`
	// Status is how the training ended: promoted, refused, failed or canceled. All are ends.
	Status  string         `json:"status"`
	Reason  string         `json:"reason"`
	Model   string         `json:"model_version"`
	Active  string         `json:"active_version"` // "static" where the static map decides
	Train   int            `json:"train_examples"`
	Test    int            `json:"test_examples"`
	Seconds float64        `json:"seconds"`
	Loss    []demoLoss     `json:"loss_curve"`
	Results worker.Results `json:"results"`
	Routed  []demoDecision `json:"decisions"`
}

// demoLoss is a point of the loss curve.
type demoLoss struct {
	Stage string  `json:"stage"`
	Step  int     `json:"step"`
	Loss  float64 `json:"loss"`
}

// demoDecision is a query of the test split that was routed as a gateway would: by what is active, then by the
// rules.
type demoDecision struct {
	Query     string        `json:"query"`
	Label     sluice.Policy `json:"label"`
	Policy    sluice.Policy `json:"policy"`
	Score     float64       `json:"p_complex"`
	Threshold float64       `json:"threshold"` // what P(Complex) was held against; 0 where the static map decides
	Rule      string        `json:"rule"`
	Reason    string        `json:"rule_reason"`
	Model     string        `json:"model"`
	Router    string        `json:"router_version"`
	Micros    int64         `json:"router_us"`
	// Candidate is what the trained router says, P(Complex) included, where it does not decide itself.
	Candidate      sluice.Policy `json:"candidate_policy,omitempty"`
	CandidateScore float64       `json:"candidate_p_complex,omitempty"`
}

// draw writes the training for people.
func (t *demoTraining) draw(w io.Writer, asking string) {
	learnt := t.Train
	if l := t.Results.Report.Leaks; l != nil {
		learnt -= l.SameID + l.SameText + l.NearText
	}
	fmt.Fprintf(w, "\nTrained on %s examples whose ground truth is known, in %s: loss %s\n\n", count(learnt), span(seconds(t.Seconds)), t.curve())
	if t.Results.Report.Rows > 0 {
		showReport(w, &t.Results.Report)
	}
	fmt.Fprintf(w, "\nThe gate: %s: %s\n", strings.ToUpper(t.Status), t.Reason)
	switch t.Status {
	case "promoted":
		fmt.Fprintf(w, "%s decides from now on.\n", t.Active)
	case "refused":
		fmt.Fprintf(w, "%s is registered and decides nothing; %s decides. That is a valid end: what is not surely better is not promoted.\n", t.Model, orStatic(strings.TrimPrefix(t.Active, "static")))
	}
	if len(t.Routed) == 0 {
		return
	}
	fmt.Fprintf(w, "\nQueries of the test split, routed by %s\n", orStatic(strings.TrimPrefix(t.Active, "static")))
	t.drawRouted(w)
	fmt.Fprintln(w, "P(Complex) at or above the threshold is a Complex_Query; the rule says which model that means (sluice rules show).")
	fmt.Fprintln(w, "  "+asking+` "SELECT p->>'stage' AS stage, p->>'step' AS step, p->>'loss' AS loss FROM training_runs, jsonb_array_elements(loss_curve) p"`)
}

// drawRouted draws the decisions; what the trained router says stands beside them where it does not decide.
func (t *demoTraining) drawRouted(w io.Writer) {
	header := []string{"query", "label", "policy", "P(Complex)", "threshold", "rule", "model", "us"}
	if t.Routed[0].Candidate != "" {
		header = append(header, "trained says", "P(Complex)")
	}
	table := newTable(w, header...).numbers(4, 5, 8, 10)
	for _, r := range t.Routed {
		score, threshold := "-", "-"
		if r.Threshold > 0 {
			score, threshold = fmt.Sprintf("%.3f", r.Score), fmt.Sprintf("%.3f", r.Threshold)
		}
		row := []string{clip(r.Query, 56), string(r.Label), string(r.Policy), score, threshold, r.Rule, r.Model, count(r.Micros)}
		if r.Candidate != "" {
			row = append(row, string(r.Candidate), fmt.Sprintf("%.3f", r.CandidateScore))
		}
		table.row(row...)
	}
	table.flush()
}

// curve is the loss of each stage from its first to its last point, as blocks.
func (t *demoTraining) curve() string {
	var parts []string
	for i := 0; i < len(t.Loss); {
		j := i
		for j < len(t.Loss) && t.Loss[j].Stage == t.Loss[i].Stage {
			j++
		}
		stage := t.Loss[i:j]
		parts = append(parts, fmt.Sprintf("%s %.3f %s %.3f", stage[0].Stage, stage[0].Loss, sparks(stage), stage[len(stage)-1].Loss))
		i = j
	}
	if len(parts) == 0 {
		return "none was told"
	}
	return strings.Join(parts, ", ")
}

// sparks draws points as a line of blocks, at most forty.
func sparks(points []demoLoss) string {
	const most = 40
	lo, hi := points[0].Loss, points[0].Loss
	for _, p := range points {
		lo, hi = min(lo, p.Loss), max(hi, p.Loss)
	}
	var b strings.Builder
	n := min(most, len(points))
	for i := range n {
		level := 0
		if hi > lo {
			level = int((points[i*len(points)/n].Loss - lo) / (hi - lo) * 7)
		}
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[level])
	}
	return b.String()
}
