package main

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/config"
	"sluice/internal/natstest"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/streams"
)

// file writes a file into the program's directory.
func (p *program) file(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func TestRulesShowWritesThePresetOutAndLoadsBack(t *testing.T) {
	p := newProgram(t)
	hybrid := []string{"rules", "show", "--set", "routing.preset=hybrid"}
	out := p.must(hybrid...)
	for _, want := range []string{"Complex_Query: gemini-2.5-pro", "preset: none", "- name: budget-spent", "- name: math", "min_words: 150"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	var shown struct{ Version string }
	if err := json.Unmarshal([]byte(p.must(append(hybrid, "--json")...)), &shown); err != nil {
		t.Fatal(err)
	}
	if again := p.must("--config", p.file("sluice.yaml", out), "rules", "show"); again != out || !strings.Contains(out, "# Rules "+shown.Version) {
		t.Errorf("what was shown of %s loads back as:\n%s", shown.Version, again)
	}
}

func TestRulesTestTriesEveryLine(t *testing.T) {
	p := newProgram(t)
	queries := p.file("queries.jsonl", `{"query": "Who wrote Hamlet?"}
{"query": "Who wrote Hamlet, and why?", "policy": "Complex_Query", "score": 0.8}

What is 12 * 7?
{"query": "Give me a rigorous proof", "tenant": "acme", "tags": ["vip"]}
`)
	out := p.must("rules", "test", "--set", "routing.preset=hybrid", queries)
	for _, want := range []string{"Who wrote Hamlet?", "keywords-large", "math", `the query says "proof"`, "4 queries, 0 refused, 0 failures of rules", "25.0%"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	lines := strings.Split(strings.TrimSpace(p.must("rules", "test", "--json", "--spent", "0.9", queries)), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines, want one a query and the summary:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	var one tried
	var sum trySummary
	if err := errors.Join(json.Unmarshal([]byte(lines[1]), &one), json.Unmarshal([]byte(lines[4]), &sum)); err != nil {
		t.Fatal(err)
	}
	if one.Line != 2 || one.Policy != sluice.Complex || one.Rule != "budget-spent" || one.Model != "gemini-2.5-flash" || one.Features["words"] != 5 {
		t.Errorf("got %+v", one)
	}
	if sum.Queries != 4 || sum.Rules["budget-spent"] != 4 || sum.Models["gemini-2.5-flash"] != 4 || sum.RulesVersion == "" {
		t.Errorf("got %+v", sum)
	}
}

func TestRulesTestOfAnEmptyFileFails(t *testing.T) {
	p := newProgram(t)
	file := filepath.Join(t.TempDir(), "empty.txt")
	if err := os.WriteFile(file, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, status := p.run("rules", "test", file); status != statusFailed || !strings.Contains(errs, "empty.txt: holds no query") || out != "" {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestRulesTestAssumesWhatItIsTold(t *testing.T) {
	p := newProgram(t)
	cfg := p.file("sluice.yaml", `
routing:
  preset: none
  rules:
    - {name: slow, when: {latency: {p95_above: 8s}}, then: {model: gemini-2.5-flash}}
    - {name: night, when: {tenants: [acme], time: {from: "22:00", to: "06:00"}}, then: {refuse: "closed for {tenant}"}}
    - {name: breaks, when: {expr: 'tags[3] == "x"'}, then: {tier: large}}
`)
	queries := p.file("queries.txt", "Why?\n")
	for want, args := range map[string][]string{
		"refused":                           {"--tenant", "acme", "--at", "2026-01-14T23:00:00Z"},
		"breaks failed: expression: index":  {"--tenant", "acme", "--at", "2026-01-14T12:00:00Z"},
		"of gemini-2.5-pro is 9s, above 8s": {"--policy", "Complex_Query", "--p95", "gemini-2.5-pro=9s"},
	} {
		if out := p.must(append([]string{"--config", cfg, "rules", "test", queries}, args...)...); !strings.Contains(out, want) {
			t.Errorf("%v: %q is not in:\n%s", args, want, out)
		}
	}
	if _, errs, status := p.run("rules", "test", queries, "--policy", "Nope"); status != statusUsage {
		t.Errorf("a policy that there is not: status %d\n%s", status, errs)
	}
	for text, want := range map[string]string{`{"query": ""}`: "line 1: has no query", "\n{nonsense": "line 2", `{"query": "x", "policy": "Nope"}`: `"Nope" is not configured`} {
		if _, errs, status := p.run("rules", "test", p.file("bad", text)); status != statusFailed || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d\n%s", text, status, errs)
		}
	}
}

func TestRulesReplayReadsPastDecisionsFromTheLog(t *testing.T) {
	p := newProgram(t)
	server := natstest.Start(t)
	p.env["NATS_URL"] = server.URL()
	p.must("streams", "apply")
	js := natstest.Upstream(t, server.URL())
	publisher, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range []sluice.Decision{
		{Query: sluice.Query{Text: "What is 2 + 2?"}, Policy: sluice.Standard, Model: "gemini-2.5-flash", Cost: 100},
		{Query: sluice.Query{Text: "Who?"}, Policy: sluice.Standard, Model: "gemini-2.5-flash", Cost: 200},
		{Query: sluice.Query{Text: "Why?"}, Policy: sluice.Complex, Model: "gemini-2.5-pro", Cost: 5000},
	} {
		d.ID, d.Rule, d.Outcome, d.DecidedAt = sluice.HashID("d", string(rune('a'+i))), rules.StaticRule, sluice.OutcomeOK, time.Now()
		fact, err := streams.TakenFact(d)
		if err == nil {
			_, err = publisher.Publish(t.Context(), []streams.Message{fact})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := publisher.Close(); err != nil {
		t.Fatal(err)
	}
	with := p.file("new.yaml", "routing: {preset: hybrid}\n")
	out := p.must("rules", "replay", "--since", "24h", "--with", with)
	for _, want := range []string{"3 decisions, 1 would change (33.3%)", "cost $0.005300, would be about $0.010200 (+92.5%)", "gemini-2.5-flash", "math"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	var change rules.Change
	if err := json.Unmarshal([]byte(p.must("rules", "replay", "--since", "24h", "--with", with, "--json", "--spent", "0.9")), &change); err != nil {
		t.Fatal(err)
	}
	if change.Changed != 1 || change.CostAfter != 450 {
		t.Errorf("got %+v", change)
	}
	if out := p.must("rules", "replay", "--since", "2020-01-01", "--until", "2020-01-02", "--with", with); out != "no decision was stored in that time\n" {
		t.Errorf("of an empty window: %s", out)
	}
	if _, errs, status := p.run("rules", "replay", "--since", "24h", "--with", p.file("bad.yaml", "routing: {preset: fancy}\n")); status != statusUsage || !strings.Contains(errs, "bad.yaml:1") {
		t.Errorf("status %d\n%s", status, errs)
	}
}

func TestAPolicyMapIsTheStaticFallback(t *testing.T) {
	p := newProgram(t)
	path := p.file("policy_map.json", `{"default": "Ambiguous_Query", "policies": {"Ambiguous_Query": "large", "Standard_Query": "medium"}}`)
	out := p.must("rules", "test", "--set", "routing.policy_map="+path, "--set", "routing.preset=none", p.file("q", "Who?\n"))
	if !strings.Contains(out, "Ambiguous_Query goes to the large model") {
		t.Error(out)
	}
	_, errs, status := p.run("rules", "show", "--set", "routing.policy_map="+p.file("bad.json", "{}"))
	if status != statusFailed || !strings.Contains(errs, "routing.policy_map: ") {
		t.Errorf("status %d\n%s", status, errs)
	}
}

func TestDefaultsOfTheFrontAreThoseOfTheConfiguration(t *testing.T) {
	f, err := newFront(config.Default(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	f.Swap(front.Set{})
	if d := f.Decide(t.Context(), front.Request{Text: "Who?"}); d.Choice.Policy != sluice.Standard || d.Fault != "" {
		t.Fatalf("got %+v", d)
	}
}

func TestRulesOfAChangedFileAreInForceAndBrokenOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		path := p.file("sluice.yaml", "routing: {preset: none}\n")
		m, _, errs := p.command("--config", path, "rules", "show")
		if err := m.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		begun, err := newMapper(m.config)
		if err != nil {
			t.Fatal(err)
		}
		var inForce atomic.Pointer[rules.Mapper]
		told := make(chan error, 10)
		done := make(chan struct{})
		go func() { // ends with the test
			defer close(done)
			m.watchRules(t.Context(), m.config, begun.Version(), inForce.Store, func(_ string, err error) { told <- err })
		}()
		t.Cleanup(func() { <-done })
		p.file("sluice.yaml", "routing: {preset: hybrid}\n")
		if err := <-told; err != nil || len(inForce.Load().Rules()) != 4 {
			t.Fatalf("told %v", err)
		}
		p.file("sluice.yaml", "routing: {preset: fancy}\n")
		if err := <-told; err == nil || len(inForce.Load().Rules()) != 4 || !strings.Contains(errs.String(), "the old ones serve on") {
			t.Fatalf("told %v; logged %s", err, errs)
		}
	})
}

// Heuristics over a trained router were measured and cost more than they bring: see docs/results. By default the
// router's policy decides, and only a budget overrules it.
func TestByDefaultTheRouterDecidesAndRulesGuardTheBudgetAlone(t *testing.T) {
	p := newProgram(t)
	queries := p.file("queries.jsonl", `{"query": "Prove step by step that 12 * 7 = 84.", "policy": "Standard_Query"}
{"query": "Who wrote Hamlet?", "policy": "Complex_Query"}
`)
	for spent, want := range map[string]map[string]int{
		"0.5": {"gemini-2.5-flash": 1, "gemini-2.5-pro": 1},
		"0.9": {"gemini-2.5-flash": 2},
	} {
		lines := strings.Split(strings.TrimSpace(p.must("rules", "test", "--json", "--spent", spent, queries)), "\n")
		var sum trySummary
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil || !maps.Equal(sum.Models, want) {
			t.Errorf("%s spent: %v, want %v; %v", spent, sum.Models, want, err)
		}
	}
}
