package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func noEnv(string) string { return "" }

func TestBudgetsAreReadWithTheirDefaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sluice.yaml")
	yaml := "budgets:\n  limits:\n    - {name: all, limit: 12.5}\n    - {name: acme, scope: tenant, match: acme, period: month, limit: 0.000001, action: downgrade, warn_at: 0.5}\n"
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, noEnv, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Budget{Name: "all", Scope: "global", Period: "day", Limit: "12.5", Action: "refuse", WarnAt: 0.8}
	if c.Budgets.Limits[0] != want {
		t.Errorf("%+v", c.Budgets.Limits[0])
	}
	for i, micro := range []int64{12_500_000, 1} {
		if got, err := c.Budgets.Limits[i].MicroUSD(); err != nil || int64(got) != micro {
			t.Errorf("%d: %d, %v", i, got, err)
		}
	}
}

func TestEveryFaultOfABudgetNamesItsKey(t *testing.T) {
	c := Default()
	c.Budgets = Budgets{Unreachable: "hope", Limits: []Budget{
		{Name: "own-x", Scope: "planet", Match: "", Period: "week", Limit: "-1", Action: "sigh", WarnAt: 2},
		{Name: "a", Scope: "global", Match: "x", Period: "day", Limit: "1", Action: "warn", WarnAt: 1},
		{Name: "a", Scope: "key", Match: "*", Period: "hour", Limit: "1.1234567", Action: "warn", WarnAt: 1},
	}}
	c.Keys.Replicas = 0
	var faults FaultsError
	if err := c.Validate(); !errors.As(err, &faults) {
		t.Fatal(err)
	}
	var keys []string
	for _, f := range faults {
		keys = append(keys, f.Key)
	}
	for want := range strings.FieldsSeq(`budgets.unreachable budgets.limits[0].name budgets.limits[0].scope budgets.limits[0].match
		budgets.limits[0].period budgets.limits[0].limit budgets.limits[0].action budgets.limits[0].warn_at
		budgets.limits[1].match budgets.limits[2].name budgets.limits[2].limit keys.replicas`) {
		if !slices.Contains(keys, want) {
			t.Errorf("no fault of %s in %v", want, keys)
		}
	}
}

func TestDollarsAreReadExactly(t *testing.T) {
	for text, want := range map[string]int64{"1": 1_000_000, "$0.25": 250_000, "0.000001": 1, "9007199254.740993": 9_007_199_254_740_993, ".5": 500_000} {
		if got, err := parseDollars(text); err != nil || int64(got) != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "1e3", "-1", "1.0000001", "1 0", "99999999999999999999"} {
		if got, err := parseDollars(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
