package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sluice/evaluation"
)

// deliver writes a report where it is wanted: a JSON file, an HTML page, and standard output, as a table unless it was
// asked for there in another form.
func deliver(m *Main, r *evaluation.Report, jsonFile, htmlFile string, asJSON bool) error {
	for _, f := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{jsonFile, func(w io.Writer) error { return printJSONAs(w, jsonForm{indent: " "}, r) }},
		{htmlFile, r.Page},
	} {
		if f.path == "" {
			continue
		}
		if err := m.writeTo(f.path, f.write); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	switch {
	case asJSON:
		return printJSON(m.Stdout, r)
	case jsonFile != stdout && htmlFile != stdout:
		showReport(m.Stdout, r)
	}
	return nil
}

// showReport draws a report: the table of the routers, then what else there is to know.
func showReport(w io.Writer, r *evaluation.Report) {
	fmt.Fprintf(w, "%s\n\n%s: %s graded queries, %s right on %.1f%%, %s on %.1f%%; on %.1f%% only the large one is\n",
		r.Headline, r.Dataset, count(r.Rows), r.Medium, 100*r.MediumAccuracy, r.Large, 100*r.LargeAccuracy,
		100*float64(r.Escalating)/float64(max(1, r.Rows)))
	showRouters(w, r.Routers)
	for _, d := range r.Differences {
		interval := "no interval"
		if d.Interval != nil {
			interval = fmt.Sprintf("95%% %+.4f to %+.4f", evaluation.Shown(d.Interval.Lo), evaluation.Shown(d.Interval.Hi))
		}
		fmt.Fprintf(w, "%s minus %s, %s: %+.4f (%s, paired bootstrap)\n", d.A, d.B, d.Metric, evaluation.Shown(d.Value), interval)
	}
	showRuled(w, r.Ruled)
	showGrounds(w, r)
}

// showRouters draws the table, a line a router.
func showRouters(w io.Writer, routers []evaluation.Result) {
	t := newTable(w, "router", "APGR", "95%", "CPT(50%)", "CPT(80%)", "AIQ", "accuracy", "of large", "large", "$ per 1,000", "saved", "AUROC", "F1", "ECE", "us").
		numbers(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	for _, x := range routers {
		interval, perThousand, us := "-", "-", "-"
		if x.APGRLo != nil {
			interval = fmt.Sprintf("%.3f to %.3f", evaluation.Shown(*x.APGRLo), evaluation.Shown(*x.APGRHi))
		}
		if x.Cost != nil {
			perThousand = fmt.Sprintf("%.4f", *x.Cost/1000)
		}
		if x.LatencyUS > 0 {
			us = fmt.Sprintf("%.0f", x.LatencyUS)
		}
		t.row(x.Name, shown(x.APGR), interval, percent(x.CPT50), percent(x.CPT80), shown(x.AIQ), percent(&x.Accuracy),
			percent(x.OfLarge), percent(&x.LargeShare), perThousand, percent(x.Saving), shown(x.AUROC), shown(x.MacroF1), shown(x.ECE), us)
	}
	t.flush()
}

// showGrounds says what the numbers rest on: prices, the split, what was left out, the command.
func showGrounds(w io.Writer, r *evaluation.Report) {
	fmt.Fprintf(w, "accuracy, large, $, saved and F1 are at one operating point: as many large calls as there are Complex queries\n"+
		"costs: %s\n%s\n", r.CostBasis, r.Split)
	if r.NearDuplicates > 0 {
		fmt.Fprintf(w, "%s rows that nearly repeat another share its fold\n", count(r.NearDuplicates))
	}
	if l := r.Leaks; l != nil && l.Any() {
		fmt.Fprintf(w, "taken out of training, since the test split has them too: %d by id, %d by wording, %d by nearly the same wording\n", l.SameID, l.SameText, l.NearText)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Skipped)) {
		fmt.Fprintf(w, "left out: %d, %s\n", r.Skipped[reason], reason)
	}
	if r.Command != "" {
		fmt.Fprintf(w, "made by: %s\n", r.Command)
	}
}

// showRuled draws what became of the routers under rules.
func showRuled(w io.Writer, all []evaluation.Ruled) {
	if len(all) == 0 {
		return
	}
	t := newTable(w, "router", "rules", "large", "$ per 1,000", "accuracy", "router alone", "gain", "95%", "decided by").numbers(3, 4, 5, 6, 7, 8)
	for _, x := range all {
		interval, perThousand := "-", "-"
		if x.Interval != nil {
			interval = fmt.Sprintf("%+.4f to %+.4f", evaluation.Shown(x.Interval.Lo), evaluation.Shown(x.Interval.Hi))
		}
		if x.Cost != nil {
			perThousand = fmt.Sprintf("%.4f", *x.Cost/1000)
		}
		var fired []string
		for _, rule := range sortedKeys(x.Fired) {
			fired = append(fired, rule+" "+count(x.Fired[rule]))
		}
		t.row(x.Router, x.Rules, percent(&x.LargeShare), perThousand, percent(&x.Accuracy), percent(&x.Alone),
			fmt.Sprintf("%+.4f", evaluation.Shown(x.Gain)), interval, strings.Join(fired, ", "))
	}
	t.flush()
	fmt.Fprintln(w, "router alone: its accuracy at the threshold at which it costs as much as it does under the rules; gain: the rules' accuracy minus that (paired bootstrap)")
}

// shown is a number that may be undefined.
func shown(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", evaluation.Shown(*v))
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", evaluation.Shown(100**v))
}
