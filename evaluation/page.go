package evaluation

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
)

//go:embed page.html.tmpl
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"num": num, "pct": pct, "interval": intervalOf, "dollars": dollars, "shown": func(v float64) Shown { return Shown(v) }, "inc": func(i int) int { return i + 1 },
}).Parse(pageSource))

// Page writes the report as one HTML page that needs nothing from anywhere else: the table, cost-quality
// curves, intervals, calibration and confusion matrices.
func (r *Report) Page(w io.Writer) error {
	if err := pageTemplate.Execute(w, r.view()); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// view is what the template draws.
type view struct {
	*Report
	Curves, Calibration, Forest plot
}

// plot is a chart of lines in a box of 640 by 360; the template draws frame, ticks and legend.
type plot struct {
	X, Y           axis
	Lines          []line
	XTitle, YTitle string
}

type line struct {
	Name, Points string
	Dots         []dot
	Color        int
	Dashed       bool
	// Lo, Mid, Hi and At place an interval in a forest plot.
	Lo, Mid, Hi, At float64
	Label           string
}

type dot struct{ X, Y, R float64 }

// axis maps values to pixels; Ticks are labelled values.
type axis struct {
	from, to, low, high float64
	Ticks               []tick
}

type tick struct {
	At    float64
	Label string
}

// The box that charts are drawn in, pixels.
const (
	plotLeft, plotRight, plotTop, plotBottom = 60.0, 620.0, 16.0, 312.0
)

func newAxis(from, to, low, high float64, format string) axis {
	if to-from <= 1e-9*math.Abs(to) { // equal, but for rounding: steps so small would lead nowhere
		from, to = from-0.5, from+0.5
	}
	a := axis{from: from, to: to, low: low, high: high}
	step := math.Pow(10, math.Floor(math.Log10((to-from)/4)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (to-from)/(step*m) <= 6 {
			step *= m
			break
		}
	}
	for v := math.Ceil(from/step) * step; v <= to+step/1e6; v += step {
		a.Ticks = append(a.Ticks, tick{a.at(v), fmt.Sprintf(format, Shown(v))})
	}
	return a
}

func (a axis) at(v float64) float64 { return a.low + (v-a.from)/(a.to-a.from)*(a.high-a.low) }

func (r *Report) view() view {
	return view{Report: r, Curves: r.curves(), Calibration: r.calibration(), Forest: r.forest()}
}

// curves is accuracy over dollars or, where the models have no price, over the share of large calls.
func (r *Report) curves() plot {
	out := plot{XTitle: "share of queries sent to the large model", YTitle: "accuracy"}
	out.X, out.Y = newAxis(0, 1, plotLeft, plotRight, "%.1f"), r.accuracyAxis()
	value := func(p Point) float64 { return p.LargeShare }
	if slices.ContainsFunc(r.Routers, func(x Result) bool { return x.Cost != nil }) {
		value = func(p Point) float64 { return p.Cost / 1000 } // micro-dollars a query are dollars a thousand queries, by 1,000
		out.XTitle, out.X = "dollars per 1,000 queries, the router's own included", r.dollarAxis(value)
	}
	for i, x := range r.Routers {
		if len(x.Curve) == 0 || x.Name == "hull-of-models" {
			continue
		}
		l := line{Name: x.Name, Color: color(i), Dashed: isControl(x.Name)}
		var b strings.Builder
		for _, p := range x.Curve {
			px, py := out.X.at(value(p)), max(plotTop, out.Y.at(p.Accuracy))
			fmt.Fprintf(&b, "%.1f,%.1f ", px, py)
			if len(x.Curve) == 1 {
				l.Dots = append(l.Dots, dot{px, py, 4})
			}
		}
		l.Points = b.String()
		out.Lines = append(out.Lines, l)
	}
	return out
}

// accuracyAxis spans the accuracies of all curves but the oracle's, which would flatten the others.
func (r *Report) accuracyAxis() axis {
	least, most := math.Inf(1), math.Inf(-1)
	for _, x := range r.Routers {
		if x.Name == "oracle" {
			continue
		}
		for _, p := range x.Curve {
			least, most = min(least, p.Accuracy), max(most, p.Accuracy)
		}
	}
	margin := (most - least) * 0.12
	return newAxis(least-margin, most+margin, plotBottom, plotTop, "%.3g")
}

// dollarAxis spans what all curves cost.
func (r *Report) dollarAxis(dollars func(Point) float64) axis {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, x := range r.Routers {
		for _, p := range x.Curve {
			lo, hi = min(lo, dollars(p)), max(hi, dollars(p))
		}
	}
	return newAxis(lo, hi, plotLeft, plotRight, "%.3g")
}

// color numbers the line of the table at i: the models alone and their hull share one, so that oracle and seven
// routers have one each.
func color(i int) int {
	const alone, colors = 3, 8
	if i < alone {
		return colors - 1
	}
	return (i - alone) % colors
}

// calibration is the observed over the predicted share, a dot a bin, its area by the bin's count.
func (r *Report) calibration() plot {
	out := plot{
		X: newAxis(0, 1, plotLeft, plotRight, "%.1f"), Y: newAxis(0, 1, plotBottom, plotTop, "%.1f"),
		XTitle: "predicted P(Complex)", YTitle: "observed share",
	}
	for i, x := range r.Routers {
		if len(x.Bins) == 0 || x.Name == "random" {
			continue
		}
		l := line{Name: x.Name, Color: color(i)}
		var b strings.Builder
		for _, bin := range x.Bins {
			if bin.Count == 0 {
				continue
			}
			px, py := out.X.at(bin.Predicted), out.Y.at(bin.Observed)
			fmt.Fprintf(&b, "%.1f,%.1f ", px, py)
			l.Dots = append(l.Dots, dot{px, py, 2 + 10*math.Sqrt(bin.Count/float64(max(1, r.Rows)))})
		}
		l.Points = b.String()
		out.Lines = append(out.Lines, l)
	}
	return out
}

// forest is every router's APGR with its interval.
func (r *Report) forest() plot {
	lo, hi := 0.45, 0.55
	for _, x := range r.Routers {
		if x.APGRLo != nil && x.Name != "oracle" {
			lo, hi = min(lo, *x.APGRLo), max(hi, *x.APGRHi)
		}
	}
	out := plot{X: newAxis(lo, hi, 150, plotRight-90, "%.2f"), XTitle: "APGR, 95% intervals; the line at 0.5 is a random mix"}
	out.Lines = append(out.Lines, line{Name: "", Mid: out.X.at(0.5)})
	for i, x := range r.Routers {
		if x.APGRLo == nil || x.Name == "oracle" || x.Name == "random" {
			continue
		}
		out.Lines = append(out.Lines, line{
			Name: x.Name, Color: color(i), At: 10 + 26*float64(len(out.Lines)),
			Lo: out.X.at(*x.APGRLo), Mid: out.X.at(*x.APGR), Hi: out.X.at(*x.APGRHi), Label: fmt.Sprintf("%.3f", Shown(*x.APGR)),
		})
	}
	return out
}

// Height is the forest plot's, pixels.
func (p plot) Height() int { return 26*len(p.Lines) + 48 }

func num(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", Shown(*v))
}

func pct(v any) string {
	switch v := v.(type) {
	case *float64:
		if v != nil {
			return fmt.Sprintf("%.1f%%", Shown(100**v))
		}
	case float64:
		return fmt.Sprintf("%.1f%%", Shown(100*v))
	}
	return "-"
}

func intervalOf(r Result, key string) string {
	ci, ok := r.Intervals[key]
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.3f to %.3f", Shown(ci.Lo), Shown(ci.Hi))
}

// dollars is the price of a thousand queries at a price of one in micro-dollars.
func dollars(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("$%.4f", Shown(*v/1000))
}
