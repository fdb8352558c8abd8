package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"testing"

	"sluice/routing"
)

// explained is what a reply says of its decision.
type explained struct {
	Sluice struct {
		RouterVersion string `json:"router_version"`
		RouterFault   string `json:"router_fault"`
	} `json:"sluice"`
}

// patient waits for a router for as long as a busy machine keeps it from deciding.
const patient = "routing.deadline=30s"

// Versions are promoted and rolled back while requests flow: none fails, each was decided by one version that
// was active, and what a promotion says holds a moment later.
func TestAPromotedRouterDecidesWithoutARestart(t *testing.T) {
	p := newProgram(t)
	where, stop := p.serve("gateway", "--upstream", "emulator", "--set", "routing.preset=none", "--set", patient)
	first, second := importControl(t, p, 1), importControl(t, p, 2)

	var mu sync.Mutex
	seen := map[string]int{}
	last := ""
	ask := func() {
		status, text := chat(t, where.Gateway, "Which river flows through Baghdad?")
		var d explained
		if err := json.Unmarshal([]byte(text), &d); err != nil || status != http.StatusOK || d.Sluice.RouterFault != "" {
			t.Errorf("status %d: %s", status, text)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[d.Sluice.RouterVersion]++
		last = d.Sluice.RouterVersion
	}
	decides := func(version string) {
		t.Helper()
		eventually(t, version+" decides", func() bool {
			ask()
			mu.Lock()
			defer mu.Unlock()
			return last == version
		})
	}
	quit := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					ask()
				}
			}
		})
	}
	decides(routing.StaticVersion)
	p.must("model", "promote", first)
	decides(first)
	p.must("model", "promote", second)
	decides(second)
	p.must("model", "rollback")
	decides(first)
	close(quit)
	load.Wait()
	for version := range seen {
		if !slices.Contains([]string{routing.StaticVersion, first, second}, version) {
			t.Errorf("%q decided, which was never active", version)
		}
	}
	if status := stop(); status != statusDone {
		t.Errorf("status %d", status)
	}
	// Another gateway begins with the active one: its first request is decided by it.
	where, stop = p.serve("gateway", "--upstream", "emulator", "--set", patient)
	seen = map[string]int{}
	if ask(); seen[first] != 1 {
		t.Errorf("after a restart: %v, want %s", seen, first)
	}
	stop()
}

// importControl registers a router of the seed.
func importControl(t *testing.T, p *program, seed uint64) string {
	t.Helper()
	dir, version := controlArtifact(t, seed)
	p.must("model", "import", dir)
	return version
}
