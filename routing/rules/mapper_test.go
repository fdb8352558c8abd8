package rules

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/routing/features"
)

// spec is the default pair with rules of the test's own.
func spec(rules ...Rule) Spec {
	return Spec{
		Preset: PresetNone, Rules: rules, Policies: sluice.DefaultPolicies(),
		Medium: "flash", Large: "pro", Models: []string{"flash", "pro", "opus"},
	}
}

func mapper(tb testing.TB, s Spec) *Mapper {
	tb.Helper()
	m, err := New(s)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func large() Then { return Then{Tier: "large"} }

// noon is a Wednesday.
var noon = time.Date(2026, 1, 14, 12, 0, 0, 0, time.UTC)

func asking(text string) Facts {
	return Facts{Policy: sluice.Standard, Router: "static", Text: text, Features: features.Of(text), At: noon}
}

func TestWithoutRulesTheStaticMapDecides(t *testing.T) {
	m := mapper(t, spec())
	for policy, want := range map[sluice.Policy]string{
		sluice.Standard: "flash", sluice.Complex: "pro", sluice.Ambiguous: "flash", "Unheard_Of": "flash",
	} {
		got := m.Map(Facts{Policy: policy})
		if got.Model != want || got.Rule != StaticRule || got.Reason == "" || got.RulesVersion != m.Version() {
			t.Errorf("%s: got %+v, want %s", policy, got, want)
		}
	}
}

func TestAPolicyMapOverrulesTheTiersOfPolicies(t *testing.T) {
	s := spec()
	s.Tiers = map[sluice.Policy]sluice.Tier{sluice.Ambiguous: sluice.Large}
	if got := mapper(t, s).Map(Facts{Policy: sluice.Ambiguous}); got.Model != "pro" || got.Tier != sluice.Large || got.Reason != "Ambiguous_Query goes to the large model" {
		t.Fatalf("got %+v", got)
	}
	s.Tiers["Wrong"] = sluice.Large
	if _, err := New(s); err == nil || !strings.Contains(err.Error(), `policy_map: "Wrong" is no policy`) {
		t.Fatalf("got %v", err)
	}
}

func TestEachConditionHoldsOnItsFactsAndOnNoOthers(t *testing.T) {
	with := func(change func(*Facts)) Facts {
		f := asking("Tell me about rivers.")
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		when    When
		yes, no Facts
		reason  string
	}{
		"policy": {When{Policies: []string{"Complex_Query"}}, with(func(f *Facts) { f.Policy = sluice.Complex }), asking("x"), "the policy is Complex_Query"},
		"tenant": {When{Tenants: []string{"acme"}}, with(func(f *Facts) { f.Tenant = "acme" }), asking("x"), "tenant acme"},
		"key":    {When{Keys: []string{"k1"}}, with(func(f *Facts) { f.KeyID = "k1" }), asking("x"), "key k1"},
		"tags":   {When{Tags: []string{"vip", "gold"}}, with(func(f *Facts) { f.Tags = []string{"a", "gold"} }), asking("x"), "tagged vip or gold"},
		"budget": {
			When{BudgetSpent: 0.8},
			with(func(f *Facts) { f.Budget = Budget{"tenant acme, day", 0.8, 100} }),
			with(func(f *Facts) { f.Budget = Budget{"tenant acme, day", 0.79, 100} }),
			"80% of the budget tenant acme, day is spent, the limit is 80%",
		},
		"min_words": {When{MinWords: 3}, asking("one two three"), asking("one two"), "3 words are at least 3"},
		"max_words": {When{MaxWords: 2}, asking("one two"), asking("one two three"), "2 words are at most 2"},
		"math":      {When{Math: true}, asking("What is 2 + 2?"), asking("What happened on 9/11?"), "the query holds mathematics"},
		"code":      {When{Code: true}, asking("func main() { f() }"), asking("a function"), "the query holds source code"},
		"keywords":  {When{Keywords: []string{"River Flow"}}, asking("RIVER, flow!"), asking("rivers flow"), `the query says "River Flow"`},
		"latency": {
			When{Latency: Latency{Model: "pro", P95Above: 8 * time.Second}},
			with(func(f *Facts) { f.Latency = map[string]time.Duration{"pro": 9 * time.Second} }),
			with(func(f *Facts) {
				f.Latency = map[string]time.Duration{"pro": 8 * time.Second, "flash": 20 * time.Second}
			}),
			"the 95th percentile of pro is 9s, above 8s",
		},
		"latency of the policy's model": {
			When{Latency: Latency{P95Above: time.Second}},
			with(func(f *Facts) { f.Latency = map[string]time.Duration{"flash": 2 * time.Second} }),
			with(func(f *Facts) { f.Latency = map[string]time.Duration{"pro": 2 * time.Second} }),
			"the 95th percentile of flash is 2s, above 1s",
		},
		"time": {When{Time: Window{Weekdays: []string{"wed"}, From: "09:00", To: "17:00"}}, asking("x"), with(func(f *Facts) { f.At = noon.Add(5 * time.Hour) }), "it is Wed 12:00 UTC"},
		"expr": {When{Expr: `words > 3 and tenant == ""`}, asking("Tell me about rivers."), asking("short"), `the expression holds: words > 3 and tenant == ""`},
		"none": {When{}, asking("x"), Facts{}, "the rule holds always"},
		"both": {When{Math: true, MaxWords: 4}, asking("What is 2 + 2?"), asking("What on earth is 2 + 2?"), "4 words are at most 4; the query holds mathematics"},
	} {
		t.Run(name, func(t *testing.T) {
			m := mapper(t, spec(Rule{Name: "tested", When: c.when, Then: large()}))
			if got := m.Map(c.yes); got.Rule != "tested" || got.Model != "pro" || got.Tier != sluice.Large || got.Reason != c.reason {
				t.Errorf("got %+v, want the rule to fire because %q", got, c.reason)
			}
			if got := m.Map(c.no); name != "none" && got.Rule != StaticRule {
				t.Errorf("it fired on %+v: %+v", c.no, got)
			}
		})
	}
}

func TestTheFirstRuleThatHoldsDecides(t *testing.T) {
	m := mapper(t, spec(
		Rule{Name: "never", When: When{Tenants: []string{"nobody"}}, Then: Then{Model: "opus"}},
		Rule{Name: "first", When: When{MinWords: 1}, Then: Then{Tier: "large"}},
		Rule{Name: "second", When: When{MinWords: 1}, Then: Then{Tier: "medium"}},
	))
	if got := m.Map(asking("one")); got.Rule != "first" || got.Model != "pro" {
		t.Fatalf("got %+v", got)
	}
}

func TestARuleMayRefuse(t *testing.T) {
	m := mapper(t, spec(Rule{
		Name: "spent", When: When{BudgetSpent: 1}, Then: Then{Refuse: "the budget {budget} is spent ({left} left)"}, Reason: "{{hard}} cap",
	}))
	f := asking("x")
	f.Budget = Budget{"global, month", 1, 0}
	got := m.Map(f)
	if got.Refusal != "the budget global, month is spent ($0.000000 left)" || got.Model != "" || got.Reason != "{hard}} cap" {
		t.Fatalf("got %+v", got)
	}
}

func TestEveryPlaceholderIsFilled(t *testing.T) {
	var text strings.Builder
	for _, name := range placeholderNames() {
		text.WriteString(name + "={" + name + "} ")
	}
	m := mapper(t, spec(Rule{
		Name: "all", Reason: text.String(), Then: Then{Model: "opus"},
		When: When{Keywords: []string{"rivers"}, Latency: Latency{Model: "pro", P95Above: time.Second}},
	}))
	f := asking("Add 2 + 2 to rivers")
	f.Score, f.Threshold, f.Tenant, f.KeyID = 0.25, 0.5, "acme", "k1"
	f.Budget = Budget{"day", 0.125, 1_500_000}
	f.Latency = map[string]time.Duration{"pro": 2 * time.Second}
	want := "budget=day chars=19 key=k1 keyword=rivers left=$1.500000 math=1 model=opus p95=2s policy=Standard_Query router=static " +
		"score=0.250 slow=pro spent=12.5% tenant=acme threshold=0.500 time=Wed 12:00 UTC words=5 "
	if got := m.Map(f).Reason; got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestARuleThatFailsIsLeftOutAndNamed(t *testing.T) {
	m := mapper(t, spec(
		Rule{Name: "breaks", When: When{Expr: `tags[5] == "x"`}, Then: Then{Model: "opus"}},
		Rule{Name: "holds", When: When{MinWords: 1}, Then: large()},
	))
	for range 3 {
		got := m.Map(asking("one"))
		if got.Rule != "holds" || len(got.Skipped) != 1 || got.Skipped[0].Rule != "breaks" || !strings.Contains(got.Skipped[0].Err.Error(), "out of range") {
			t.Fatalf("got %+v", got)
		}
	}
	if n := m.Failures()["breaks"]; n != 3 {
		t.Fatalf("%d failures counted, want 3", n)
	}
}

func TestAllFaultsAreNamedAtOnceWithTheirKeys(t *testing.T) {
	s := spec(
		Rule{Name: "Bad Name", When: When{Policies: []string{"Nope"}, MinWords: 5, MaxWords: 3, BudgetSpent: 80}, Then: Then{Tier: "huge"}},
		Rule{Name: "static", When: When{Keywords: []string{"ok", "?!"}}, Then: Then{Model: "gpt"}},
		Rule{Name: "twice", Then: Then{}},
		Rule{Name: "twice", Then: Then{Tier: "large", Refuse: "no"}, Reason: "{nonsense}"},
		Rule{Name: "when", When: When{Time: Window{Zone: "Mars/Base", Weekdays: []string{"moonday"}, From: "25:00", To: "late"}}, Then: large()},
		Rule{Name: "slow", When: When{Latency: Latency{Model: "gpt"}}, Then: large()},
		Rule{Name: "odd", When: When{Expr: "words >"}, Then: large(), Reason: "open {brace"},
		Rule{Name: "minus", When: When{MinWords: -1, MaxWords: -2, BudgetSpent: -1}, Then: large()},
	)
	s.Preset = "fancy"
	_, err := New(s)
	var faults FaultsError
	if !errors.As(err, &faults) {
		t.Fatalf("got %v", err)
	}
	var keys []string
	for _, f := range faults {
		keys = append(keys, f.Key)
		if f.Problem == "" || f.Remedy == "" {
			t.Errorf("%s has no problem or remedy: %+v", f.Key, f)
		}
	}
	for _, want := range []string{
		"preset", "rules[0].name", "rules[0].when.policies[0]", "rules[0].when.max_words", "rules[0].when.budget_spent", "rules[0].then.tier",
		"rules[1].name", "rules[1].when.keywords[1]", "rules[1].then.model", "rules[2].then", "rules[3].name", "rules[3].then", "rules[3].reason",
		"rules[4].when.time.zone", "rules[4].when.time.weekdays[0]", "rules[4].when.time.from", "rules[4].when.time.to",
		"rules[5].when.latency.model", "rules[5].when.latency.p95_above", "rules[6].when.expr", "rules[6].reason",
		"rules[7].when.min_words", "rules[7].when.max_words", "rules[7].when.budget_spent",
	} {
		if !slices.Contains(keys, want) {
			t.Errorf("no fault names %s; there are %v", want, keys)
		}
		if !strings.Contains(err.Error(), want+": ") {
			t.Errorf("the error does not print %s", want)
		}
	}
}

func TestVersionIsTheContents(t *testing.T) {
	base := spec(Rule{Name: "a", When: When{MinWords: 3}, Then: large()})
	if a, b := mapper(t, base).Version(), mapper(t, base).Version(); a != b || a == "" {
		t.Fatalf("equal chains have versions %q and %q", a, b)
	}
	empty := spec(Rule{Name: "a", When: When{MinWords: 3, Tags: []string{}, Time: Window{Weekdays: []string{}}}, Then: large()})
	if a, b := mapper(t, base).Version(), mapper(t, empty).Version(); a != b {
		t.Fatalf("empty lists make another version: %q, %q", a, b)
	}
	seen := map[string]string{mapper(t, base).Version(): "base"}
	for name, s := range map[string]Spec{
		"another limit":  spec(Rule{Name: "a", When: When{MinWords: 4}, Then: large()}),
		"another reason": spec(Rule{Name: "a", When: When{MinWords: 3}, Then: large(), Reason: "x"}),
		"no rule":        spec(),
		"another pair":   {Preset: PresetNone, Rules: base.Rules, Policies: base.Policies, Medium: "flash", Large: "opus", Models: base.Models},
		"a policy map":   {Preset: PresetNone, Rules: base.Rules, Policies: base.Policies, Medium: "flash", Large: "pro", Models: base.Models, Tiers: map[sluice.Policy]sluice.Tier{sluice.Ambiguous: sluice.Large}},
		"a preset":       {Preset: PresetHybrid, Rules: base.Rules, Policies: base.Policies, Medium: "flash", Large: "pro", Models: base.Models},
	} {
		v := mapper(t, s).Version()
		if other, taken := seen[v]; taken {
			t.Errorf("%s has the version of %s", name, other)
		}
		seen[v] = name
	}
}

// TestMappingIsTotalAndDeterministic draws chains and facts: there is always one outcome, the same twice, of
// the first rule that holds.
func TestMappingIsTotalAndDeterministic(t *testing.T) {
	words := rapid.SampledFrom([]string{"prove", "river", "2 + 2", "x", "translate", "9/11", "日本", "```go", "budget"})
	rapid.Check(t, func(t *rapid.T) {
		var chain []Rule
		for i := range rapid.IntRange(0, 5).Draw(t, "rules") {
			chain = append(chain, Rule{
				Name: string(rune('a' + i)),
				When: When{
					MinWords: rapid.IntRange(0, 4).Draw(t, "min"), Math: rapid.Bool().Draw(t, "math"),
					Keywords:    rapid.SliceOfN(words, 0, 2).Draw(t, "keywords"),
					BudgetSpent: rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "spent"),
					Expr:        rapid.SampledFrom([]string{"", "score > 0.5", `tags[1] == "x"`, "words % questions == 0"}).Draw(t, "expr"),
				},
				Then: rapid.SampledFrom([]Then{{Tier: "large"}, {Tier: "medium"}, {Model: "opus"}, {Refuse: "no"}}).Draw(t, "then"),
			})
		}
		s := spec(chain...)
		s.Preset = rapid.SampledFrom(Presets()).Draw(t, "preset")
		m, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		f := asking(strings.Join(rapid.SliceOfN(words, 0, 6).Draw(t, "text"), " "))
		f.Policy = rapid.SampledFrom([]sluice.Policy{sluice.Standard, sluice.Complex, sluice.Ambiguous, "Odd"}).Draw(t, "policy")
		f.Score, f.Budget = rapid.Float64Range(0, 1).Draw(t, "score"), Budget{"b", rapid.Float64Range(0, 2).Draw(t, "gone"), 1}
		one, two := m.Map(f), m.Map(f)
		one.Skipped, two.Skipped = nil, nil
		if one.Rule != two.Rule || one.Model != two.Model || one.Reason != two.Reason || one.Refusal != two.Refusal {
			t.Fatalf("two outcomes: %+v, %+v", one, two)
		}
		if (one.Model == "") == (one.Refusal == "") || one.Rule == "" || one.Reason == "" || one.RulesVersion == "" {
			t.Fatalf("no outcome: %+v", one)
		}
		for i := range m.rules { // the first that holds alone is the one
			alone := spec(m.chain[i])
			if got := mapperOf(t, alone).Map(f); got.Rule == m.chain[i].Name {
				if one.Rule != got.Rule {
					t.Fatalf("%s decided, though %s holds before it", one.Rule, got.Rule)
				}
				return
			}
		}
		if one.Rule != StaticRule {
			t.Fatalf("%s decided, though no rule holds", one.Rule)
		}
	})
}

func mapperOf(t *rapid.T, s Spec) *Mapper {
	m, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
