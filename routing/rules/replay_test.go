package rules

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"sluice"
)

// took is a past decision of the static map.
func took(policy sluice.Policy, model string, cost sluice.MicroUSD, text string) sluice.Decision {
	return sluice.Decision{
		Query: sluice.Query{Text: text}, Policy: policy, Model: model, Rule: StaticRule, RulesVersion: "old",
		Cost: cost, Outcome: sluice.OutcomeOK, DecidedAt: noon, ModelMS: 500,
	}
}

func TestReplaySaysWhatWouldChangeInCostAndDistribution(t *testing.T) {
	r := Replay{Mapper: mapper(t, spec(
		Rule{Name: "math", When: When{Math: true}, Then: large()},
		Rule{Name: "abuse", When: When{Keywords: []string{"spam"}}, Then: Then{Refuse: "no"}},
	))}
	for _, d := range []sluice.Decision{
		took(sluice.Standard, "flash", 100, "Who?"),
		took(sluice.Standard, "flash", 200, "What is 2 + 2?"),
		took(sluice.Standard, "flash", 300, "spam"),
		took(sluice.Complex, "pro", 1000, "Why?"),
		took(sluice.Complex, "pro", 3000, "Why is 2 + 2 = 4?"),
		{Rule: ExplicitRule, Model: "opus", Cost: 9999},
		{Rule: ConversationRule, Model: "pro", Policy: sluice.Complex, Cost: 9999},
		{Model: "pro", Cost: 9999},
	} {
		r.Add(d)
	}
	got := r.Change()
	want := Change{
		Decisions: 5, Others: map[string]int{"explicit": 1, "conversation": 1, "unrouted": 1}, Changed: 2,
		Models:     map[string]BeforeAfter{"flash": {3, 1}, "pro": {2, 3}, "": {0, 1}},
		Rules:      map[string]BeforeAfter{"static": {5, 2}, "math": {0, 2}, "abuse": {0, 1}},
		Moves:      []Move{{"flash", "", 1}, {"flash", "pro", 1}},
		CostBefore: 4600, CostAfter: 100 + 2000 + 0 + 1000 + 3000,
		Failures: map[string]int64{},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func TestReplayCountsWhatWouldBeRefusedThoughTheClientNamedTheModel(t *testing.T) {
	r := Replay{Mapper: mapper(t, spec(
		Rule{Name: "abuse", When: When{Keywords: []string{"spam"}}, Then: Then{Refuse: "no"}},
		Rule{Name: "all", Then: large()},
	))}
	for _, rule := range []string{ExplicitRule, ConversationRule, BudgetRule} {
		for _, text := range []string{"spam", "Who?"} {
			d := took(sluice.Standard, "flash", 100, text)
			d.Rule = rule
			r.Add(d)
		}
	}
	got := r.Change()
	if got.Decisions != 2 || got.Changed != 2 || got.Models[""] != (BeforeAfter{0, 2}) || got.CostBefore != 200 || got.CostAfter != 0 ||
		!reflect.DeepEqual(got.Others, map[string]int{"explicit": 1, "conversation": 1, "budget": 2}) {
		t.Errorf("got %+v", got)
	}
}

func TestReplayOfTheSameRulesChangesNothing(t *testing.T) {
	m := mapper(t, withPreset(PresetHybrid))
	r := Replay{Mapper: m}
	for i, text := range []string{"Who?", "What is 2 + 2?", "Prove it: a proof", "Why?"} {
		f := asking(text)
		if i == 3 {
			f.Policy = sluice.Complex
		}
		out := m.Map(f)
		d := took(f.Policy, out.Model, 100, text)
		d.Rule, d.Features = out.Rule, f.Features.Map()
		r.Add(d)
	}
	if got := r.Change(); got.Changed != 0 || got.Decisions != 4 || got.CostAfter != got.CostBefore {
		t.Fatalf("got %+v", got)
	}
}

func TestReplayPricesAModelThatNobodyAskedByItsTable(t *testing.T) {
	priced := func(_ string, at time.Time, u sluice.Usage) (sluice.MicroUSD, error) {
		if u.Prompt == 0 {
			return 0, errors.New("no usage")
		}
		return sluice.MicroUSD(u.Prompt * 7), nil
	}
	r := Replay{Mapper: mapper(t, spec(Rule{Name: "all", Then: Then{Model: "opus"}})), Price: priced}
	d := took(sluice.Standard, "flash", 100, "Who?")
	r.Add(d)
	d.Usage.Prompt = 10
	r.Add(d)
	if got := r.Change(); got.CostAfter != 70 || got.Unpriced != 1 || got.Changed != 2 {
		t.Fatalf("got %+v", got)
	}
}

func TestReplayKnowsTheLatencyOfTheTime(t *testing.T) {
	r := Replay{Mapper: mapper(t, spec(Rule{Name: "slow", When: When{Latency: Latency{P95Above: time.Second}}, Then: Then{Tier: "medium"}}))}
	d := took(sluice.Complex, "pro", 100, "Why?")
	d.ModelMS = 2000
	r.Add(d) // nothing was known yet
	r.Add(d)
	if got := r.Change(); got.Changed != 1 || !reflect.DeepEqual(got.Moves, []Move{{"pro", "flash", 1}}) {
		t.Fatalf("got %+v", got)
	}
}

func TestReplayTakesTheModelThatTheRulesChoseAndNotTheOneThatStoodIn(t *testing.T) {
	r := Replay{Mapper: mapper(t, spec())}
	d := took(sluice.Complex, "flash", 100, "Why?")
	d.Fallbacks = []string{"pro"}
	r.Add(d)
	if got := r.Change(); got.Changed != 0 {
		t.Fatalf("got %+v", got)
	}
}

func TestReplayAssumesABudgetWhereOneIsGiven(t *testing.T) {
	for spent, want := range map[float64]int{0: 0, 0.9: 1} {
		r := Replay{Mapper: mapper(t, withPreset(PresetCostAware)), Spent: spent}
		r.Add(took(sluice.Complex, "pro", 100, "Why?"))
		if got := r.Change(); got.Changed != want {
			t.Errorf("%v spent: %+v", spent, got)
		}
	}
}

func TestRecentLatenciesAreTheLastHundred(t *testing.T) {
	var r recent
	for range 100 {
		r.add(time.Hour)
	}
	var p95 time.Duration
	for i := range 100 {
		p95 = r.add(time.Duration(i+1) * time.Millisecond)
	}
	if fmt.Sprint(p95) != "96ms" {
		t.Fatalf("got %v", p95)
	}
}
