package monitor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"sluice"
	"sluice/online"
	"sluice/streams"
)

// Windows is where rolling windows and the alerts so far are read from.
type Windows interface {
	Slots(ctx context.Context, since time.Time, width time.Duration) (online.Slots, error)
	AlertStates(ctx context.Context) (map[[2]string]online.State, error)
	Spends(ctx context.Context, budgets []online.Budget, now time.Time) ([]online.Spend, error)
}

// Quality is where answers and routers are judged.
type Quality interface {
	Accuracy(ctx context.Context, since time.Time) ([]online.Accuracy, error)
	Calibration(ctx context.Context, since time.Time) ([]online.CalibrationBin, error)
	Judged(ctx context.Context, since time.Time, limit int) ([]sluice.Feedback, error)
}

// Reference is what the router was trained on, and what comes in now, counted alike.
type Reference interface {
	Trained(ctx context.Context) (online.Profile, error)
	Traffic(ctx context.Context, since time.Time, reference online.Profile) (online.Profile, error)
}

// Publisher stores facts in the log. streams.Publisher is one.
type Publisher interface {
	Publish(ctx context.Context, msgs []streams.Message) ([]streams.Ack, error)
}

// Display shows what was seen. Package meter has one.
type Display interface{ Show(online.View) }

// WatcherOptions are what a [Watcher] works by. Every field is required but Budgets and Rules.
type WatcherOptions struct {
	Windows   Windows
	Quality   Quality
	Reference Reference
	Publisher Publisher
	Display   Display
	Budgets   []online.Budget
	Rules     []online.Rule
	// QualitySpan is how far back accuracy and calibration look, DriftSpan how far back drift does.
	QualitySpan, DriftSpan time.Duration
	// SlowEvery is the least time between two looks at what moves slowly: quality, drift, budgets.
	SlowEvery time.Duration
	Now       func() time.Time
}

// Slots and what of them is read anew.
const (
	slotWidth = 10 * time.Second
	// lateness is how far back every look reads again: decisions get into the tables within seconds.
	lateness = time.Minute
	// everythingEvery is how often the longest window is read whole, for what came in later than that.
	everythingEvery = 5 * time.Minute
	// trainedEvery is how often the training set is described anew; with fewer than trainedLeast examples there
	// is nothing to drift away from.
	trainedEvery = 10 * time.Minute
	trainedLeast = 100
)

// named are the rolling windows.
var named = map[string]time.Duration{"1m": time.Minute, "5m": 5 * time.Minute, "1h": time.Hour}

// judgedAtOnce bounds one look's new feedback of judges.
const judgedAtOnce = 500

// Watcher looks at the tables, shows what it saw, and raises and clears alerts. Not safe for concurrent use; any
// number of watchers may watch the same tables: see [online.Rule.Judge].
type Watcher struct {
	opts        WatcherOptions
	windows     *online.Windows
	whole, slow time.Time // when the longest window, and what moves slowly, were last read
	view        online.View
	trained     online.Profile
	trainedAt   time.Time // when trained was read
	driftN      int64     // how many decisions view.Drift is made of
}

// NewWatcher makes a watcher.
func NewWatcher(o WatcherOptions) *Watcher {
	longest := time.Hour
	for _, r := range o.Rules {
		longest = max(longest, r.Window)
	}
	return &Watcher{opts: o, windows: online.NewWindows(slotWidth, longest), view: online.View{CalibrationError: math.NaN()}}
}

// Look looks once. What one part could not read does not keep the others from being shown; the error names every such
// part.
func (w *Watcher) Look(ctx context.Context) error {
	now := w.opts.Now().UTC()
	var faults []error
	note := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	note(w.roll(ctx, now))
	if now.Sub(w.slow) >= w.opts.SlowEvery {
		w.slow = now
		note(w.spends(ctx, now))
		note(w.quality(ctx, now))
		note(w.drift(ctx, now))
	}
	note(w.alerts(ctx, now))
	w.view.At = now
	w.opts.Display.Show(w.view)
	return errors.Join(faults...)
}

// roll brings the windows up to now.
func (w *Watcher) roll(ctx context.Context, now time.Time) error {
	longest := time.Hour
	for _, r := range w.opts.Rules {
		longest = max(longest, r.Window)
	}
	since := now.Add(-lateness)
	whole := now.Sub(w.whole) >= everythingEvery
	if whole {
		since = now.Add(-longest)
	}
	since = since.Truncate(slotWidth)
	slots, err := w.opts.Windows.Slots(ctx, since, slotWidth)
	if err != nil {
		w.whole = time.Time{} // a gap: read everything next time
		return err
	}
	if whole {
		w.whole = now
	}
	w.windows.Put(since, now, slots)
	w.view.Windows = map[string]online.Window{}
	for name, span := range named {
		w.view.Windows[name] = w.windows.Over(span, now)
	}
	return nil
}

func (w *Watcher) spends(ctx context.Context, now time.Time) error {
	spends, err := w.opts.Windows.Spends(ctx, w.opts.Budgets, now)
	if err == nil {
		w.view.Spends = append([]online.Spend{}, spends...) // not nil any more: it was read
	}
	return err
}

