package monitor

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	// lateness is how far back before the last look every look reads again: decisions get into the tables within
	// seconds.
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
	opts    WatcherOptions
	windows *online.Windows
	// When the windows, the longest one whole, and what moves slowly, were last read.
	rolled, whole, slow time.Time
	view                online.View
	trained             online.Profile
	trainedAt           time.Time // when trained was read
	driftN              int64     // how many decisions view.Drift is made of
	// retired says, by rule and subject, which episode of an alert was ended since no rule here watches it.
	retired map[[2]string]int
}

// NewWatcher makes a watcher.
func NewWatcher(o WatcherOptions) *Watcher {
	longest := time.Hour
	for _, r := range o.Rules {
		longest = max(longest, r.Window)
	}
	return &Watcher{
		opts: o, windows: online.NewWindows(slotWidth, longest), view: online.View{CalibrationError: math.NaN()}, retired: map[[2]string]int{},
	}
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
	since := w.rolled.Add(-lateness) // whatever the pause was: a machine may have slept
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
	if w.rolled = now; whole {
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
