// Package metrics counts what a gateway does, for Prometheus.
//
// Ended requests and a spool's figures enter; metrics named sluice_gateway_* leave over HTTP. Labels are
// words of ours and names of models, never anything that a client chose freely.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice"
	"sluice/gateway/budget"
	"sluice/gateway/spool"
)

// Metrics hears of requests; it is a gateway.Observer.
type Metrics struct {
	registry   *prometheus.Registry
	ours       promauto.Factory // puts sluice_gateway_ before a name
	requests   *prometheus.CounterVec
	policies   *prometheus.CounterVec
	rules      *prometheus.CounterVec
	faults     *prometheus.CounterVec
	calls      *prometheus.CounterVec
	cost       *prometheus.CounterVec
	tokens     *prometheus.CounterVec
	fallbacks  prometheus.Counter
	latency    *prometheus.HistogramVec
	model      *prometheus.HistogramVec
	router     prometheus.Histogram
	firstToken *prometheus.HistogramVec
}

// latencies are seconds, from a fast cache to a long thought.
var latencies = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2, 4, 8, 16, 32, 64, 128}

// New makes the metrics of one gateway, and those of its process.
func New(stats func() spool.Stats, inHand func() int) *Metrics {
	registry := prometheus.NewRegistry()
	ours := promauto.With(prometheus.WrapRegistererWithPrefix("sluice_gateway_", registry))
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return ours.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help, label string) *prometheus.HistogramVec {
		return ours.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: latencies}, []string{label})
	}
	gauge := func(name, help string, value func() float64) {
		ours.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	gauge("spool_unpublished", "Requests whose facts the log has not confirmed.", func() float64 { return float64(stats().Unpublished) })
	gauge("spool_open", "Requests that are begun and not ended.", func() float64 { return float64(stats().Open) })
	gauge("spool_broken", "Damaged parts of the spool that were set aside, until somebody takes their files away.", func() float64 { return float64(stats().Broken) })
	gauge("spool_bytes", "Bytes of the spool on disk.", func() float64 { return float64(stats().Bytes) })
	gauge("in_flight", "Requests in hand.", func() float64 { return float64(inHand()) })
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Metrics{
		registry: registry, ours: ours,
		requests:  counter("requests_total", "Requests that were decided on, by how they ended.", "api", "model", "outcome", "status"),
		policies:  counter("decisions_total", "Decisions by policy and the router that made them.", "policy", "router_version"),
		rules:     counter("rules_total", "Decisions by the rule that fired.", "rule"),
		faults:    counter("router_faults_total", "Decisions that the static map made because the router did not.", "fault"),
		calls:     counter("calls_total", "Attempts at models.", "model", "outcome"),
		cost:      counter("cost_microusd_total", "Cost of attempts, in millionths of a US dollar.", "model", "estimated"),
		tokens:    counter("tokens_total", "Tokens of attempts.", "model", "kind"),
		fallbacks: counter("fallbacks_total", "Requests that another model than the chosen one answered.").WithLabelValues(),
		latency:   histogram("request_seconds", "Time of whole requests.", "api"),
		model:     histogram("model_seconds", "Time that models took.", "model"),
		router: ours.NewHistogram(prometheus.HistogramOpts{
			Name: "router_seconds", Help: "Time that the router took.", Buckets: []float64{.00001, .0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
		}),
		firstToken: histogram("first_token_seconds", "Time to the first token of streams.", "model"),
	}
}

// CountClaims serves what became of the claims on budgets. Once a gateway, as all that follow.
func (m *Metrics) CountClaims(stats func() budget.Stats) {
	for verdict, n := range map[string]func(budget.Stats) int64{
		"ok": func(s budget.Stats) int64 { return s.OK }, "warn": func(s budget.Stats) int64 { return s.Warned },
		"downgrade": func(s budget.Stats) int64 { return s.Downgraded }, "refuse": func(s budget.Stats) int64 { return s.Refused },
	} {
		m.ours.NewCounterFunc(prometheus.CounterOpts{
			Name: "budget_claims_total", Help: "Claims on budgets, by what they were told.", ConstLabels: prometheus.Labels{"verdict": verdict},
		}, func() float64 { return float64(n(stats())) })
	}
	m.counts("budget_overruns_total", "Calls that cost more than their bound.", func() int64 { return stats().Overruns })
	m.counts("budget_unreachable_total", "Claims that were refused because the log was away.", func() int64 { return stats().Unreachable })
	m.counts("budget_failed_exchanges_total", "Exchanges of budgets with the log that gave up.", func() int64 { return stats().Failed })
}

// CountPanics serves how many requests panicked.
func (m *Metrics) CountPanics(panics func() int64) {
	m.counts("panics_total", "Requests that panicked: each ended with an internal error.", panics)
}

// CountShadows serves how many requests a shadow was to decide and did not.
func (m *Metrics) CountShadows(leftOut func() int64) {
	m.counts("shadows_left_out_total", "Requests that the shadow router did not decide too: as many as it may were at work.", leftOut)
}

func (m *Metrics) counts(name, help string, n func() int64) {
	m.ours.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(n()) })
}

// ShowStuck serves for how long nothing of what a spool holds has got through to the log.
func (m *Metrics) ShowStuck(stuck func() time.Duration) {
	m.ours.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spool_stuck_seconds",
		Help: "Time since publishing from the spool failed, while there is something to publish: the log is away, or the spool's disk fails.",
	}, func() float64 { return stuck().Seconds() })
}

// Register adds others' metrics to what is served.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) }

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Observe counts one request and its attempts.
func (m *Metrics) Observe(d *sluice.Decision) {
	m.requests.WithLabelValues(d.API, d.Model, string(d.Outcome), strconv.Itoa(d.Status)).Inc()
	m.rules.WithLabelValues(d.Rule).Inc()
	if d.Policy != "" {
		m.policies.WithLabelValues(string(d.Policy), d.RouterVersion).Inc()
		m.router.Observe(float64(d.RouterUS) / 1e6)
	}
	if d.RouterFault != "" {
		m.faults.WithLabelValues(d.RouterFault).Inc()
	}
	if len(d.Fallbacks) > 0 {
		m.fallbacks.Inc()
	}
	m.latency.WithLabelValues(d.API).Observe(seconds(d.LatencyMS))
	if d.FirstTokenMS > 0 {
		m.firstToken.WithLabelValues(d.Model).Observe(seconds(d.FirstTokenMS))
	}
	for _, l := range d.Calls {
		m.calls.WithLabelValues(l.Model, string(l.Outcome)).Inc()
		m.cost.WithLabelValues(l.Model, strconv.FormatBool(l.CostEstimated)).Add(float64(l.Cost))
		m.model.WithLabelValues(l.Model).Observe(seconds(l.LatencyMS))
		m.count(l.Model, l.Usage)
	}
}

func (m *Metrics) count(model string, u sluice.Usage) {
	m.tokens.WithLabelValues(model, "prompt").Add(float64(u.Prompt - u.Cached))
	m.tokens.WithLabelValues(model, "output").Add(float64(u.Output))
	if u.Cached > 0 {
		m.tokens.WithLabelValues(model, "cached").Add(float64(u.Cached))
	}
	if u.Thoughts > 0 {
		m.tokens.WithLabelValues(model, "thoughts").Add(float64(u.Thoughts))
	}
}

func seconds(ms int64) float64 { return (time.Duration(ms) * time.Millisecond).Seconds() }
