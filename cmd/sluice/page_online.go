package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"sluice"
	"sluice/consumers/answer"
	"sluice/gateway"
	"sluice/gateway/budget"
	"sluice/gateway/page"
	"sluice/gateway/web"
	"sluice/online"
)

// The page draws a window in so many pieces, and lists so many decisions.
const (
	pagePieces = 60
	pageRecent = 20
)

// online reads a window from the tables.
func (p *pageSources) online(ctx context.Context, span time.Duration) (page.Online, error) {
	db, err := p.tables.get(ctx)
	if err != nil {
		return page.Online{}, err
	}
	tables, now, width := db.Online(time.Now), time.Now().UTC(), span/pagePieces
	begin := now.Add(-span).Truncate(width)
	slots, err := tables.Slots(ctx, begin, width)
	if err != nil {
		return page.Online{}, err
	}
	recent, err := tables.Recent(ctx, pageRecent)
	if err != nil {
		return page.Online{}, err
	}
	windows := online.NewWindows(width, span)
	windows.Put(begin, now, slots)
	o := pageWindow(windows.Over(span, now), now)
	o.SlotSeconds = width.Seconds()
	o.Policies, o.Slots = pageSlots(slots, begin)
	for _, d := range recent {
		o.Recent = append(o.Recent, page.Recent{
			ID: d.ID, At: d.DecidedAt, Text: d.Query.Text, Policy: string(d.Policy), Model: d.Model, Rule: d.Rule,
			Outcome: string(d.Outcome), LatencyMS: d.LatencyMS, Cost: d.Cost,
		})
	}
	return o, nil
}

// pageWindow is a window as the page shows it.
func pageWindow(w online.Window, now time.Time) page.Online {
	o := page.Online{
		At: now, WindowSeconds: int(w.Span.Seconds()), Decisions: w.Decisions, Cost: w.Cost,
		Errors: w.Errors, Fallbacks: w.Fallbacks, RouterFaults: w.Unrouted,
	}
	for model, n := range w.Models {
		o.Models = append(o.Models, page.Count{Name: model, Count: n, Cost: w.ModelCost[model]})
	}
	slices.SortFunc(o.Models, byCount)
	const perMS = 1000 // histograms hold microseconds
	for _, what := range []string{online.Router, online.Model, online.Total} {
		if h := w.Latency[what]; h.Count() > 0 {
			o.Latency = append(o.Latency, page.Latency{What: what, P50: h.Quantile(0.5) / perMS, P95: h.Quantile(0.95) / perMS, P99: h.Quantile(0.99) / perMS})
		}
	}
	return o
}

func byCount(a, b page.Count) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
}

// pageSlots counts policies over the whole window, and in each of its pieces.
func pageSlots(s online.Slots, begin time.Time) (policies []page.Count, slots []page.Slot) {
	sums, pieces := map[string]int64{}, map[time.Time]map[string]int64{}
	for _, c := range s.Counts {
		if !c.At.After(begin) {
			continue
		}
		at := c.At.UTC()
		if pieces[at] == nil {
			pieces[at] = map[string]int64{}
		}
		pieces[at][c.Policy] += c.Decisions
		sums[c.Policy] += c.Decisions
	}
	for policy, n := range sums {
		policies = append(policies, page.Count{Name: policy, Count: n})
	}
	for at, counts := range pieces {
		slots = append(slots, page.Slot{At: at, Policies: counts})
	}
	slices.SortFunc(policies, byCount)
	slices.SortFunc(slots, func(a, b page.Slot) int { return a.At.Compare(b.At) })
	return policies, slots
}

// quality reads how good the answers were.
func (p *pageSources) quality(ctx context.Context) (page.Quality, error) {
	db, err := p.tables.get(ctx)
	if err != nil {
		return page.Quality{}, err
	}
	span := p.g.cfg.Monitor.QualitySpan
	all, err := db.Online(time.Now).Accuracy(ctx, time.Now().UTC().Add(-span))
	if err != nil {
		return page.Quality{}, err
	}
	q := page.Quality{Days: span.Hours() / 24}
	for _, a := range all {
		q.Accuracy = append(q.Accuracy, page.Accuracy{Source: a.Source, Policy: a.Policy, Graded: a.N, Right: a.Mean})
	}
	slices.SortFunc(q.Accuracy, func(a, b page.Accuracy) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Policy, b.Policy))
	})
	return q, nil
}

// matrix is the nine cells of the pair in force, empty ones included.
func (p *pageSources) matrix(ctx context.Context) ([]page.Cell, error) {
	db, err := p.tables.get(ctx)
	if err != nil {
		return nil, err
	}
	cfg := p.g.cfg
	matrix, err := cfg.OracleMatrix()
	if err != nil {
		return nil, err
	}
	met, err := db.Met(ctx, sluice.PairID(cfg.Pair.Medium, cfg.Pair.Large, answer.PromptVersion), cfg.Judge.Version)
	if err != nil {
		return nil, err
	}
	cells := make([]page.Cell, 0, len(matrix.Cells()))
	for _, c := range matrix.Cells() {
		cell := page.Cell{Medium: string(c.Medium), Large: string(c.Large), Policy: string(c.Policy), Why: c.Rationale}
		for _, m := range met {
			if m.Medium == c.Medium && m.Large == c.Large {
				cell.Queries = m.Queries
			}
		}
		cells = append(cells, cell)
	}
	return cells, nil
}

// budgets reads what may be spent and what is from the record that the gateways share.
func (p *pageSources) budgets(ctx context.Context) (func(context.Context) ([]page.Budget, error), error) {
	configured, err := limits(p.g.cfg.Budgets)
	if err != nil {
		return nil, err
	}
	books, err := budget.OpenBooks(ctx, p.g.log.JS, configured)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]page.Budget, error) {
		states, err := books.Show(ctx, time.Now())
		if err != nil {
			return nil, err
		}
		shown := make([]page.Budget, 0, len(states))
		for _, s := range states {
			b := page.Budget{
				Name: s.Budget, Scope: string(s.Scope), Whose: s.Subject, Period: string(s.Period), Action: string(s.Action), ResetsAt: s.ResetsAt,
				Spent: s.Spent, Reserved: s.Reserved, Limit: s.Limit,
			}
			switch {
			case s.Scope == budget.ScopeModel: // a model is nobody
				b.Name, b.Whose = s.Budget+" of "+s.Subject, ""
			case s.Scope != budget.ScopeGlobal && s.Subject == "":
				b.Whose = "no " + b.Scope
			}
			shown = append(shown, b)
		}
		return shown, nil
	}, nil
}

// try decides on a text.
func (p *pageSources) try(ctx context.Context, text string) (sluice.Decision, error) {
	d, err := p.g.Pipeline.Decide(ctx, web.RouteBody{Query: text, Explain: true}.Ask())
	var f *gateway.Fault
	if errors.As(err, &f) {
		return d, &page.Fault{Status: f.Status(), Message: f.Error()}
	}
	return d, err
}
