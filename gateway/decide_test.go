package gateway_test

import (
	"strings"
	"testing"

	"sluice"
	"sluice/internal/gatetest"
	"sluice/routing/rules"
)

// A rule that refuses is meant for everybody whom it describes: naming a model, or having begun before, is no way past.
func TestARuleThatRefusesIsPassedByNobody(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Rules.Rules = []rules.Rule{
			{Name: "vip", When: rules.When{Keywords: []string{"please"}}, Then: rules.Then{Model: gatetest.Large}},
			{Name: "unsure", When: rules.When{Policies: []string{string(sluice.Standard)}, Keywords: []string{"standard"}}, Then: rules.Then{Refuse: "no"}},
			{Name: "secret", When: rules.When{Keywords: []string{"codename"}}, Then: rules.Then{Refuse: "{keyword} stays in the house"}},
		}
	})
	begun := []string{"X-Sluice-Conversation", "c"}
	status(t, r.Post(t, completions, chat("auto", "Hello", ""), begun...), 200)
	for _, c := range []struct {
		model, text string
		header      []string
		status      int
		rule, asked string
	}{
		{"auto", "The codename?", nil, 403, "secret", ""},
		{gatetest.Third, "The codename?", nil, 403, "secret", ""},
		{"auto", "The codename?", begun, 403, "secret", ""},
		{gatetest.Third, "And the weather?", nil, 200, rules.ExplicitRule, gatetest.Third},
		{"auto", "And the weather?", begun, 200, rules.ConversationRule, gatetest.Medium},
		// A rule that stands before goes before, and changes nothing else; what is not known holds nowhere.
		{gatetest.Third, "The codename, please?", nil, 200, rules.ExplicitRule, gatetest.Third},
		{gatetest.Third, "A standard question?", nil, 200, rules.ExplicitRule, gatetest.Third},
	} {
		body := status(t, r.Post(t, completions, chat(c.model, c.text, ""), c.header...), c.status)
		if c.status == 403 && !strings.Contains(body, "codename stays in the house") {
			t.Errorf("%s, %q: %s", c.model, c.text, body)
		}
		all := r.Decisions(t)
		if d := all[len(all)-1]; d.Rule != c.rule || d.Model != c.asked || d.Requested != c.model {
			t.Errorf("%s, %q: rule %q, model %q", c.model, c.text, d.Rule, d.Model)
		}
	}
}

func TestWhatARuleRefusedIsAnsweredUnderTheSameKeyOnceItMayBe(t *testing.T) {
	t.Parallel()
	spec := rules.Spec{}
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		spec = p.Rules
		p.Rules.Rules = []rules.Rule{{Name: "night", Then: rules.Then{Refuse: "not now"}}}
	})
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), "Idempotency-Key", "k"), 403)
	morning, err := rules.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	r.Pipeline.SwapRules(morning)
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), "Idempotency-Key", "k"), 200)
}
