package rules

import (
	"math"
	"slices"
	"testing"
	"time"

	"sluice"
)

func withPreset(preset string, own ...Rule) Spec {
	s := spec(own...)
	s.Preset = preset
	return s
}

func names(m *Mapper) []string {
	var out []string
	for _, r := range m.Rules() {
		out = append(out, r.Name)
	}
	return out
}

func TestPresetsExpandToVisibleRules(t *testing.T) {
	for preset, want := range map[string][]string{
		PresetNone:      nil,
		PresetCostAware: {"budget-spent"},
		PresetKeywords:  {"keywords-large", "keywords-medium"},
		PresetHybrid:    {"budget-spent", "keywords-large", "math", "long"},
	} {
		written := mapper(t, withPreset(preset))
		if got := names(written); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", preset, got, want)
		}
		if byHand := mapper(t, spec(Preset(preset)...)); byHand.Version() != written.Version() {
			t.Errorf("%s: the same rules by hand have another version", preset)
		}
	}
}

func TestOwnRulesComeFirstAndReplaceThoseOfTheirName(t *testing.T) {
	m := mapper(t, withPreset(PresetHybrid,
		Rule{Name: "budget-spent", When: When{BudgetSpent: 0.5}, Then: Then{Tier: "medium"}},
		Rule{Name: "mine", Then: large(), When: When{Tenants: []string{"acme"}}},
	))
	if got, want := names(m), []string{"mine", "budget-spent", "keywords-large", "math", "long"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	f := asking("Prove that it holds")
	f.Budget = Budget{"day", 0.6, 1}
	if got := m.Map(f); got.Rule != "budget-spent" || got.Model != "flash" {
		t.Fatalf("got %+v", got)
	}
}

func TestPresetsDecide(t *testing.T) {
	long := ""
	for range 150 {
		long += "word "
	}
	for _, c := range []struct {
		preset, text string
		spent        float64
		policy       sluice.Policy
		rule, model  string
	}{
		{PresetCostAware, "Why?", 0.8, sluice.Complex, "budget-spent", "flash"},
		{PresetCostAware, "Why?", 0.7, sluice.Complex, StaticRule, "pro"},
		{PresetKeywords, "Explain it step by step", 0.9, sluice.Standard, "keywords-large", "pro"},
		{PresetKeywords, "Translate this", 0, sluice.Complex, "keywords-medium", "flash"},
		{PresetHybrid, "Prove that 2 + 2 = 4", 0.9, sluice.Complex, "budget-spent", "flash"},
		{PresetHybrid, "Prove that 2 + 2 = 4", 0, sluice.Standard, "keywords-large", "pro"},
		{PresetHybrid, "What is 2 + 2?", 0, sluice.Standard, "math", "pro"},
		{PresetHybrid, long, 0, sluice.Standard, "long", "pro"},
		{PresetHybrid, "Who wrote Hamlet?", 0, sluice.Standard, StaticRule, "flash"},
	} {
		f := asking(c.text)
		f.Policy, f.Budget = c.policy, Budget{"day", c.spent, 1}
		if got := mapper(t, withPreset(c.preset)).Map(f); got.Rule != c.rule || got.Model != c.model {
			t.Errorf("%s on %.30q: got %+v, want %s and %s", c.preset, c.text, got, c.rule, c.model)
		}
	}
}

func BenchmarkMap(b *testing.B) {
	custom := Rule{Name: "custom", When: When{Expr: `tenant == "acme" and score > 0.9 and budget.spent < 0.5`}, Then: large()}
	for name, s := range map[string]Spec{"hybrid": withPreset(PresetHybrid), "hybrid and an expression": withPreset(PresetHybrid, custom)} {
		for kind, text := range map[string]string{"static": "Who received the IEEE Frank Rosenblatt Award in 2010, and what for?", "fires": "What is the value of x when 4x - 2 = 10?"} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				m := mapper(b, s)
				f := asking(text)
				f.Budget = Budget{"day", 0.3, 1}
				f.Latency = map[string]time.Duration{"pro": time.Second}
				b.ReportAllocs()
				for b.Loop() {
					m.Map(f)
				}
			})
		}
	}
}

func TestTheDefaultChainHardlyAllocates(t *testing.T) {
	m, f := mapper(t, withPreset(PresetHybrid)), asking("Who wrote Hamlet, and when was it first performed?")
	least := math.Inf(1) // of many: the race detector empties pools by lot
	for range 100 {
		least = min(least, testing.AllocsPerRun(1, func() { m.Map(f) }))
	}
	if least > 1 {
		t.Fatalf("%v allocations", least)
	}
}
