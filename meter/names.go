package meter

import "github.com/prometheus/client_golang/prometheus"

// routerBuckets are in seconds: from a router of rules (microseconds) to a large one on a CPU.
var routerBuckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// modelBuckets are in seconds: from a cached token to a long thought.
var modelBuckets = []float64{.05, .1, .25, .5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300}

func (m *Meter) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.register(name, c)
	return c
}

func (m *Meter) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.register(name, g)
	return g
}

func (m *Meter) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.register(name, h)
	m.names = append(m.names, name+"_bucket", name+"_sum", name+"_count")
	return h
}

func (m *Meter) register(name string, c prometheus.Collector) {
	m.registry.MustRegister(c)
	m.names = append(m.names, name)
}

// counters are of what this process recorded first.
type counters struct {
	decisions, cost, tokens, fallbacks, faults, rules, shadows, feedback, alerts, training, samples *prometheus.CounterVec

	router, model, total, firstToken *prometheus.HistogramVec
}

func (m *Meter) addCounters() {
	c := &m.counters
	c.decisions = m.counter("sluice_decisions_total", "Requests that gateways routed.", "policy", "model", "outcome")
	c.cost = m.counter("sluice_cost_microusd_total", "What they cost, in millionths of a US dollar, all attempts together.", "model")
	c.tokens = m.counter("sluice_tokens_total", "Tokens that they used.", "model", "kind")
	c.fallbacks = m.counter("sluice_fallbacks_total", "Requests that this model failed, so that another one was asked.", "model")
	c.faults = m.counter("sluice_router_faults_total", "Requests that the static map decided, since the router could not.", "fault")
	c.rules = m.counter("sluice_rules_fired_total", "Requests whose model this rule chose.", "rule")
	c.shadows = m.counter("sluice_shadow_decisions_total", "What a candidate router would have decided: agrees, differs, or a fault.", "verdict")
	c.feedback = m.counter("sluice_feedback_total", "Words on answers: good, bad, or none of both.", "source", "verdict")
	c.alerts = m.counter("sluice_alerts_total", "Alerts that were raised or cleared.", "rule", "state")
	c.training = m.counter("sluice_training_events_total", "What trainings told, by kind; a repeated delivery counts again.", "kind")
	c.samples = m.counter("sluice_samples_total", "Online queries that were sent to the offline ring for a label.", "chosen_by")
	c.router = m.histogram("sluice_router_latency_seconds", "What the router took.", routerBuckets)
	c.model = m.histogram("sluice_model_latency_seconds", "What the models took.", modelBuckets, "model")
	c.total = m.histogram("sluice_request_latency_seconds", "What whole requests took.", modelBuckets, "model")
	c.firstToken = m.histogram("sluice_first_token_seconds", "Time to the first token of streamed answers.", modelBuckets, "model")
}

// gauges are of what every monitor sees.
type gauges struct {
	decisions, policies, models, versions, latency, errors, fallbacks, faults, cost *prometheus.GaugeVec

	accuracy, spoken, calibration, judged, drift, budgetCap, budgetSpent, budgetBurn, open *prometheus.GaugeVec

	labelled, labelSpend, looked *prometheus.GaugeVec
}

func (m *Meter) addGauges() {
	g := &m.gauges
	g.decisions = m.gauge("sluice_window_decisions", "Requests in the window.", "window")
	g.policies = m.gauge("sluice_window_policy_share", "Share of the routed requests of the window, 0 to 1.", "window", "policy")
	g.models = m.gauge("sluice_window_model_share", "Share of the requests of the window, 0 to 1.", "window", "model")
	g.versions = m.gauge("sluice_window_router_version_share", "Share of the routed requests of the window, 0 to 1.", "window", "version")
	g.latency = m.gauge("sluice_window_latency_seconds", "Percentile of the window, within 4.9%; what is router, model or total.", "window", "what", "quantile")
	g.errors = m.gauge("sluice_window_error_share", "Share of the window's requests that failed; those that clients gave up are none.", "window")
	g.fallbacks = m.gauge("sluice_window_fallback_share", "Share of the window's requests that more than one model was asked for.", "window")
	g.faults = m.gauge("sluice_window_router_fault_share", "Share of the window's routed requests that the static map decided.", "window")
	g.cost = m.gauge("sluice_window_cost_microusd", "What the window's requests cost, in millionths of a US dollar.", "window")
	g.accuracy = m.gauge("sluice_accuracy_ratio", "Mean goodness of answers, 0 to 1, by who says so; policy all is every one.", "source", "policy")
	g.spoken = m.gauge("sluice_accuracy_decisions", "Decisions that the mean is made of.", "source", "policy")
	g.calibration = m.gauge("sluice_calibration_error", "Expected calibration error of P(Complex) against labels of evenly sampled decisions.")
	g.judged = m.gauge("sluice_calibration_decisions", "Decisions that it is made of.")
	g.drift = m.gauge("sluice_drift_psi", "Population stability index of traffic against the training set.", "feature")
	g.budgetCap = m.gauge("sluice_budget_cap_microusd", "What may be spent in a period.", "budget", "period")
	g.budgetSpent = m.gauge("sluice_budget_spent_microusd", "What the running period has cost.", "budget", "period")
	g.budgetBurn = m.gauge("sluice_budget_burn_rate", "How much faster than evenly the money goes: 1 lasts exactly one period.", "budget", "period")
	g.open = m.gauge("sluice_alert_open", "1 for what is out of its bounds.", "rule", "subject")
	g.labelled = m.gauge("sluice_labelling_queries", "Online queries chosen for labels today (UTC).")
	g.labelSpend = m.gauge("sluice_labelling_microusd", "What labelling them is expected to cost.")
	g.looked = m.gauge("sluice_monitor_looked_timestamp_seconds", "When the windows were last brought up to date (Unix time).")
}

// ring is what the log knows of the stages.
type ring struct {
	lag, inHand, redelivered, rate, copies, dead, messages, bytes *prometheus.GaugeVec
}

func (m *Meter) addRing() {
	r := &m.ring
	r.lag = m.gauge("sluice_stage_lag_messages", "Messages that a stage was not handed yet.", "stage")
	r.inHand = m.gauge("sluice_stage_in_hand_messages", "Messages that a stage is working on.", "stage")
	r.redelivered = m.gauge("sluice_stage_redelivered_messages", "Messages in hand that were handed out before.", "stage")
	r.rate = m.gauge("sluice_stage_messages_per_second", "Messages that a stage settled, a second.", "stage")
	r.copies = m.gauge("sluice_stage_waiting_requests", "Requests for messages that wait: 0 with a lag means that no copy runs.", "stage")
	r.dead = m.gauge("sluice_dead_letters", "Dead letters in the log.", "stage", "reason")
	r.messages = m.gauge("sluice_stream_messages", "Messages of a stream.", "stream")
	r.bytes = m.gauge("sluice_stream_bytes", "Bytes of a stream.", "stream")
}
