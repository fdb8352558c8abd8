package monitor

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"sluice"
	"sluice/online"
	"sluice/streams"
)

// world is tables and log of a made-up ring, as watchers see them. Alerts get into the table when land is called.
type world struct {
	now       time.Time
	decisions int64
	errors    int64
	spends    []online.Spend
	drift     []float64
	judged    []sluice.Feedback
	fail      error
	reads     []time.Time

	log    []sluice.Alert
	landed int
	stored map[string]bool
	views  []online.View
}

func (w *world) Slots(_ context.Context, since time.Time, width time.Duration) (online.Slots, error) {
	w.reads = append(w.reads, since)
	at := w.now.Truncate(width)
	return online.Slots{Counts: []online.Count{{At: at, Decisions: w.decisions, Errors: w.errors}}}, w.fail
}

func (w *world) AlertStates(context.Context) (map[[2]string]online.State, error) {
	states := map[[2]string]online.State{}
	for _, a := range w.log[:w.landed] {
		s := states[[2]string{a.Rule, a.Subject}]
		if a.Cleared {
			s.Cleared++
		} else {
			s.Raised++
		}
		states[[2]string{a.Rule, a.Subject}] = s
	}
	return states, nil
}

func (w *world) Spends(context.Context, []online.Budget, time.Time) ([]online.Spend, error) {
	return w.spends, nil
}

func (w *world) Accuracy(context.Context, time.Time) ([]online.Accuracy, error) {
	return []online.Accuracy{{Source: "client", Policy: "all", N: 1, Mean: 0.5}}, nil
}

func (w *world) Calibration(context.Context, time.Time) ([]online.CalibrationBin, error) {
	return []online.CalibrationBin{{N: 200, MeanP: 0.9, Share: 0.5}}, nil
}

func (w *world) Judged(context.Context, time.Time, int) ([]sluice.Feedback, error) {
	return w.judged, nil
}

func (w *world) Trained(context.Context) (online.Profile, error) {
	return online.Profile{N: 1000, Features: map[string]online.Bins{"words": {Edges: []float64{1}, Counts: []float64{1, 1}}}}, nil
}

func (w *world) Traffic(context.Context, time.Time, online.Profile) (online.Profile, error) {
	return online.Profile{N: 1000, Features: map[string]online.Bins{"words": {Edges: []float64{1}, Counts: w.drift}}}, nil
}

func (w *world) Publish(_ context.Context, msgs []streams.Message) ([]streams.Ack, error) {
	for _, m := range msgs {
		if w.stored[m.Subject] {
			continue
		}
		w.stored[m.Subject] = true
		if a, err := streams.Decode[sluice.Alert](m.Data); err == nil && a.Rule != "" {
			w.log = append(w.log, a)
		}
	}
	return make([]streams.Ack, len(msgs)), nil
}

func (w *world) Show(v online.View) { w.views = append(w.views, v) }

func (w *world) watcher() *Watcher {
	return NewWatcher(WatcherOptions{
		Windows: w, Quality: w, Reference: w, Publisher: w, Display: w,
		Budgets: []online.Budget{{Name: "all"}},
		Rules: []online.Rule{
			{Name: online.ErrorRate, Limit: 0.1, Window: time.Minute, Least: 10},
			{Name: online.BudgetBurn, Limit: 2, Least: 1},
			{Name: online.Drifted, Limit: 0.25, Least: 500},
			{Name: online.Calibration, Limit: 0.15, Least: 100},
		},
		QualitySpan: time.Hour, DriftSpan: time.Hour, SlowEvery: 10 * time.Second, Now: func() time.Time { return w.now },
	})
}

func newWorld() *world {
	return &world{now: noon, decisions: 100, drift: []float64{1, 1}, stored: map[string]bool{}}
}

