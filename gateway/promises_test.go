package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/budget"
	"sluice/gateway/keys"
	"sluice/gateway/spool"
	"sluice/internal/gatetest"
	"sluice/llm"
	"sluice/llm/emulator"
	"sluice/routing"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/streams"
)

// forgetful is a spool that writes intents down, and no outcome.
type forgetful struct{}

func (forgetful) Begin(string, []byte) error          { return nil }
func (forgetful) End(string, []streams.Message) error { return spool.ErrFull }

func TestNoLastByteGoesOutBeforeTheOutcomeIsWrittenDown(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Spool = forgetful{} })
	if text := status(t, r.Post(t, completions, chat("auto", "Who?", "")), 503); strings.Contains(text, "choices") {
		t.Errorf("an answer that nothing accounts for: %s", text)
	}
	text := status(t, r.Post(t, completions, chat("auto", "Who?", `,"stream":true`)), 200)
	if strings.Contains(text, "[DONE]") || strings.Contains(text, `"finish_reason":"stop"`) || !strings.Contains(text, `data: {"error":`) {
		t.Errorf("a stream that nothing accounts for looks whole: %s", text)
	}
}

func TestWhatWasNeverAskedCostsNoBudget(t *testing.T) {
	t.Parallel()
	b := &one{left: 1e9}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Budgets, p.Gateway.Spool = b, full{} })
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 503)
	if b.left != 1e9 || len(b.open) != 0 {
		t.Errorf("left %d, open %v", b.left, b.open)
	}
}

func TestAFailedRequestBindsNoConversation(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	if err := r.Emulator.Script("", emulator.Unauthorized, emulator.Unauthorized); err != nil {
		t.Fatal(err)
	}
	const talk = "X-Sluice-Conversation"
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), talk, "c"), 503)
	status(t, r.Post(t, completions, chat("auto", "A complex one", ""), talk, "c"), 200)
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), talk, "c"), 200)
	d := r.Decisions(t)
	if len(d) != 3 || d[1].Rule == rules.ConversationRule || d[1].Model != gatetest.Large || d[2].Rule != rules.ConversationRule || d[2].Model != gatetest.Large {
		t.Errorf("decisions %+v", d)
	}
}

func TestRulesSeeHowFastModelsAreAndHowFarBudgetsAreSpent(t *testing.T) {
	t.Parallel()
	spent := &half{}
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Emulator.Faults = emulator.Faults{SlowForMS: 100}
		p.Gateway.Budgets = spent
		p.Rules.Rules = []rules.Rule{
			{Name: "spent", When: rules.When{BudgetSpent: 0.5, Tenants: []string{"poor"}}, Then: rules.Then{Refuse: "{budget} is at {spent}"}},
			{Name: "slow", When: rules.When{Latency: rules.Latency{Model: gatetest.Medium, P95Above: 50 * time.Millisecond}}, Then: rules.Then{Tier: "large"}},
		}
	})
	if err := r.Emulator.Script(gatetest.Medium, emulator.Slow); err != nil {
		t.Fatal(err)
	}
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 200)
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 200)
	if text := status(t, r.Post(t, completions, chat("auto", "Who?", ""), "Authorization", "Bearer poor"), 403); !strings.Contains(text, "house, month is at 75%") {
		t.Errorf("refusal %s", text)
	}
	d := r.Decisions(t)
	if len(d) != 3 || d[0].Rule != rules.StaticRule || d[1].Rule != "slow" || d[1].Model != gatetest.Large || d[2].Rule != "spent" || d[2].Outcome != sluice.OutcomeRefused {
		t.Errorf("decisions %+v", d)
	}
}

// half is a budget of which three quarters are spent, behind one that only warns and is spent six times over.
type half struct{ one }

func (*half) State(string, string, string, ...budget.Limit) []budget.State {
	return []budget.State{
		{Budget: "watched", Period: budget.Month, Share: 6, Action: budget.ActionWarn},
		{Budget: "house", Period: budget.Month, Share: 0.75, Action: budget.ActionRefuse},
	}
}

func (*half) Reserve(context.Context, budget.Claim) (budget.Verdict, error) {
	return budget.Verdict{Decision: budget.OK}, nil
}

