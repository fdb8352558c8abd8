package routing_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice"
	"sluice/routing"
)

func TestParseReadsBothForms(t *testing.T) {
	for output, want := range map[string][2]string{
		"[REASONING] Rare facts. [DECISION] Complex_Query":                         {"Complex_Query", "Rare facts."},
		"[DECISION] Standard_Query":                                                {"Standard_Query", ""},
		"[DECISION]Ambiguous_Query<end_of_turn>":                                   {"Ambiguous_Query", ""},
		"sure!\n[REASONING]\nx\n[DECISION]: **complex_query**.":                    {"Complex_Query", "x"},
		"[REASONING] says [DECISION] Standard_Query? No. [DECISION] Complex_Query": {"Complex_Query", "says [DECISION] Standard_Query? No."},
		"[REASONING] a [REASONING] b [DECISION] 'Standard_Query'":                  {"Standard_Query", "b"},
	} {
		policy, reasoning, err := routing.Parse(output, sluice.DefaultPolicies())
		if err != nil || string(policy) != want[0] || reasoning != want[1] {
			t.Errorf("%q: %q, %q, %v; want %q", output, policy, reasoning, err, want)
		}
	}
}

func TestParseGuessesNothing(t *testing.T) {
	for _, output := range []string{
		"", "Complex_Query", "[DECISION]", "[DECISION] ", "[DECISION] large", "[REASONING] Complex_Query",
		"[DECISION] Complex_Query_2", "[DECISION] Complex_Queryé", "[DECISION] Complex", "[decision] Complex_Query",
	} {
		if policy, _, err := routing.Parse(output, sluice.DefaultPolicies()); !errors.Is(err, routing.ErrUnparseable) {
			t.Errorf("%q: %q, %v; want ErrUnparseable", output, policy, err)
		}
	}
}

func TestParseTakesTheLongestName(t *testing.T) {
	specs := append(sluice.DefaultPolicies(), sluice.PolicySpec{Name: "Complex"}, sluice.PolicySpec{Name: "Complex Query Two"})
	for output, want := range map[string]sluice.Policy{
		"[DECISION] Complex": "Complex", "[DECISION] Complex Query Two": "Complex Query Two", "[DECISION] Complex_Query": "Complex_Query",
	} {
		if got, _, err := routing.Parse(output, specs); err != nil || got != want {
			t.Errorf("%q: %q, %v", output, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"[REASONING] a [DECISION] Complex_Query", "[DECISION]", "\xff[DECISION]\x00Standard_Query", "[DECISION] _"} {
		f.Add(s)
	}
	specs := sluice.DefaultPolicies()
	f.Fuzz(func(t *testing.T, output string) {
		policy, reasoning, err := routing.Parse(output, specs)
		if (err == nil) == (policy == "") {
			t.Fatalf("%q: policy %q with error %v", output, policy, err)
		}
		if !utf8.ValidString(reasoning) || strings.ContainsRune(reasoning, 0) || len(reasoning) > 2000 {
			t.Fatalf("%q: reasoning %q", output, reasoning)
		}
		if err == nil && !strings.Contains(output, routing.DecisionMark) {
			t.Fatalf("%q was parsed without a mark", output)
		}
	})
}

// What a prompt has a model say, the parser reads back.
func TestCompletionsParse(t *testing.T) {
	specs := sluice.DefaultPolicies()
	for _, p := range []routing.Prompt{routing.FullPrompt(specs), routing.CompactPrompt(specs)} {
		for _, s := range specs {
			for _, reasoning := range []string{"", "It is short."} {
				policy, got, err := routing.Parse(p.Completion(reasoning, s.Name), specs)
				if err != nil || policy != s.Name || got != reasoning {
					t.Errorf("%q: %q, %q, %v", p.Completion(reasoning, s.Name), policy, got, err)
				}
			}
		}
	}
}
