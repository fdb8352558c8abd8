package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"sluice/routing/rules"
)

func TestRulesAreReadWithEveryKey(t *testing.T) {
	c, err := Load(file(t, `
routing:
  preset: cost-aware
  threshold: 0.4
  tenants: [{tenant: acme, threshold: 0}]
  long_prompts: refuse
  rules:
    - name: night
      when: {tenants: [acme], time: {zone: Europe/Berlin, weekdays: [mon, fri], from: 22:00, to: "06:00"}}
      then: {tier: medium}
      reason: "cheap at {time}"
    - name: slow
      when: {latency: {model: gemini-2.5-pro, p95_above: 8s}, expr: 'score < 0.9 and "vip" not in tags'}
      then: {model: gemini-2.5-flash}
`), none, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Routing
	if len(r.Rules) != 2 || r.Rules[0].When.Time.From != "22:00" || r.Rules[1].When.Latency.P95Above != 8*time.Second || r.Rules[1].Then.Model != "gemini-2.5-flash" {
		t.Fatalf("got %+v", r.Rules)
	}
	if r.Threshold != 0.4 || r.Tenants[0] != (TenantThreshold{"acme", 0}) || r.LongPrompts != "refuse" || r.Deadline != 250*time.Millisecond {
		t.Fatalf("got %+v", r)
	}
	m, err := rules.New(c.RuleSpec())
	if err != nil || len(m.Rules()) != 3 {
		t.Fatalf("got %v, %v: want both rules and the budget's", m, err)
	}
}

func TestFaultsOfRoutingNameTheirKeyAndLine(t *testing.T) {
	_, err := Load(file(t, `
routing:
  preset: fancy
  threshold: 1.5
  deadline: 0s
  long_prompts: cut
  tenants: [{threshold: 2}, {tenant: a}, {tenant: a}]
  canary: {margin: 5}
  rules:
    - name: one
      when: {policies: [Nope], expr: "wrods > 3"}
      then: {tier: huge}
      reason: "{nonsense}"
    - name: two
      when: {words: 3}
      then: {model: unpriced}
    - name: three
      then: {model: gpt}
models: [{name: gemini-2.5-flash}, {name: gemini-2.5-pro}, {name: unpriced}]
`), none, nil)
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{
		`routing.preset (sluice.yaml:3): is "fancy"; want one of none, cost-aware, keyword-based, hybrid`,
		"routing.threshold (sluice.yaml:4)",
		"routing.deadline (sluice.yaml:5)",
		"routing.long_prompts (sluice.yaml:6)",
		"routing.tenants[0].tenant",
		"routing.tenants[0].threshold (sluice.yaml:7)",
		`routing.tenants[2].tenant (sluice.yaml:7): "a" is listed twice`,
		"routing.canary.margin (sluice.yaml:8)",
		`routing.rules[0].when.policies[0] (sluice.yaml:11): "Nope" is no policy`,
		"routing.rules[0].when.expr (sluice.yaml:11): unknown name wrods",
		`routing.rules[0].then.tier (sluice.yaml:12): is "huge"`,
		"routing.rules[0].reason (sluice.yaml:13): {nonsense is no placeholder",
		"routing.rules[1].when.words (sluice.yaml:15): no such key",
		`routing.rules[1].then.model (sluice.yaml:16): "unpriced" has no price`,
		`routing.rules[2].then.model (sluice.yaml:18): "gpt" is not listed in models`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
}

func TestPrintedRulesLoadBackToTheSameChain(t *testing.T) {
	c := Default()
	c.Routing.Rules = []rules.Rule{
		{Name: "night", When: rules.When{Time: rules.Window{From: "22:00", To: "06:00"}, Keywords: []string{"C#", "yes", "a: b"}, Math: true}, Then: rules.Then{Refuse: "0"}},
		{Name: "odd", When: rules.When{Expr: `score > 0.5 and text contains "\"#"`, BudgetSpent: 0.25}, Then: rules.Then{Model: "gemini-2.5-pro"}, Reason: "{score}: {{x}"},
	}
	want, err := rules.New(c.RuleSpec())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := PrintRules(&b, want.Rules()); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(file(t, b.String()), none, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	got, err := rules.New(loaded.RuleSpec())
	if err != nil || got.Version() != want.Version() {
		t.Fatalf("%v; printed:\n%s", err, b.String())
	}
	if strings.Contains(b.String(), "min_words: 0") || strings.Contains(b.String(), "tags") {
		t.Errorf("keys that say nothing are printed:\n%s", b.String())
	}
}

func TestTheExamplesOfTheDocumentLoad(t *testing.T) {
	text, err := os.ReadFile("../docs/routing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) != 3 {
		t.Fatalf("%d examples, want 3", len(blocks))
	}
	for _, b := range blocks {
		example, _, _ := strings.Cut(b, "```")
		c, err := Load(file(t, example), none, nil)
		if err != nil || len(c.Routing.Rules) == 0 {
			t.Errorf("%v in:\n%s", err, example)
		}
	}
}
