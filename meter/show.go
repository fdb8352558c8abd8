package meter

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/online"
)

// quantiles are the percentiles that windows show.
var quantiles = map[string]float64{"0.5": 0.5, "0.95": 0.95, "0.99": 0.99}

// Show brings the gauges up to date. What is not in the view any more is not shown any more.
func (m *Meter) Show(v online.View) {
	g := &m.gauges
	for _, vec := range []*prometheus.GaugeVec{
		g.policies, g.models, g.versions, g.latency, g.accuracy, g.spoken, g.calibration, g.drift,
		g.budgetCap, g.budgetSpent, g.budgetBurn, g.open,
	} {
		vec.Reset()
	}
	for name, w := range v.Windows {
		m.window(name, w)
	}
	for _, a := range v.Accuracy {
		g.accuracy.WithLabelValues(label(a.Source), label(a.Policy)).Set(a.Mean)
		g.spoken.WithLabelValues(label(a.Source), label(a.Policy)).Set(float64(a.N))
	}
	if !math.IsNaN(v.CalibrationError) {
		g.calibration.WithLabelValues().Set(v.CalibrationError)
	}
	g.judged.WithLabelValues().Set(float64(v.Judged))
	for feature, psi := range v.Drift {
		g.drift.WithLabelValues(label(feature)).Set(psi)
	}
	for _, s := range v.Spends {
		g.budgetCap.WithLabelValues(label(s.Name), s.Period).Set(float64(s.Cap))
		g.budgetSpent.WithLabelValues(label(s.Name), s.Period).Set(float64(s.Spent))
		g.budgetBurn.WithLabelValues(label(s.Name), s.Period).Set(s.BurnRate())
	}
	for _, o := range v.Open {
		g.open.WithLabelValues(label(o[0]), label(o[1])).Set(1)
	}
	g.looked.WithLabelValues().Set(float64(v.At.UnixMilli()) / 1e3)
}

func (m *Meter) window(name string, w online.Window) {
	g := &m.gauges
	g.decisions.WithLabelValues(name).Set(float64(w.Decisions))
	g.errors.WithLabelValues(name).Set(w.ErrorShare())
	g.fallbacks.WithLabelValues(name).Set(w.FallbackShare())
	g.faults.WithLabelValues(name).Set(w.UnroutedShare())
	g.cost.WithLabelValues(name).Set(float64(w.Cost))
	shares(g.policies, name, w.Policies, w.Routed)
	shares(g.models, name, w.Models, w.Decisions)
	shares(g.versions, name, w.Versions, w.Routed)
	for what, h := range w.Latency {
		for percentile, q := range quantiles {
			if h.Count() > 0 {
				g.latency.WithLabelValues(name, what, percentile).Set(h.Quantile(q) / 1e6)
			}
		}
	}
}

func shares(vec *prometheus.GaugeVec, window string, counts map[string]int64, all int64) {
	for value, n := range counts {
		if n > 0 {
			vec.WithLabelValues(window, label(value)).Set(float64(n) / float64(all))
		}
	}
}

// Stage is what the log knows of one stage.
type Stage struct {
	Name                              string
	Lag, InHand, Redelivered, Waiting float64
	PerSecond                         float64
	DeadByReason                      map[string]uint64
}

// Stream is one stream of the log.
type Stream struct {
	Name            string
	Messages, Bytes float64
}

// ShowRing brings the gauges of stages and streams up to date.
func (m *Meter) ShowRing(stages []Stage, all []Stream) {
	r := &m.ring
	r.dead.Reset()
	for _, s := range stages {
		r.lag.WithLabelValues(s.Name).Set(s.Lag)
		r.inHand.WithLabelValues(s.Name).Set(s.InHand)
		r.redelivered.WithLabelValues(s.Name).Set(s.Redelivered)
		r.rate.WithLabelValues(s.Name).Set(s.PerSecond)
		r.copies.WithLabelValues(s.Name).Set(s.Waiting)
		for reason, n := range s.DeadByReason {
			r.dead.WithLabelValues(s.Name, reason).Set(float64(n))
		}
	}
	for _, s := range all {
		r.messages.WithLabelValues(s.Name).Set(s.Messages)
		r.bytes.WithLabelValues(s.Name).Set(s.Bytes)
	}
}