// quality reads how good the answers were, and makes feedback of what judges found.
func (w *Watcher) quality(ctx context.Context, now time.Time) error {
	since := now.Add(-w.opts.QualitySpan)
	accuracy, err := w.opts.Quality.Accuracy(ctx, since)
	if err != nil {
		return err
	}
	bins, err := w.opts.Quality.Calibration(ctx, since)
	if err != nil {
		return err
	}
	w.view.Accuracy, w.view.CalibrationError, w.view.Judged = accuracy, online.ECE(bins), 0
	for _, b := range bins {
		w.view.Judged += b.N
	}
	judged, err := w.opts.Quality.Judged(ctx, since, judgedAtOnce)
	if err != nil || len(judged) == 0 {
		return err
	}
	msgs := make([]streams.Message, len(judged))
	for i, f := range judged {
		if msgs[i], err = streams.FeedbackFact(f); err != nil {
			return fmt.Errorf("feedback on decision %s: %w", f.DecisionID, err)
		}
	}
	// Every copy publishes these; the log keeps one of each (Invariant 2).
	if _, err := w.opts.Publisher.Publish(ctx, msgs); err != nil {
		return fmt.Errorf("publish feedback: %w", err)
	}
	return nil
}

func (w *Watcher) drift(ctx context.Context, now time.Time) error {
	if now.Sub(w.trainedAt) >= trainedEvery {
		trained, err := w.opts.Reference.Trained(ctx)
		if err != nil {
			return err
		}
		w.trained, w.trainedAt = trained, now
	}
	if w.trained.N < trainedLeast {
		return nil
	}
	traffic, err := w.opts.Reference.Traffic(ctx, now.Add(-w.opts.DriftSpan), w.trained)
	if err != nil {
		return err
	}
	w.view.Drift, w.driftN = online.Drift(w.trained, traffic), traffic.N
	return nil
}

// alerts holds every reading against its rule, and publishes what is to be raised or cleared.
func (w *Watcher) alerts(ctx context.Context, now time.Time) error {
	states, err := w.opts.Windows.AlertStates(ctx)
	if err != nil {
		return err
	}
	var msgs []streams.Message
	for _, rule := range w.opts.Rules {
		for _, m := range w.readings(rule, states, now) {
			alert, changed := rule.Judge(m, states[[2]string{rule.Name, m.Subject}], now)
			if !changed {
				continue
			}
			msg, err := streams.RaisedFact(alert)
			if err != nil {
				return fmt.Errorf("alert %s: %w", rule.Name, err)
			}
			msgs = append(msgs, msg)
		}
	}
	w.view.Open = w.view.Open[:0:0]
	for key, s := range states {
		if s.Open() {
			w.view.Open = append(w.view.Open, key)
		}
	}
	slices.SortFunc(w.view.Open, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	if len(msgs) == 0 {
		return nil
	}
	if _, err := w.opts.Publisher.Publish(ctx, msgs); err != nil {
		return fmt.Errorf("publish alerts: %w", err)
	}
	return nil
}

// readings are what a rule is about now: one for all, or one a subject.
func (w *Watcher) readings(rule online.Rule, states map[[2]string]online.State, now time.Time) []online.Reading {
	switch rule.Name {
	case online.ErrorRate, online.LatencyP99, online.RouterFaults:
		return []online.Reading{windowed(rule.Name, w.windows.Over(rule.Window, now))}
	case online.Calibration:
		if math.IsNaN(w.view.CalibrationError) {
			return nil
		}
		return []online.Reading{{Value: w.view.CalibrationError, N: w.view.Judged}}
	case online.Drifted:
		var all []online.Reading
		for _, feature := range slices.Sorted(maps.Keys(w.view.Drift)) {
			all = append(all, online.Reading{Subject: feature, Value: w.view.Drift[feature], N: w.driftN})
		}
		return all
	case online.BudgetBurn:
		return w.burning(rule, states)
	}
	return nil
}

func windowed(rule string, over online.Window) online.Reading {
	switch rule {
	case online.LatencyP99:
		return online.Reading{Value: over.Latency[online.Total].Quantile(0.99) / 1e6, N: over.Decisions}
	case online.RouterFaults:
		return online.Reading{Value: over.UnroutedShare(), N: over.Routed}
	}
	return online.Reading{Value: over.ErrorShare(), N: over.Decisions}
}

// burning reads the budgets' burn rates. A budget of which little is spent burns at no rate worth a word, and one
// that is gone from the tables, since nobody spent anything lately, burns at none.
func (w *Watcher) burning(rule online.Rule, states map[[2]string]online.State) []online.Reading {
	const little = 0.1
	var all []online.Reading
	seen := map[string]bool{}
	for _, s := range w.view.Spends {
		seen[s.Name] = true
		m := online.Reading{Subject: s.Name, N: max(rule.Least, 1)}
		if s.Share() >= little {
			m.Value = s.BurnRate()
		}
		all = append(all, m)
	}
	if w.view.Spends == nil {
		return nil // not read yet
	}
	for key, s := range states {
		if key[0] == rule.Name && s.Open() && !seen[key[1]] {
			all = append(all, online.Reading{Subject: key[1], N: max(rule.Least, 1)})
		}
	}
	return all
}