func TestAnswersToolsAndWhatIsStoredAreMasked(t *testing.T) {
	t.Parallel()
	redact, err := gateway.NewRedactions(16, "(?i)oslo", "sunny")
	if err != nil {
		t.Fatal(err)
	}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Redact = redact })
	tools := `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]`
	for _, stream := range []bool{false, true} {
		call := status(t, r.Post(t, completions, fmt.Sprintf(`{"model":"auto","stream":%t,"tool_choice":"required",%s,"messages":[{"role":"user","content":"Weather in Oslo?"}]}`, stream, tools)), 200)
		if strings.Contains(call, "Oslo") || !strings.Contains(call, gateway.Redacted) {
			t.Errorf("arguments: %s", call)
		}
		said := status(t, r.Post(t, completions, fmt.Sprintf(`{"model":"auto","stream":%t,%s,"messages":[{"role":"user","content":"Weather?"},
			{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"weather","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"c","content":"sunny, says jo@example.com"}]}`, stream, tools)), 200)
		if strings.Contains(said, "sunny") || !strings.Contains(said, gateway.Redacted) {
			t.Errorf("answer: %s", said)
		}
	}
	for _, d := range r.Decisions(t) {
		if strings.Contains(d.Answer, "sunny") || strings.Contains(d.Answer, "jo@") {
			t.Errorf("stored: %s", d.Answer)
		}
	}
}

// strict lets nobody in for two and a half seconds.
type strict struct{}

func (strict) Allow(keys.Key) (bool, time.Duration) { return false, 2500 * time.Millisecond }

func TestARateThatIsReachedSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Limiter = strict{} })
	got := r.Post(t, completions, chat("auto", "Who?", ""))
	if status(t, got, 429); got.Header.Get("Retry-After") != "3" || !strings.Contains(got.Body, "rate_limit_exceeded") {
		t.Errorf("Retry-After %q: %s", got.Header.Get("Retry-After"), got.Body)
	}
	got = r.Post(t, "/v1beta/models/auto:generateContent", `{"contents":[{"parts":[{"text":"Hi"}]}]}`)
	if status(t, got, 429); !strings.Contains(got.Body, `"retryDelay":"2.5s"`) {
		t.Errorf("Google's clients are told %s", got.Body)
	}
	if n := len(r.Decisions(t)); n != 0 {
		t.Errorf("%d decisions", n)
	}
}

func TestFaultsOfModelsAreToldWithTheirStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		says   string
		again  string
	}{
		{llm.ErrBusy, 429, "rate_limit_exceeded", "1"},
		{llm.ErrOpen, 503, "unavailable", "1"},
		{llm.ErrSpent, 429, "insufficient_quota", ""},
		{sluice.RetryAfter(&llm.Error{Outcome: sluice.OutcomeRateLimited, Status: 429}, 7*time.Second), 429, "rate_limit_exceeded", "7"},
		{&llm.Error{Outcome: sluice.OutcomeRefused, Status: 401, Setup: true}, 503, "unavailable", ""},
		{&llm.Error{Outcome: sluice.OutcomeTimeout}, 504, "timeout", ""},
		{&llm.Error{Outcome: sluice.OutcomeBroken}, 502, "upstream_error", ""},
	} {
		r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Models = failing{fmt.Errorf("chat: %w", c.err)} })
		got := r.Post(t, completions, chat("auto", "Who?", ""))
		var e struct{ Error struct{ Code string } }
		if err := json.Unmarshal([]byte(got.Body), &e); err != nil || got.Status != c.status || e.Error.Code != c.says || got.Header.Get("Retry-After") != c.again {
			t.Errorf("%v: %d, Retry-After %q: %s", c.err, got.Status, got.Header.Get("Retry-After"), got.Body)
		}
	}
}

// asked is a router in front that remembers how it was asked.
type asked struct {
	mu      sync.Mutex
	all     []front.Request
	refusal string
}

func (a *asked) Decide(_ context.Context, r front.Request) front.Decision {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, r)
	return front.Decision{Refusal: a.refusal, Choice: routing.Choice{
		Policy: sluice.Standard, Version: "v", Reasoning: "It quotes: " + r.Text, ReasoningSource: routing.ReasoningGenerated,
	}}
}

func (*asked) Observe(front.Decision, bool) {}

