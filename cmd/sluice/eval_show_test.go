package main

import (
	"html"
	"strings"
	"testing"

	"sluice/evaluation"
)

// Two measurements of one router differ by its latency, by nothing that is worth a digit.
func TestNoReportHasAMinusZero(t *testing.T) {
	little := -1e-9
	d := evaluation.Difference{A: "x", B: "x", Metric: "aiq", Value: little, Interval: &evaluation.Interval{Lo: little, Hi: little}}
	r := &evaluation.Report{
		Routers:     []evaluation.Result{{Name: "x", APGR: &little, APGRLo: &little, APGRHi: &little, AIQ: &little, Saving: &little}},
		Differences: []evaluation.Difference{d},
		Ruled:       []evaluation.Ruled{{Router: "x", Rules: "none", Gain: little, Interval: d.Interval}},
	}
	var out, page output
	comparison{A: "x", B: "x", Differences: r.Differences}.show(&Main{Stdout: &out})
	showReport(&out, r)
	if err := r.Page(&page); err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"the tables": out.String(), "the page": html.UnescapeString(page.String())} {
		if strings.Contains(text, "-0.0") || !strings.Contains(text, "+0.0000 to +0.0000") {
			t.Errorf("%s:\n%s", where, text)
		}
	}
}
