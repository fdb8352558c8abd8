package meter

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/gateway/metrics"
	"sluice/gateway/spool"
)

// panel is as much of a Grafana panel as is checked.
type panel struct {
	ID      int     `json:"id"`
	Type    string  `json:"type"`
	Title   string  `json:"title"`
	Panels  []panel `json:"panels"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

type alerts struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

// labelled finds a metric with its selector, or the labels of an aggregation.
var (
	metric   = regexp.MustCompile(`\bsluice_[a-z0-9_]+`)
	selector = regexp.MustCompile(`(sluice_[a-z0-9_]+)\{([^}]*)\}`)
	grouped  = regexp.MustCompile(`by \(([^)]*)\) \((?:rate\(|increase\()?(sluice_[a-z0-9_]+)`)
)

// checkExpr holds an expression against the metrics that exist and the labels that they have.
func checkExpr(t *testing.T, where, expr string, names []string, labels map[string][]string) {
	t.Helper()
	found := metric.FindAllString(expr, -1)
	if len(found) == 0 {
		t.Errorf("%s: %s names no metric", where, expr)
	}
	for _, name := range found {
		if !slices.Contains(names, name) {
			t.Errorf("%s: there is no metric %s", where, name)
		}
	}
	has := func(name, label string) {
		if label = strings.TrimSpace(label); label != "le" && label != "instance" && !slices.Contains(labels[name], label) {
			t.Errorf("%s: %s has no label %q, but %v", where, name, label, labels[name])
		}
	}
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		for pair := range strings.SplitSeq(m[2], ",") {
			has(m[1], strings.FieldsFunc(pair, func(r rune) bool { return strings.ContainsRune("=!~", r) })[0])
		}
	}
	for _, m := range grouped.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			has(m[2], label)
		}
	}
	if strings.Count(expr, "(") != strings.Count(expr, ")") {
		t.Errorf("%s: brackets do not match: %s", where, expr)
	}
}

// exported is what processes export once everything happened: the monitor's names, the gateway's, and the labels of
// both.
func exported(t *testing.T, m *Meter) (names, gateways []string, labels map[string][]string) {
	t.Helper()
	everything(m)
	g := metrics.New(func() spool.Stats { return spool.Stats{} }, func() int { return 0 })
	g.CountPanics(func() int64 { return 1 })
	g.ShowStuck(func() time.Duration { return 0 })
	text := scrape(t, m.Handler())
	of := scrape(t, g.Handler())
	gateways = regexp.MustCompile(`(?m)^sluice_[a-z_]+`).FindAllString(of, -1)
	labels = map[string][]string{}
	for _, line := range selector.FindAllStringSubmatch(text+of, -1) {
		if labels[line[1]] == nil {
			for _, pair := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(line[2], -1) {
				labels[line[1]] = append(labels[line[1]], pair[1])
			}
		}
	}
	return m.Names(), gateways, labels
}

func TestTheGrafanaDashboardNamesMetricsThatExist(t *testing.T) {
	data, err := os.ReadFile("../dashboards/grafana/sluice.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title, UID string
		Panels     []panel `json:"panels"`
	}
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	names, gateways, labels := exported(t, New())
	ids := map[int]bool{}
	queries := 0
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			queries++
			checkExpr(t, p.Title, target.Expr, slices.Concat(names, gateways), labels)
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
	}
	if queries < 30 {
		t.Errorf("%d queries only", queries)
	}
	for _, name := range names { // what is measured can be seen
		if !strings.Contains(string(data), name) && !strings.HasSuffix(name, "_sum") && !strings.HasSuffix(name, "_count") &&
			!slices.Contains([]string{"sluice_window_decisions", "sluice_router_latency_seconds_bucket", "sluice_router_latency_seconds", "sluice_stage_waiting_requests", "sluice_stream_messages"}, name) {
			t.Errorf("no panel shows %s", name)
		}
	}
}

func TestThePrometheusRulesNameMetricsThatExist(t *testing.T) {
	data, err := os.ReadFile("../dashboards/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var a alerts
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	dec.KnownFields(true)
	if err := dec.Decode(&a); err != nil {
		t.Fatal(err)
	}
	names, gateways, labels := exported(t, New())
	seen := map[string]bool{}
	for _, g := range a.Groups {
		for _, r := range g.Rules {
			checkExpr(t, r.Alert, r.Expr, slices.Concat(names, gateways), labels)
			if seen[r.Alert] || r.Annotations["summary"] == "" || r.Labels["severity"] != "warning" && r.Labels["severity"] != "critical" {
				t.Errorf("%s: %+v", r.Alert, r)
			}
			seen[r.Alert] = true
		}
	}
	if len(seen) < 10 {
		t.Errorf("%d rules only", len(seen))
	}
}
