package rules

import "testing"

func TestKeywordsAreWholeWordsInAnyCaseAndScript(t *testing.T) {
	for _, c := range []struct {
		keyword, text string
		want          bool
	}{
		{"prove", "Prove it.", true},
		{"prove", "improve it", false},
		{"prove", "proven", false},
		{"step by step", "Do it step-by-step!", true},
		{"step by step", "STEP  BY\nSTEP", true},
		{"step by step", "step by stepping", false},
		{"step by step", "step by step", true},
		{"Ünited", "üNITED", true},
		{"straße", "die STRASSE", false}, // letter case, not spelling
		{"ΣΊΣΥΦΟΣ", "σίσυφος", true},
		{"证明", "请证明这个定理", true},
		{"明证", "请证明这个定理", false},
		{"доказать", "ДОКАЗАТЬ теорему", true},
		{"C++", "is c++ fast", true},
		{"C++", "is c fast", false},
		{"C", "is c++ fast", false},
		{"C#", "C# or F#", true},
		{"node.js", "Node.js!", true},
		{"don't", "DON'T", true},
		{"3", "3 wishes", true},
		{"a", "", false},
		{"end", "the end", true},
		{"caf", "café", false},
	} {
		m := mapper(t, spec(Rule{Name: "k", When: When{Keywords: []string{"zzz", c.keyword}}, Then: large()}))
		if got := m.Map(asking(c.text)).Rule == "k"; got != c.want {
			t.Errorf("%q in %q: %v, want %v", c.keyword, c.text, got, c.want)
		}
	}
}

// FuzzFold holds for any text: every word is found in the text that it came from.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "a b", "C++ c", "日本a", "\xff", "e\u0301", "++", "a+", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folded := fold(nil, text)
		if n := len(folded); n > 0 && (folded[n-1] != ' ' || folded[0] == ' ') {
			t.Fatalf("%q folds to %q", text, folded)
		}
		if again := fold(nil, string(folded)); string(again) != string(folded) {
			t.Fatalf("%q folds to %q, and that to %q", text, folded, again)
		}
	})
}
