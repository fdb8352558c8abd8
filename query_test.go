package sluice_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice"
)

func TestQueryKeyIsSubjectSafeAndTellsQueriesApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenant, id, text := rapid.String().Draw(t, "tenant"), rapid.String().Draw(t, "id"), rapid.String().Draw(t, "text")
		key := sluice.QueryKey(tenant, id, text)
		if len(key) != 26 {
			t.Fatalf("key %q: %d characters", key, len(key))
		}
		for _, r := range key {
			if (r < 'a' || r > 'z') && (r < '2' || r > '7') {
				t.Fatalf("key %q holds %q", key, r)
			}
		}
		if id != "" && key == sluice.QueryKey(tenant+"x", id, text) {
			t.Fatal("two tenants share a key")
		}
	})
}

func TestTheSameQuestionTwiceIsOne(t *testing.T) {
	a := sluice.QueryKey("acme", "", "Who wrote  Hamlet?\n")
	b := sluice.QueryKey("acme", "", "who wrote Hamlet?")
	if a != b {
		t.Errorf("spellings of one question: keys %s and %s", a, b)
	}
	if c := sluice.QueryKey("acme", "1", "who wrote Hamlet?"); c == a {
		t.Error("an id of upstream's own was ignored")
	}
	// length-prefixed parts: moving a byte from one part to the next makes another key
	if sluice.QueryKey("ab", "c", "") == sluice.QueryKey("a", "bc", "") {
		t.Error("tenant and id run into each other")
	}
}

func TestSplitIsAFunctionOfContentAndSeed(t *testing.T) {
	const n = 20_000
	train, moved := 0, 0
	for i := range n {
		text := fmt.Sprintf("question number %d?", i)
		s := sluice.SplitOf(text, 7, 0.8)
		if s == sluice.Train {
			train++
		}
		if s != sluice.SplitOf("  QUESTION number "+fmt.Sprint(i)+"? ", 7, 0.8) {
			t.Fatalf("%q: the split depends on case or blanks", text)
		}
		if s != sluice.SplitOf(text, 8, 0.8) {
			moved++
		}
	}
	// 4 standard deviations of a binomial: sqrt(n*0.8*0.2) is 57
	if math.Abs(float64(train)-0.8*n) > 4*57 {
		t.Errorf("%d of %d in train, want about %d", train, n, int(0.8*n))
	}
	if moved < n/5 || moved > n*2/5 {
		t.Errorf("another seed moved %d of %d, want about 32%%", moved, n)
	}
}

func TestArmsAreBlindAndInvertible(t *testing.T) {
	key, err := sluice.NewArmKey([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sluice.NewArmKey([]byte("short")); err == nil {
		t.Error("a short secret was accepted")
	}
	const n = 10_000
	mediumIsA := 0
	for i := range n {
		q := sluice.QueryKey("", fmt.Sprint(i), "")
		medium, large := key.Arm(q, sluice.Medium), key.Arm(q, sluice.Large)
		if medium == large || medium.Other() != large {
			t.Fatalf("%s: medium %s, large %s", q, medium, large)
		}
		if key.Tier(q, medium) != sluice.Medium || key.Tier(q, large) != sluice.Large {
			t.Fatalf("%s: tier and arm do not invert each other", q)
		}
		if medium == sluice.ArmA {
			mediumIsA++
		}
	}
	if mediumIsA < n/2-4*50 || mediumIsA > n/2+4*50 {
		t.Errorf("medium is arm a in %d of %d queries, want about half", mediumIsA, n)
	}
}

func TestNormalizedTextIsLowerCaseWithSingleBlanks(t *testing.T) {
	blanks := rapid.StringOfN(rapid.RuneFrom([]rune(" \t\n\v\f\r\x1c\x00aZ@[Ä\u00a0\u0085\u2003ß")), 0, 40, -1)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), blanks, rapid.StringMatching("[ -~]{0,300}")).Draw(t, "text")
		want := strings.ToLower(strings.Join(strings.Fields(text), " "))
		if got := sluice.NormalizeText(text); got != want {
			t.Fatalf("%q is normalised to %q, want %q", text, got, want)
		}
	})
}

// The keys and splits of questions are in logs and tables: they may never change.
func TestKeysAndSplitsStayWhatTheyWere(t *testing.T) {
	long := strings.Repeat("Which river flows through Baghdad? ", 20)
	for _, want := range []struct{ text, byText, byID, splits string }{
		{"Which river flows through Baghdad?", "4rehvgvyeget5xzk62mrhi4eaq", "nketwgtbkcf4ka4a5wtfeeenoq", "trtrtrtrtrtrtrtr"},
		{"Wer schrieb  Fäuste?", "efiyh4msfrbgvg42novvglfrj4", "nketwgtbkcf4ka4a5wtfeeenoq", "trtetrtetetrtrtr"},
		{long, "pys3pamw5pofg3bwmrmxhb2e4m", "nketwgtbkcf4ka4a5wtfeeenoq", "trtetetetrtrtrtr"},
	} {
		splits := ""
		for seed := range uint64(8) {
			splits += string(sluice.SplitOf(want.text, seed, 0.5)[:2])
		}
		if got := sluice.QueryKey("acme", "", want.text); got != want.byText {
			t.Errorf("%.20s: the key is %s, want %s", want.text, got, want.byText)
		}
		if got := sluice.QueryKey("acme", "id1", want.text); got != want.byID {
			t.Errorf("%.20s: the key by its id is %s, want %s", want.text, got, want.byID)
		}
		if splits != want.splits {
			t.Errorf("%.20s: the splits are %s, want %s", want.text, splits, want.splits)
		}
	}
}
