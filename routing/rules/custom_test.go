package rules

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/internal/process"
)

func TestExpressionsSeeTheFacts(t *testing.T) {
	f := asking("Wie viel ist 2 + 2 und warum?")
	f.Policy, f.Score, f.Threshold = sluice.Complex, 0.7, 0.5
	f.Probabilities = map[sluice.Policy]float64{sluice.Complex: 0.7, sluice.Ambiguous: 0.2, sluice.Standard: 0.1}
	f.Router, f.Tenant, f.Tags, f.KeyID = "r7", "acme", []string{"vip"}, "k1"
	f.Budget = Budget{"day", 0.6, 2_500_000}
	f.Latency = map[string]time.Duration{"pro": 1500 * time.Millisecond}
	for _, text := range []string{
		`policy == "Complex_Query" and router == "r7"`,
		`score > threshold && score - threshold < 0.3`,
		`probability("Ambiguous_Query") == 0.2`,
		`latency("pro") == 1500 and latency("flash") == 0`,
		`"vip" in tags and not ("gold" in tags)`,
		`tenant in ["acme", "globex"] and key startsWith "k"`,
		`budget.spent >= 0.6 and budget.left_usd == 2.5 and budget.name == "day"`,
		`now.hour == 12 and now.minute == 0 and now.weekday == "wednesday" and now.date == "2026-01-14"`,
		`words == 7 and questions == 1 and sentences == 1 and lines == 1 and math > 0 and code == 0`,
		`language == "de"`,
		`lower(text) contains "warum" and text matches "(?i)^WIE"`,
		`len(text) > 10 and chars == len(text) and longest == 5 and digits < 0.2 and upper > 0`,
		`max(1, 2) == 2 and abs(-1) == 1 and (words > 100 ? false : true)`,
		`hasPrefix(text, "Wie") and indexOf(text, "2") == 13`,
	} {
		m := mapper(t, spec(Rule{Name: "e", When: When{Expr: text}, Then: large()}))
		if got := m.Map(f); got.Rule != "e" {
			t.Errorf("%s does not hold: %+v", text, got)
		}
	}
}

func TestExpressionsThatCouldDoHarmAreRefusedAtLoad(t *testing.T) {
	for text, why := range map[string]string{
		`words`:                                        "bool",
		`wrods > 3`:                                    "unknown name",
		`words > "3"`:                                  "mismatched types",
		`words >`:                                      "unexpected token",
		`all(tags, # == "x")`:                          "not allowed",
		`count(1..1000000, true) > 3`:                  "ranges are not allowed",
		`len(map(tags, #)) > 1`:                        "not allowed",
		`let x = text + text; len(x) > 3`:              "variables and sequences are not allowed",
		`(words; true)`:                                "not allowed",
		`repeat(text, 100000) == ""`:                   "repeat is not allowed",
		`len(split(text, "")) > 3`:                     "split is not allowed",
		`replace(text, "a", "aaaa") == ""`:             "replace is not allowed",
		`now().Hour() > 3`:                             "not allowed",
		`date("2026-01-01").Year() > 3`:                "not allowed",
		`timezone("Europe/Berlin") != nil`:             "timezone is not allowed",
		`toJSON(tags) == ""`:                           "toJSON is not allowed",
		`$env["text"] == ""`:                           "not allowed",
		`text matches tenant`:                          "must be a literal",
		`text matches "("`:                             "error parsing regexp",
		`probability("Typo") > 0.5`:                    `"Typo" is no policy`,
		`latency("typo") > 5`:                          `"typo" is not listed`,
		`policy == "Typo_Query"`:                       `"Typo_Query" is no policy`,
		`not (policy in ["Complex_Query", "Typo"])`:    `"Typo" is no policy`,
		`probability(policy) > 0.5`:                    "must be a literal",
		`tags.Foo() == 1`:                              "not allowed",
		`os.Getenv("HOME") == ""`:                      "not allowed",
		strings.Repeat("words > 1 and ", 200) + "true": "at most 2000",
		strings.Repeat("1+", 400) + "words > 1":        "exceeds maximum",
	} {
		_, err := New(spec(Rule{Name: "e", When: When{Expr: text}, Then: large()}))
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.60s: got %v, want a fault that says %q", text, err, why)
		} else if !strings.Contains(err.Error(), "rules[0].when.expr") || strings.Count(err.Error(), "\n") > 3 {
			t.Errorf("%.60s: the fault does not fit on a line with its key: %v", text, err)
		}
	}
}

// TestAnExpressionsCostIsBounded runs the dearest one that is allowed on a long text.
func TestAnExpressionsCostIsBounded(t *testing.T) {
	text := strings.Repeat("aaaaaaaaaaaaaaab ", 4000)
	dear := strings.Repeat(`text matches "(a*)*(a*)*c" or `, 20) + "false"
	m := mapper(t, spec(Rule{Name: "e", When: When{Expr: dear}, Then: large()}))
	runtime.LockOSThread() // what others have of the machine meanwhile is not its cost
	defer runtime.UnlockOSThread()
	before := process.CPUOfThread(t)
	if got := m.Map(asking(text)); got.Rule != StaticRule || got.Skipped != nil {
		t.Fatalf("got %+v", got)
	}
	if took := process.CPUOfThread(t) - before; took > 10*time.Second {
		t.Fatalf("took %v", took)
	}
}

// FuzzExpression holds for any expression: it is refused with faults, or it maps, with a rule left out at
// worst.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{"true", "words > 3", `tags[0] == "x"`, "1/0 > words", `text[3:1] == ""`, "nil ?? true", "words % 0 == 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := New(spec(Rule{Name: "e", When: When{Expr: text}, Then: large()}))
		if err != nil {
			return
		}
		if got := m.Map(asking("What is 2 + 2?")); got.Model == "" {
			t.Fatalf("%q: %+v", text, got)
		}
	})
}
