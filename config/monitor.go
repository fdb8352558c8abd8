package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Monitor says how the online ring is watched.
type Monitor struct {
	MetricsListen string        `key:"metrics_listen" env:"SLUICE_METRICS_LISTEN" doc:"Address of the monitor's Prometheus endpoint, /metrics. Port 0 takes a free one; empty serves none."`
	Log           string        `key:"log" doc:"One structured line a decision: off, redacted (without the answer) or full."`
	Retention     time.Duration `key:"retention" doc:"How long decisions and feedback stay in the tables; a day's decisions are dropped at once. 0 keeps them for ever."`
	Every         time.Duration `key:"every" doc:"How often windows are brought up to date and held against the rules."`
	QualitySpan   time.Duration `key:"quality_span" doc:"How far back accuracy and calibration look."`
	DriftSpan     time.Duration `key:"drift_span" doc:"How far back traffic is compared with the training set."`
	Rules         []AlertRule   `key:"rules" doc:"What raises an alert, on alerts.raised.<rule>.<id> and to the webhooks. A rule is cleared at nine tenths of its limit."`
	Webhooks      []Webhook     `key:"webhooks" doc:"Where alerts are posted to, as JSON."`
	Sample        Sampling      `key:"sample" doc:"Which online queries are labelled by the offline ring: the router learns from them, and its accuracy is measured on them."`
}

// AlertRule is one rule.
type AlertRule struct {
	Name     string        `key:"name" doc:"error_rate, router_faults (shares), latency_p99 (seconds), budget_burn (1 spends a budget in exactly its period), drift (population stability index), calibration (expected error of P(Complex))."`
	Limit    float64       `key:"limit" doc:"What exceeds it raises the alert."`
	Window   time.Duration `key:"window" doc:"The stretch of time that error_rate, router_faults and latency_p99 are of, up to a day."`
	Least    int           `key:"least" doc:"Decisions that there must be before the value counts."`
	Severity string        `key:"severity" doc:"warning or critical."`
}

// Webhook is one receiver of alerts.
type Webhook struct {
	URL       string `key:"url" doc:"Where to. A URL that is a secret itself goes into url_env."`
	URLEnv    string `key:"url_env" doc:"Name of the environment variable that holds the URL, in place of url."`
	SecretEnv string `key:"secret_env" doc:"Name of the environment variable with the secret that signs requests (header Sluice-Signature). Empty: no signature."`
}

// Sampling bounds what of the online traffic is labelled.
type Sampling struct {
	Share     float64       `key:"share" doc:"Share of the routed queries that are labelled, 0 to 1. Labels cost money: 0, the default, labels none."`
	Even      float64       `key:"even" doc:"The part of them that is drawn by lot, on which accuracy and calibration are measured; the rest goes to queries that the router was least sure of."`
	Lookback  time.Duration `key:"lookback" doc:"How far back queries are chosen from."`
	Every     time.Duration `key:"every" doc:"How often queries are chosen: the least sure ones of such a stretch."`
	PerDay    int           `key:"per_day" doc:"Queries a day (UTC), at most."`
	USDPerDay float64       `key:"usd_per_day" doc:"Dollars a day that labelling may be expected to cost, at most."`
	USDEach   float64       `key:"usd_each" doc:"What labelling one query is expected to cost while the ledger can't tell yet."`
	OptedOut  []string      `key:"opted_out" doc:"Tenants whose queries are never labelled."`
}

func defaultMonitor() Monitor {
	return Monitor{
		MetricsListen: "127.0.0.1:0", Log: "redacted", Retention: 90 * 24 * time.Hour, Every: 2 * time.Second,
		QualitySpan: 7 * 24 * time.Hour, DriftSpan: 24 * time.Hour,
		Rules: []AlertRule{
			{Name: "error_rate", Limit: 0.05, Window: 5 * time.Minute, Least: 50, Severity: "critical"},
			{Name: "latency_p99", Limit: 60, Window: 5 * time.Minute, Least: 50, Severity: "warning"},
			{Name: "router_faults", Limit: 0.05, Window: 5 * time.Minute, Least: 50, Severity: "warning"},
			{Name: "budget_burn", Limit: 2, Least: 1, Severity: "warning"},
			{Name: "drift", Limit: 0.25, Least: 500, Severity: "warning"},
			{Name: "calibration", Limit: 0.15, Least: 100, Severity: "warning"},
		},
		Sample:   Sampling{Even: 0.5, Lookback: time.Hour, Every: time.Minute, PerDay: 500, USDPerDay: 5, USDEach: 0.01, OptedOut: []string{}},
		Webhooks: []Webhook{},
	}
}

