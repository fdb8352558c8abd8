package meter

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice"
	"sluice/online"
)

// Meter holds the metrics of one process. It is safe for concurrent use.
type Meter struct {
	registry *prometheus.Registry
	names    []string
	counters counters
	gauges   gauges
	ring     ring
}

// New makes a meter with a registry of its own.
func New() *Meter {
	m := &Meter{registry: prometheus.NewRegistry()}
	m.addCounters()
	m.addGauges()
	m.addRing()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// CountProcess serves what the process counts about itself too. Once a meter.
func (m *Meter) CountProcess(p *Process) {
	m.registry.MustRegister(p)
	m.names = append(m.names, processNames...)
}

// Names lists every metric that the meter may export under a name of ours, the series of histograms included.
func (m *Meter) Names() []string { return slices.Clone(m.names) }

// Handler serves the metrics.
func (m *Meter) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Decided counts a decision.
func (m *Meter) Decided(_ time.Time, d *sluice.Decision) {
	c := &m.counters
	c.decisions.WithLabelValues(label(string(d.Policy)), label(d.Model), label(string(d.Outcome))).Inc()
	c.cost.WithLabelValues(label(d.Model)).Add(max(float64(d.Cost), 0))
	for kind, n := range map[string]int64{
		"prompt": d.Usage.Prompt, "cached": d.Usage.Cached, "output": d.Usage.Output, "thoughts": d.Usage.Thoughts,
	} {
		c.tokens.WithLabelValues(label(d.Model), kind).Add(max(float64(n), 0))
	}
	for _, failed := range d.Fallbacks {
		c.fallbacks.WithLabelValues(label(failed)).Inc()
	}
	if d.RouterFault != "" {
		c.faults.WithLabelValues(label(d.RouterFault)).Inc()
	}
	c.rules.WithLabelValues(label(d.Rule)).Inc()
	if s := d.Shadow; s != nil {
		c.shadows.WithLabelValues(shadowVerdict(d, s)).Inc()
	}
	if d.Requested == "auto" && len(d.Probabilities) > 0 { // a conversation that keeps its model asks no router
		c.router.WithLabelValues().Observe(float64(d.RouterUS) / 1e6)
	}
	if len(d.CallIDs) > 0 {
		c.model.WithLabelValues(label(d.Model)).Observe(float64(d.ModelMS) / 1e3)
	}
	c.total.WithLabelValues(label(d.Model)).Observe(float64(d.LatencyMS) / 1e3)
	if d.FirstTokenMS > 0 {
		c.firstToken.WithLabelValues(label(d.Model)).Observe(float64(d.FirstTokenMS) / 1e3)
	}
}

func shadowVerdict(d *sluice.Decision, s *sluice.Shadow) string {
	switch {
	case s.Fault != "":
		return "fault"
	case s.Policy == d.Policy:
		return "agrees"
	}
	return "differs"
}

// label makes a value fit for Prometheus, which panics at invalid UTF-8.
func label(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Noted counts feedback, an alert or a training event: whichever is not nil.
func (m *Meter) Noted(f *sluice.Feedback, a *sluice.Alert, e *sluice.TrainingEvent) {
	c := &m.counters
	switch {
	case f != nil:
		c.feedback.WithLabelValues(label(f.Source), feedbackVerdict(f)).Inc()
	case a != nil:
		state := "raised"
		if a.Cleared {
			state = "cleared"
		}
		c.alerts.WithLabelValues(label(a.Rule), state).Inc()
	case e != nil:
		c.training.WithLabelValues(label(e.Kind)).Inc()
	}
}

func feedbackVerdict(f *sluice.Feedback) string {
	switch {
	case f.Score != nil && *f.Score >= 0.5, f.Score == nil && f.Thumb == "up":
		return "good"
	case f.Score != nil, f.Thumb == "down":
		return "bad"
	}
	return "none"
}

// Sampled counts queries that were sent to be labelled, and shows how much of the day's budget is used.
func (m *Meter) Sampled(asked []online.Sample, day online.Labelling) {
	for _, s := range asked {
		m.counters.samples.WithLabelValues(label(s.ChosenBy)).Inc()
	}
	m.gauges.labelled.WithLabelValues().Set(float64(day.Chosen))
	m.gauges.labelSpend.WithLabelValues().Set(float64(day.Spent))
}
