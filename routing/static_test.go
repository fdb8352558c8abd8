package routing_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
	"sluice/routing"
)

func TestTheEmbeddedMapSendsEveryDefaultPolicySomewhere(t *testing.T) {
	m := routing.DefaultMap()
	for _, s := range sluice.DefaultPolicies() {
		if m.Policies[s.Name] != s.Tier {
			t.Errorf("%s goes to %q, its specification says %s", s.Name, m.Policies[s.Name], s.Tier)
		}
	}
}

func TestTheStaticMapDecidesAlike(t *testing.T) {
	m := routing.DefaultMap()
	c, err := m.Route(t.Context(), routing.Request{Text: "anything"})
	sum := 0.0
	for _, p := range c.Probabilities {
		sum += p
	}
	if err != nil || c.Policy != sluice.Standard || c.Version != "static" || m.Version() != "static" || math.Abs(sum-1) > 1e-12 {
		t.Errorf("%+v, %v", c, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Route(gone, routing.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestAPolicyMapIsChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy_map.json")
	for text, fault := range map[string]string{
		`{"default":"A","policies":{"A":"medium","B":"large"}}`: "",
		`{"default":"C","policies":{"A":"medium"}}`:             `"C"`,
		`{"default":"A","policies":{"A":"huge"}}`:               `"huge"`,
		`{"default":"A","policies":{"A":"medium"},"x":1}`:       `"x"`,
		`{`: "unexpected EOF",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := routing.LoadMap(path)
		if fault == "" {
			if err != nil || m.Policies["B"] != sluice.Large {
				t.Errorf("%s: %+v, %v", text, m, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), fault) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %s and the path", text, err, fault)
		}
	}
	if _, err := routing.LoadMap(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file was read")
	}
	if m, err := routing.LoadMap(""); err != nil || m.Default != sluice.Standard {
		t.Errorf("no path: %+v, %v", m, err)
	}
}