func TestTheKnobsOfARequestReachTheRouter(t *testing.T) {
	t.Parallel()
	a := &asked{}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Front = a })
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), "Authorization", "Bearer acme",
		"X-Sluice-Tags", "vip, batch,", "X-Sluice-Threshold", "0.25", "X-Sluice-Explain", "true", "X-Sluice-Conversation", "talk"), 200)
	status(t, r.Post(t, "/v1/route", `{"query":"Who?","threshold":0.75,"conversation":"other"}`), 200)
	status(t, r.Post(t, completions, chat("auto", "Who is jo@example.com?", "")), 200)
	if len(a.all) != 3 {
		t.Fatalf("asked %d times", len(a.all))
	}
	one, two, three := a.all[0], a.all[1], a.all[2]
	if one.Tenant != "acme" || one.Threshold == nil || *one.Threshold != 0.25 || !one.Explain || one.RequestKey != "talk" || one.Text != "Who?" {
		t.Errorf("a completion asks %+v", one)
	}
	if two.Threshold == nil || *two.Threshold != 0.75 || two.Explain || two.RequestKey != "other" {
		t.Errorf("route asks %+v", two)
	}
	d := r.Decisions(t)
	if three.Threshold != nil || three.RequestKey != d[len(d)-1].ID {
		t.Errorf("without knobs: %+v", three)
	}
	if got := strings.Join(d[0].Query.Tags, " "); got != "vip batch" {
		t.Errorf("tags %q", got)
	}
	if last := d[len(d)-1]; strings.Contains(last.Reasoning, "jo@") || !strings.Contains(last.Reasoning, "It quotes") {
		t.Errorf("a generated reasoning says %s", last.Reasoning)
	}
}

func TestAPromptThatTheRouterRefusesIsTooLarge(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Front = &asked{refusal: "the query has 9 bytes, the router takes 8"} })
	if text := status(t, r.Post(t, completions, chat("auto", "Who?", "")), 413); !strings.Contains(text, "takes 8") {
		t.Error(text)
	}
	if d := r.Decisions(t); len(d) != 1 || d[0].Outcome != sluice.OutcomeRefused || d[0].Status != 413 || len(r.Lines(t)) != 0 {
		t.Errorf("decisions %+v", d)
	}
}

func TestAStreamTellsWhenItsFirstWordCame(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Emulator.Faults = emulator.Faults{SlowForMS: 60} })
	if err := r.Emulator.Script(gatetest.Medium, emulator.SlowHeaders); err != nil {
		t.Fatal(err)
	}
	status(t, r.Post(t, completions, chat("auto", "Who?", `,"stream":true`)), 200)
	if d := r.Decisions(t); len(d) != 1 || d[0].FirstTokenMS < 50 || d[0].FirstTokenMS > d[0].LatencyMS {
		t.Errorf("decisions %+v", d)
	}
}

// alternating has the first request wait, lets the second in, and so on.
type alternating struct{ n atomic.Int64 }

func (a *alternating) Allow(keys.Key) (bool, time.Duration) { return a.n.Add(1)%2 == 0, time.Second }

func TestWhatTimeMayMendIsNotTheAnswerOfAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Limiter = &alternating{} })
	const key = "Idempotency-Key"
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), key, "a"), 429)
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), key, "a"), 200)

	r = gatetest.Start(t)
	const hi = `{"contents":[{"parts":[{"text":"Hi"}]}]}`
	status(t, r.Post(t, "/v1beta/models/auto:generateContent", hi, key, "c"), 200)
	status(t, r.Post(t, "/v1beta/models/"+gatetest.Large+":generateContent", hi, key, "c"), 422) // the path is a part of the request
	if err := r.Emulator.Script(gatetest.Medium, emulator.Cut); err != nil {
		t.Fatal(err)
	}
	for i, whole := range []bool{false, true} {
		got := r.Post(t, completions, chat("auto", "Which river flows through Baghdad?", `,"stream":true`), key, "b")
		if status(t, got, 200); strings.Contains(got.Body, "[DONE]") != whole || got.Header.Get("X-Sluice-Replayed") != "" {
			t.Errorf("try %d: %v %s", i+1, got.Header, got.Body)
		}
	}
}

func TestOnlyTheLatestConversationsAreRemembered(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Conversations = 2 })
	for _, talk := range []string{"a", "b", "a", "c", "b", "a"} { // c drives b out, b then a
		status(t, r.Post(t, completions, chat("auto", "Who?", ""), "X-Sluice-Conversation", talk), 200)
	}
	var kept []string
	for _, d := range r.Decisions(t) {
		if d.Rule == rules.ConversationRule {
			kept = append(kept, d.Conversation)
		}
	}
	if got := strings.Join(kept, " "); got != "a" {
		t.Errorf("kept %s", got)
	}
}