// windowedRules are those whose value is of a window.
var windowedRules = map[string]bool{
	"error_rate": true, "latency_p99": true, "router_faults": true,
	"budget_burn": false, "drift": false, "calibration": false,
}

func (c *Config) checkMonitor(k checker) {
	m := c.Monitor
	k.address("monitor.metrics_listen", m.MetricsListen)
	k.oneOf("monitor.log", m.Log, "off", "redacted", "full")
	k.want(m.Retention == 0 || m.Retention >= 48*time.Hour, "monitor.retention", "is below two days", "0 keeps decisions for ever")
	k.want(m.Every >= 100*time.Millisecond, "monitor.every", "is below 100ms", "2s is the default")
	k.want(m.QualitySpan > 0, "monitor.quality_span", "is not above 0", "7d is the default")
	k.want(m.DriftSpan > 0, "monitor.drift_span", "is not above 0", "1d is the default")
	for i, r := range m.Rules {
		key := func(s string) string { return fmt.Sprintf("monitor.rules[%d].%s", i, s) }
		windowed, known := windowedRules[r.Name]
		k.want(known, key("name"), fmt.Sprintf("is %q", r.Name), "want error_rate, router_faults, latency_p99, budget_burn, drift or calibration")
		k.want(r.Limit > 0, key("limit"), "is not above 0", "leave the rule out to watch nothing")
		k.want(!windowed || r.Window >= 10*time.Second && r.Window <= 24*time.Hour, key("window"), "is not between 10s and 1d", "5m is the default")
		k.want(r.Least >= 0, key("least"), "is negative", "0 means any")
		k.oneOf(key("severity"), r.Severity, "warning", "critical")
	}
	c.checkWebhooks(k)
	c.checkSampling(k)
}

func (c *Config) checkWebhooks(k checker) {
	for i, h := range c.Monitor.Webhooks {
		key := func(s string) string { return fmt.Sprintf("monitor.webhooks[%d].%s", i, s) }
		k.want((h.URL == "") != (h.URLEnv == ""), key("url"), "and url_env: want one of them", "a URL that is a secret goes into an environment variable")
		// The values are not shown: whoever fills in the wrong thing here fills in a secret.
		k.want(h.URLEnv == "" || envName.MatchString(h.URLEnv), key("url_env"), "is not the name of an environment variable", "put the URL into a variable, and that name here")
		k.want(h.SecretEnv == "" || envName.MatchString(h.SecretEnv), key("secret_env"), "is not the name of an environment variable", "put the secret into a variable, and that name here")
		at := c.WebhookURL(h)
		k.want(at == "" || isHTTP(at), key("url"), "is no http or https URL", "want https://host/path")
	}
}

// UnsetWebhooks names the variables of webhooks that are not set: a fault for whoever posts, and for nobody else.
func (c *Config) UnsetWebhooks() error {
	var faults []error
	for i, h := range c.Monitor.Webhooks {
		if h.URLEnv != "" && !c.Secrets.Key(h.URLEnv).Set() {
			faults = append(faults, fmt.Errorf("monitor.webhooks[%d].url_env: the variable %s is not set", i, h.URLEnv))
		}
		if h.SecretEnv != "" && !c.Secrets.Key(h.SecretEnv).Set() {
			faults = append(faults, fmt.Errorf("monitor.webhooks[%d].secret_env: the variable %s is not set; set it, or leave the key out to send unsigned requests", i, h.SecretEnv))
		}
	}
	return errors.Join(faults...)
}

func isHTTP(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.ContainsAny(s, " \t\n")
}

// WebhookURL is where a webhook is; empty where its variable is not set.
func (c *Config) WebhookURL(h Webhook) string {
	if h.URLEnv != "" {
		return c.Secrets.Key(h.URLEnv).Reveal()
	}
	return h.URL
}

func (c *Config) checkSampling(k checker) {
	s := c.Monitor.Sample
	k.want(s.Share >= 0 && s.Share <= 1, "monitor.sample.share", "is not between 0 and 1", "0.01 is every hundredth query")
	k.want(s.Even >= 0 && s.Even <= 1, "monitor.sample.even", "is not between 0 and 1", "0.5 is the default")
	k.want(s.Lookback >= time.Minute && s.Lookback <= 24*time.Hour, "monitor.sample.lookback", "is not between 1m and 1d", "1h is the default")
	k.want(s.Every >= time.Second, "monitor.sample.every", "is below 1s", "1m is the default")
	k.want(s.PerDay >= 0, "monitor.sample.per_day", "is negative", "0 labels none")
	k.want(s.USDPerDay >= 0, "monitor.sample.usd_per_day", "is negative", "0 labels none")
	k.want(s.USDEach > 0, "monitor.sample.usd_each", "is not above 0", "0.01 is the default")
}
