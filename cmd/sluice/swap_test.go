package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sluice"
	"sluice/routing"
)

// load asks a gateway the same question from four clients at once, until stop is called.
func load(t *testing.T, url string, each func(status int, reply string)) (stop func()) {
	t.Helper()
	var clients sync.WaitGroup
	var over atomic.Bool
	for range 4 {
		clients.Go(func() {
			for !over.Load() {
				each(chat(t, url, "Which river flows through Baghdad?"))
			}
		})
	}
	return func() { over.Store(true); clients.Wait() }
}

// writeRules replaces the configuration file whole, as an editor does.
func writeRules(t *testing.T, path, name string, tier sluice.Tier) {
	t.Helper()
	text := fmt.Sprintf("routing: {preset: none, rules: [{name: %s, when: {}, then: {tier: %s}}]}\n", name, tier)
	err := os.WriteFile(path+".new", []byte(text), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Routers are promoted and rules are rewritten under load, the real way: no request fails, and in what is written
// down every request has the probabilities of the router that it names, and the rule and model of the rules that it
// names.
func TestRouterAndRulesAreSwappedUnderLoadWithoutAFailureOrAMixture(t *testing.T) {
	p := newProgram(t)
	path := filepath.Join(p.dir, "sluice.yaml")
	writeRules(t, path, "first", sluice.Large)
	where, stop := p.serve("--config", path, "gateway", "--upstream", "emulator", "--set", "gateway.log_decisions=false", "--set", patient)
	versions := []string{importControl(t, p, 1), importControl(t, p, 2)}
	var lastRouter, lastRule atomic.Value
	lastRouter.Store("")
	lastRule.Store("")
	end := load(t, where.Gateway, func(status int, reply string) {
		if status != http.StatusOK {
			t.Errorf("status %d: %s", status, reply)
		}
		lastRouter.Store(between(reply, `"router_version":"`))
		lastRule.Store(between(reply, `"rule":"`))
	})
	for i, rule := range []string{"second", "third"} {
		writeRules(t, path, rule, []sluice.Tier{sluice.Medium, sluice.Large}[i])
		for ; lastRule.Load() != rule; i++ {
			version := versions[i%2]
			p.must("model", "promote", version)
			eventually(t, version+" decides", func() bool { return lastRouter.Load() == version })
		}
	}
	end()
	stop()
	where, _ = p.serve("gateway", "--upstream", "emulator")
	unmixed(t, decisionsIn(t, where.NATS), versions)
}

// between is what stands between a mark and the next quotation mark.
func between(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func unmixed(t *testing.T, decisions []sluice.Decision, versions []string) {
	t.Helper()
	routers, chains := map[string]string{}, map[string]string{}
	for i := range decisions {
		d := &decisions[i]
		same(t, d, "router "+d.RouterVersion, routers, fmt.Sprint(d.Probabilities, d.Threshold, d.Policy))
		same(t, d, "rules "+d.RulesVersion, chains, d.Rule+" "+d.Model)
		if d.Outcome != "ok" || d.RouterFault != "" {
			t.Errorf("decision %s: outcome %q, router's fault %q", d.ID, d.Outcome, d.RouterFault)
		}
		if d.RouterVersion != routing.StaticVersion && !slices.Contains(versions, d.RouterVersion) {
			t.Errorf("decision %s: by %s, which was never active", d.ID, d.RouterVersion)
		}
	}
	if len(routers) != 3 || len(chains) != 3 {
		t.Errorf("%d decisions by the routers %v and the rules %v: want three of each", len(decisions), routers, chains)
	}
}

// same holds what a decision says against what others of the same version said.
func same(t *testing.T, d *sluice.Decision, version string, seen map[string]string, says string) {
	t.Helper()
	if was, ok := seen[version]; ok && was != says {
		t.Errorf("decision %s of %s says %s, another one %s", d.ID, version, says, was)
	}
	seen[version] = says
}
