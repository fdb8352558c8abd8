package producers

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"sluice"
)

func TestEstimatePricesEveryCallOfEveryRow(t *testing.T) {
	a := Assumptions{
		Medium: PerCall{10, 20, 30}, Large: PerCall{10, 40, 50}, Judge: PerCall{100, 5, 6}, Analysis: PerCall{200, 7, 8},
	}
	rows := Read(strings.NewReader(`{"question": "abcdefgh", "answer": ["wxyz", "wxyz"]}`+"\nbroken\n"+
		`{"question": "abcd", "answer": ["wxyz"]}`), "f", NQOpen, Mapping{})
	priced := 0
	f, err := Estimate(rows, a, func(stage string, tier sluice.Tier, u sluice.Usage) (sluice.MicroUSD, error) {
		priced++
		if (stage == "answer") != (tier != "") {
			t.Errorf("stage %q with tier %q", stage, tier)
		}
		return sluice.MicroUSD(u.Prompt + 10*(u.Output+u.Thoughts)), nil
	})
	want := Forecast{Rows: 2, Total: 723 + 1823 + 1021 + 703, Spends: []Spend{
		{"answer", sluice.Medium, 2, sluice.Usage{Prompt: 23, Output: 40, Thoughts: 60}, 1023},
		{"answer", sluice.Large, 2, sluice.Usage{Prompt: 23, Output: 80, Thoughts: 100}, 1823},
		{"judge", "", 4, sluice.Usage{Prompt: 532, Output: 20, Thoughts: 24}, 972},
		{"analysis", "", 2, sluice.Usage{Prompt: 403, Output: 14, Thoughts: 16}, 703},
	}}
	want.Total = 0
	for _, s := range want.Spends {
		want.Total += s.Cost
	}
	if err != nil || !reflect.DeepEqual(f, want) || priced != 10 {
		t.Errorf("%d prices, %v\n%+v, want\n%+v", priced, err, f, want)
	}
}

func TestEstimatePassesErrorsOn(t *testing.T) {
	noPrice := func(string, sluice.Tier, sluice.Usage) (sluice.MicroUSD, error) { return 0, errors.New("no price") }
	if _, err := Estimate(questions(1), DefaultAssumptions(), noPrice); err == nil || !strings.Contains(err.Error(), "answer medium: no price") {
		t.Errorf("without a price: %v", err)
	}
	missing := Dataset{Path: "no-such-file", Format: NQOpen}.Rows()
	if _, err := Estimate(missing, DefaultAssumptions(), noPrice); err == nil || !strings.Contains(err.Error(), "no-such-file") {
		t.Errorf("without a file: %v", err)
	}
}

func TestTokensAreOfTheRightOrder(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "a": 1, "four": 1, "What is the capital of France?": 8, "日本語": 2, "é": 1} {
		if got := Tokens(text); got != want {
			t.Errorf("Tokens(%q) = %d, want %d", text, got, want)
		}
	}
}