func (w *world) look(t *testing.T, watchers ...*Watcher) {
	t.Helper()
	for _, one := range watchers {
		if err := one.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(11 * time.Second)
}

func rules(alerts []sluice.Alert) map[string]int {
	out := map[string]int{}
	for _, a := range alerts {
		word := "raised "
		if a.Cleared {
			word = "cleared "
		}
		out[word+a.Rule+" "+a.Subject]++
	}
	return out
}

func TestSeveralWatchersRaiseAndClearWhatOneWould(t *testing.T) {
	w := newWorld()
	a, b, c := w.watcher(), w.watcher(), w.watcher()
	w.errors, w.drift = 50, []float64{1, 9}
	w.spends = []online.Spend{{Budget: online.Budget{Name: "all", Period: online.Day, Cap: 240}, Spent: 120, Recently: 100}}
	w.look(t, a, b, c)
	w.look(t, b, a) // the table is still behind
	w.landed = len(w.log)
	w.look(t, a, b, c)
	got := rules(w.log)
	if len(w.log) != 4 || got["raised error_rate "] != 1 || got["raised drift words"] != 1 || got["raised budget_burn all"] != 1 || got["raised calibration "] != 1 {
		t.Fatalf("%v", got)
	}
	last := w.views[len(w.views)-1]
	if len(last.Open) != 4 || last.Windows["1h"].Decisions == 0 || math.Abs(last.CalibrationError-0.4) > 1e-9 || last.Drift["words"] < 0.25 {
		t.Errorf("%+v", last)
	}
	w.errors, w.drift, w.spends = 0, []float64{1, 1}, nil // the budget began afresh
	w.now = w.now.Add(2 * time.Minute)
	w.look(t, c, a)
	w.landed = len(w.log)
	w.look(t, b)
	got = rules(w.log)
	if len(w.log) != 7 || got["cleared error_rate "] != 1 || got["cleared drift words"] != 1 || got["cleared budget_burn all"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestAnAlertEndsWithItsRuleUnlessSomebodyElseRaisedIt(t *testing.T) {
	w := newWorld()
	w.errors = 50
	w.look(t, w.watcher())
	w.log = append(w.log, sluice.Alert{Rule: "retrain", Value: 1})
	w.landed = len(w.log)
	without := w.watcher()
	without.opts.Rules = without.opts.Rules[1:]
	w.look(t, without)
	w.landed = len(w.log)
	w.look(t, without)
	got := rules(w.log)
	if got["raised error_rate "] != 1 || got["cleared error_rate "] != 1 || got["cleared retrain "] != 0 || got["cleared calibration "] != 0 {
		t.Errorf("%v", got)
	}
	if open := w.views[len(w.views)-1].Open; len(open) != 2 {
		t.Errorf("open: %v", open)
	}
}

// While monitors are restarted one by one, some have the rule still.
func TestMonitorsOfWhichOneLacksARuleDoNotRaiseAndClearForEver(t *testing.T) {
	w := newWorld()
	w.errors = 50
	with, without := w.watcher(), w.watcher()
	without.opts.Rules = without.opts.Rules[1:]
	for range 5 {
		w.look(t, with, without)
		w.landed = len(w.log)
		w.look(t, without)
		w.landed = len(w.log)
	}
	if got := rules(w.log); got["raised error_rate "] != 2 || got["cleared error_rate "] != 1 {
		t.Errorf("%v", got)
	}
}

func TestABudgetOfWhichLittleIsSpentBurnsAtNoRate(t *testing.T) {
	w := newWorld()
	w.spends = []online.Spend{{Budget: online.Budget{Name: "all", Period: online.Day, Cap: 10_000}, Spent: 999, Recently: 999}}
	if rate := w.spends[0].BurnRate(); rate <= 2 {
		t.Fatalf("a rate of %g is within the limit anyway", rate)
	}
	w.look(t, w.watcher())
	if got := rules(w.log); got["raised budget_burn all"] != 0 {
		t.Errorf("%v", got)
	}
}

func TestJudgesWordsArePublishedOnceBySeveralWatchers(t *testing.T) {
	w := newWorld()
	w.judged = []sluice.Feedback{{ID: "f1", DecisionID: "d1", Source: "judge"}}
	w.look(t, w.watcher(), w.watcher())
	if !w.stored[streams.FeedbackSubject("d1", "f1")] {
		t.Error("not published")
	}
}

func TestAFailureOfOnePartLeavesTheOthersShownAndReadsEverythingAfterwards(t *testing.T) {
	w := newWorld()
	one := w.watcher()
	w.look(t, one)
	w.fail = errors.New("away")
	if err := one.Look(t.Context()); err == nil || len(w.views) != 2 || len(w.views[1].Accuracy) != 1 {
		t.Errorf("%v, %d views", err, len(w.views))
	}
	w.fail = nil
	w.look(t, one)
	if last := w.reads[len(w.reads)-1]; noon.Sub(last) < 50*time.Minute {
		t.Errorf("after a gap read since %v only", last)
	}
	w.look(t, one)
	if last := w.reads[len(w.reads)-1]; noon.Sub(last) > 5*time.Minute {
		t.Errorf("read everything again, since %v", last)
	}
}

// Between two looks lies as much as the configuration, or a machine that slept, puts there: nothing of it is passed over.
func TestALateLookReadsAllThatWasDecidedSinceTheLastOne(t *testing.T) {
	w := newWorld()
	one := w.watcher()
	w.look(t, one)
	before := w.now.Add(-11 * time.Second) // when that was
	w.now = before.Add(4 * time.Minute)
	w.look(t, one)
	if since := w.reads[len(w.reads)-1]; since.After(before.Add(-50 * time.Second)) {
		t.Errorf("read since %v, the last look was at %v", since, before)
	}
}
