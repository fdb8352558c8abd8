package evaluation_test

import (
	"math"
	"strings"
	"testing"

	"sluice"
	"sluice/evaluation"
)

// wordRule sends texts with a word to a tier, and the rest where the router wants.
type wordRule struct {
	word string
	tier sluice.Tier
	// budget, where above 0, is the share spent from which on everything goes to the medium model.
	budget float64
}

func (wordRule) Name() string { return "word" }

func (r wordRule) Choose(f evaluation.RuleFacts) (sluice.Tier, string, error) {
	switch {
	case r.budget > 0 && f.Spent >= r.budget:
		return sluice.Medium, "budget", nil
	case r.word != "" && strings.Contains(f.Text, r.word):
		return r.tier, "word", nil
	case f.Complex:
		return sluice.Large, "static", nil
	}
	return sluice.Medium, "static", nil
}

// eight are four queries that only the large model answers and four that both do. The router ranks by place.
func eight() ([]evaluation.Sample, evaluation.Scored) {
	var samples []evaluation.Sample
	scored := evaluation.Scored{Name: "router"}
	for i, kind := range []string{"hard", "hard", "easy sums", "hard", "easy sums", "hard", "easy", "easy"} {
		s := evaluation.Sample{Text: kind, Medium: 1, Large: 1, MediumCost: 1, LargeCost: 10}
		if kind == "hard" {
			s.Medium = 0
		}
		samples = append(samples, s)
		scored.Scores = append(scored.Scores, 1-float64(i)/10)
	}
	scored.Ranks = scored.Scores
	return samples, scored
}

func ruled(t *testing.T, chain evaluation.Rules, o evaluation.RuleOptions) map[string]evaluation.Ruled {
	t.Helper()
	samples, scored := eight()
	o.Draws, o.Seed, o.OperatingShare = 200, 1, 0.5
	all, err := evaluation.Rule(t.Context(), samples, []evaluation.Scored{scored, {Name: "random", Scores: make([]float64, 8), Ranks: make([]float64, 8)}}, []evaluation.Rules{chain}, o)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]evaluation.Ruled{}
	for _, r := range all {
		by[r.Router] = r
	}
	if len(by) != 2 {
		t.Fatalf("want the router and the static map: %+v", all)
	}
	return by
}

// By hand: the router sends its first four queries, three of which are hard, to the large model: 7 of 8 right.
// The rule adds one easy query: still 7 of 8, at the price of five large calls; the router's own fifth call buys as
// little, so that nothing is lost. Over the static map the rule's two large calls buy nothing, where a random
// choice of two would have bought one right answer of eight.
func TestRulesAreComparedWithTheRouterAtEqualCost(t *testing.T) {
	by := ruled(t, wordRule{word: "sums", tier: sluice.Large}, evaluation.RuleOptions{})
	r := by["router"]
	if r.LargeShare != 5./8 || r.Accuracy != 7./8 || r.Alone != 7./8 || math.Abs(r.Gain) > 1e-12 || *r.Cost != 53./8 {
		t.Errorf("%+v", r)
	}
	if r.Fired["word"] != 2 || r.Fired["static"] != 6 {
		t.Errorf("fired %v", r.Fired)
	}
	s := by["static map"]
	if s.LargeShare != 2./8 || s.Accuracy != 4./8 || math.Abs(s.Gain+1./8) > 1e-12 || s.Interval == nil || s.Interval.Hi > 1e-9 {
		t.Errorf("%+v, interval %+v", s, s.Interval)
	}
}

// A rule that keeps what the router wrongly sends saves a call, which buys the last right answer elsewhere.
func TestARuleThatKnowsBetterGains(t *testing.T) {
	by := ruled(t, wordRule{word: "easy", tier: sluice.Medium}, evaluation.RuleOptions{})
	r := by["router"] // three large calls, all of them needed: 7 of 8; the router alone has 6 of 8 with three
	if r.LargeShare != 3./8 || r.Accuracy != 7./8 || r.Alone != 6./8 || math.Abs(r.Gain-1./8) > 1e-12 {
		t.Errorf("%+v", r)
	}
}

func TestWithoutPricesRulesAreComparedAtEqualCalls(t *testing.T) {
	by := ruled(t, wordRule{word: "sums", tier: sluice.Large}, evaluation.RuleOptions{Options: evaluation.Options{Unpriced: true}})
	if r := by["router"]; r.Cost != nil || r.LargeShare != 5./8 || r.Alone != 7./8 {
		t.Errorf("%+v", r)
	}
}

// The router alone costs 44; half of it is spent after two large calls, so the other two of its four are not made.
func TestABudgetIsUsedUpInTheQueriesOrder(t *testing.T) {
	by := ruled(t, wordRule{budget: 0.8}, evaluation.RuleOptions{Budget: 0.5})
	if r := by["router"]; r.LargeShare != 2./8 || r.Fired["budget"] != 6 || r.Accuracy != 6./8 {
		t.Errorf("%+v", r)
	}
}

func TestARefusedQueryIsNotAnsweredRightly(t *testing.T) {
	by := ruled(t, wordRule{word: "hard"}, evaluation.RuleOptions{})
	if r := by["router"]; r.Refused != 4 || r.Accuracy != 4./8 || *r.Cost != 13./8 {
		t.Errorf("%+v", r)
	}
}
