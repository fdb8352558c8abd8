package monitor

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"sluice"
	"sluice/online"
	"sluice/streams"
)

// alerts holds every reading against its rule, and publishes what is to be raised or cleared.
func (w *Watcher) alerts(ctx context.Context, now time.Time) error {
	states, err := w.opts.Windows.AlertStates(ctx)
	if err != nil {
		return err
	}
	var msgs []streams.Message
	for _, alert := range w.changes(states, now) {
		msg, err := streams.RaisedFact(alert)
		if err != nil {
			return fmt.Errorf("alert %s: %w", alert.Rule, err)
		}
		msgs = append(msgs, msg)
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

// changes are what is to be raised or cleared: by a reading, or since the configuration has no such rule any more.
func (w *Watcher) changes(states map[[2]string]online.State, now time.Time) []sluice.Alert {
	var all []sluice.Alert
	watched := map[string]bool{}
	for _, rule := range w.opts.Rules {
		watched[rule.Name] = true
		for _, m := range w.readings(rule, states, now) {
			if alert, changed := rule.Judge(m, states[[2]string{rule.Name, m.Subject}], now); changed {
				all = append(all, alert)
			}
		}
	}
	for key, s := range states {
		if episode, ok := w.retired[key]; watched[key[0]] || ok && episode != s.Raised {
			continue // one that was raised again is another monitor's, which has a rule for it
		}
		if alert, ok := online.Retire(key[0], key[1], s, now); ok {
			all = append(all, alert)
			w.retired[key] = s.Raised
		}
	}
	return all
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
