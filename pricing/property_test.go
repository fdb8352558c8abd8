package pricing_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sluice"
	"sluice/pricing"
)

func anyModel(t *rapid.T) string {
	return rapid.SampledFrom(pricing.Builtin().Models()).Draw(t, "model")
}

func anyUsage(t *rapid.T, label string, most int64) sluice.Usage {
	tokens := rapid.Int64Range(0, most)
	u := sluice.Usage{
		Prompt: tokens.Draw(t, label+".prompt"), Output: tokens.Draw(t, label+".output"),
		Thoughts: tokens.Draw(t, label+".thoughts"),
	}
	u.Cached = rapid.Int64Range(0, u.Prompt).Draw(t, label+".cached")
	return u
}

func mustPrice(t *rapid.T, model string, u sluice.Usage) sluice.MicroUSD {
	cost, _, err := pricing.Builtin().Price(model, today, u)
	if err != nil {
		t.Fatal(err)
	}
	return cost
}

func TestMoreTokensNeverCostLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model, u := anyModel(t), anyUsage(t, "u", 1_000_000)
		more := rapid.Int64Range(0, 1_000_000).Draw(t, "more")
		base := mustPrice(t, model, u)
		for name, grown := range map[string]sluice.Usage{
			"prompt":   {Prompt: u.Prompt + more, Cached: u.Cached, Output: u.Output, Thoughts: u.Thoughts},
			"output":   {Prompt: u.Prompt, Cached: u.Cached, Output: u.Output + more, Thoughts: u.Thoughts},
			"thoughts": {Prompt: u.Prompt, Cached: u.Cached, Output: u.Output, Thoughts: u.Thoughts + more},
			"uncached": {Prompt: u.Prompt, Output: u.Output, Thoughts: u.Thoughts},
		} {
			if got := mustPrice(t, model, grown); got < base {
				t.Fatalf("%s: %+v costs %s, %+v costs %s", name, u, base, grown, got)
			}
		}
	})
}

func TestThinkingCostsWhatOutputCosts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model, u := anyModel(t), anyUsage(t, "u", 1_000_000)
		said := sluice.Usage{Prompt: u.Prompt, Cached: u.Cached, Output: u.Output + u.Thoughts}
		if a, b := mustPrice(t, model, u), mustPrice(t, model, said); a != b {
			t.Fatalf("%s thinking, %s saying", a, b)
		}
	})
}

// A call costs what its parts cost, but for the rounding of each: within a tier.
func TestSumOfParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := anyModel(t)
		u := anyUsage(t, "u", 200_000)
		parts := []sluice.Usage{{Prompt: u.Prompt - u.Cached}, {Prompt: u.Cached, Cached: u.Cached}, {Output: u.Output}, {Thoughts: u.Thoughts}}
		var sum sluice.MicroUSD
		for _, p := range parts {
			sum += mustPrice(t, model, p)
		}
		if whole := mustPrice(t, model, u); whole > sum || whole < sum-sluice.MicroUSD(len(parts)-1) {
			t.Fatalf("whole %s, parts %s", whole, sum)
		}
	})
}

// Whatever the counts, the cost is that of unbounded arithmetic rounded up, or an error where no call can cost so much:
// never wrapped.
func TestNeverOverflows(t *testing.T) {
	const most = int64(1) << 62
	rapid.Check(t, func(t *rapid.T) {
		row := pricing.Row{
			Model: "m", Prompt: rapid.Int64Range(0, 1_000_000_000_000).Draw(t, "prompt price"),
			Output: rapid.Int64Range(0, 1_000_000_000_000).Draw(t, "output price"),
		}
		table, err := pricing.New(row)
		if err != nil {
			t.Fatal(err)
		}
		u := anyUsage(t, "u", most)
		want := new(big.Int).Mul(big.NewInt(u.Prompt), big.NewInt(row.Prompt))
		out := new(big.Int).Add(big.NewInt(u.Output), big.NewInt(u.Thoughts))
		want.Add(want, out.Mul(out, big.NewInt(row.Output)))
		want.Add(want, big.NewInt(999_999)).Div(want, big.NewInt(1_000_000))
		cost, _, err := table.Price("m", today, u)
		switch {
		case want.Cmp(big.NewInt(int64(pricing.Most))) <= 0 && (err != nil || int64(cost) != want.Int64()):
			t.Fatalf("Price = %d, %v; want %s", cost, err, want)
		case want.Cmp(big.NewInt(int64(pricing.Most))) > 0 && err == nil:
			t.Fatalf("Price = %d; want an error for %s", cost, want)
		}
	})
}

func TestBoundIsABound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := []pricing.Row{
			{Model: "odd", Prompt: 900_000, Cached: 950_000, Output: 10}, // a dear first tier, dearer cache
			{Model: "odd", AbovePromptTokens: 1_000, Prompt: 1, Output: 700_000},
		}
		table, err := pricing.New(own...)
		if err != nil {
			t.Fatal(err)
		}
		model := rapid.SampledFrom(table.Models()).Draw(t, "model")
		u := anyUsage(t, "u", 400_000)
		slack := rapid.Int64Range(0, 400_000).Draw(t, "slack")
		bound, boundBy, err := table.Bound(model, today, u.Prompt+slack, u.Output+u.Thoughts+slack)
		if err != nil {
			t.Fatal(err)
		}
		cost, pricedBy, err := table.Price(model, today, u)
		if err != nil || cost > bound {
			t.Fatalf("%+v costs %s (%v), above the bound %s", u, cost, err, bound)
		}
		if boundBy != pricedBy {
			t.Fatalf("bound by the prices %q, priced by %q", boundBy, pricedBy)
		}
	})
}
