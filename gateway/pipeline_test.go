package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/budget"
	"sluice/gateway/spool"
	"sluice/internal/gatetest"
	"sluice/llm"
	"sluice/llm/emulator"
	"sluice/routing/rules"
	"sluice/streams"
)

func chat(model, text, more string) string {
	q, _ := json.Marshal(text)
	return `{"model":"` + model + `","messages":[{"role":"user","content":` + string(q) + `}]` + more + `}`
}

func status(t *testing.T, r gatetest.Reply, want int) string {
	t.Helper()
	if r.Status != want {
		t.Fatalf("status %d, want %d: %s", r.Status, want, r.Body)
	}
	return r.Body
}

const completions = "/v1/chat/completions"

func TestARepeatedIdempotencyKeyCostsNothing(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for _, stream := range []string{"", `,"stream":true`} {
		key := "k" + stream
		first := r.Post(t, completions, chat("auto", "Who?", stream), "Idempotency-Key", key)
		want := status(t, first, 200)
		second := r.Post(t, completions, chat("auto", "Who?", stream), "Idempotency-Key", key)
		if got := status(t, second, 200); got != want || second.Header.Get("X-Sluice-Replayed") != "true" ||
			second.Header.Get("X-Sluice-Decision-Id") != first.Header.Get("X-Sluice-Decision-Id") {
			t.Errorf("the second reply differs: %s", got)
		}
		status(t, r.Post(t, completions, chat("auto", "Somebody else?", stream), "Idempotency-Key", key), 422)
	}
	if n := len(r.Lines(t)); n != 2 {
		t.Errorf("%d calls were made, want 2", n)
	}
	// Another tenant's key of the same name is another key; a fault is not remembered.
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), "Idempotency-Key", "k", "Authorization", "Bearer other"), 200)
	if err := r.Emulator.Script("", emulator.BadRequest); err != nil {
		t.Fatal(err)
	}
}

func TestTheSameIdempotencyKeyInFlightIsAConflict(t *testing.T) {
	t.Parallel()
	m := &thoughtful{asked: make(chan struct{}), done: make(chan struct{})}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Models = m })
	var g sync.WaitGroup
	g.Go(func() { status(t, r.Post(t, completions, chat("auto", "Who?", ""), "Idempotency-Key", "k"), 200) })
	<-m.asked
	status(t, r.Post(t, completions, chat("auto", "Who?", ""), "Idempotency-Key", "k"), 409)
	close(m.done)
	g.Wait()
}

// thoughtful is a model that is asked once, and answers when it is done.
type thoughtful struct{ asked, done chan struct{} }

func (m *thoughtful) Chat(ctx context.Context, o llm.ChainOptions, _ llm.ChatRequest, _ llm.Hooks, _ func(llm.Chunk) error) (llm.ChainResult, error) {
	close(m.asked)
	select {
	case <-m.done:
	case <-ctx.Done(): // the test has failed
		return llm.ChainResult{}, ctx.Err()
	}
	return llm.ChainResult{Model: o.Models[0], Text: "Ann", FinishReason: llm.FinishStop}, nil
}

func TestAConversationKeepsItsModel(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	status(t, r.Post(t, completions, chat("auto", "A complex beginning", ""), "X-Sluice-Conversation", "c1"), 200)
	status(t, r.Post(t, completions, chat("auto", "And now an easy one", `,"metadata":{"conversation_id":"c1"}`)), 200)
	status(t, r.Post(t, completions, chat("auto", "And now an easy one", "")), 200)
	d := r.Decisions(t)
	if d[0].Model != gatetest.Large || d[1].Model != gatetest.Large || d[1].Rule != "conversation" || d[1].Conversation != "c1" || d[2].Model != gatetest.Medium {
		t.Errorf("models %s, %s (%s), %s", d[0].Model, d[1].Model, d[1].Rule, d[2].Model)
	}
}

func TestPersonalDataIsNotWrittenDown(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	status(t, r.Post(t, completions, chat("auto", "Who is jane.doe@example.com?", "")), 200)
	d := r.Decisions(t)[0]
	if strings.Contains(d.Query.Text, "jane") || d.Query.Scrubbed != 1 || strings.Contains(d.Answer, "jane.doe@") {
		t.Errorf("the decision holds %q and %q", d.Query.Text, d.Answer)
	}
}

// The log takes messages of a megabyte: a decision about a text that is longer must be told all the same.
func TestADecisionAboutALongTextFitsIntoAMessageOfTheLog(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Web.MaxBody = 8 << 20
		p.Gateway.Limits = gateway.DefaultLimits()
		p.Gateway.Limits.MaxTextBytes = 4 << 20
		for i := range p.Models {
			p.Models[i].MaxInputBytes = 4 << 20
		}
	})
	long := strings.Repeat("Write to a@example.com. ", 2<<20/24)
	for _, q := range []string{long, long + "And then?"} {
		status(t, r.Post(t, completions, chat("auto", q, "")), 200)
	}
	all := r.Decisions(t)
	if len(all) != 2 || all[0].Query.Key == all[1].Query.Key {
		t.Fatalf("%d decisions; different questions have different keys", len(all))
	}
	m, err := streams.TakenFact(all[0])
	if err != nil || len(m.Data) > 512<<10 {
		t.Errorf("the decision is a message of %d bytes, %v", len(m.Data), err)
	}
	if d := all[0]; !strings.HasPrefix(d.Query.Text, "Write to ") || d.Query.Scrubbed < 1000 {
		t.Errorf("it holds %.40q, %d masked", d.Query.Text, d.Query.Scrubbed)
	}
}

// talkative is a model that says one thing.
type talkative struct{ says string }

func (m *talkative) Chat(_ context.Context, o llm.ChainOptions, _ llm.ChatRequest, _ llm.Hooks, _ func(llm.Chunk) error) (llm.ChainResult, error) {
	return llm.ChainResult{Model: o.Models[0], Text: m.says, FinishReason: "stop"}, nil
}

// An address whose end is cut off is not known for one any more.
func TestALongAnswerIsMaskedBeforeItIsCut(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("é", (gateway.MostStored-9)/2) + " "
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Models = &talkative{says: words + "jane.doe@example.com says so"} })
	status(t, r.Post(t, completions, chat("auto", "Who says so?", "")), 200)
	d := r.Decisions(t)[0]
	if !strings.HasPrefix(d.Answer, words) || strings.Contains(d.Answer, "jane") || len(d.Answer) > gateway.MostStored || !utf8.ValidString(d.Answer) {
		t.Errorf("it holds %d bytes that end with %q", len(d.Answer), d.Answer[max(0, len(d.Answer)-40):])
	}
}

func TestRequestsThatAreTooLargeOrStrangeAreRefused(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Web.MaxBody = 4 << 10
		p.Gateway.Limits = gateway.DefaultLimits()
		p.Gateway.Limits.MaxTextBytes, p.Gateway.Limits.MaxMessages = 1000, 3
	})
	status(t, r.Post(t, completions, chat("auto", strings.Repeat("x", 5<<10), "")), 413)
	status(t, r.Post(t, completions, chat("auto", strings.Repeat("x", 1001), "")), 413)
	status(t, r.Post(t, completions, chat("auto", "  ", "")), 400)
	status(t, r.Post(t, completions, `{"model":"auto","messages":[`+strings.Repeat(`{"role":"user","content":"a"},`, 3)+`{"role":"user","content":"a"}]}`), 400)
	status(t, r.Post(t, completions, chat("auto", "Hi", ""), "Content-Type", "text/plain"), 400)
	status(t, r.Post(t, completions, chat("auto", "Hi", ""), "X-Sluice-Threshold", "7"), 400)
	status(t, r.Post(t, completions, chat("auto", "Hi", ""), "X-Sluice-Tags", strings.Repeat("a,", 65)), 400)
	status(t, r.Post(t, "/v1/nothing", "{}"), 404)
	if n := len(r.Decisions(t)); n != 0 {
		t.Errorf("%d decisions", n)
	}
}

// one is a budget with room for so many claims.
type one struct {
	mu      sync.Mutex
	left    sluice.MicroUSD
	open    map[string]sluice.MicroUSD
	verdict budget.Decision
}

func (b *one) Reserve(_ context.Context, c budget.Claim) (budget.Verdict, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.verdict == budget.Downgrade && !c.Downgraded {
		return budget.Verdict{Decision: budget.Downgrade, Budget: "day", Share: 0.9}, nil
	}
	if c.Amount > b.left {
		return budget.Verdict{Decision: budget.Refuse, Budget: "day", ResetsAt: time.Unix(0, 0)}, nil
	}
	if b.open == nil {
		b.open = map[string]sluice.MicroUSD{}
	}
	b.left -= c.Amount
	b.open[c.ID] = c.Amount
	if b.verdict == budget.Warn {
		return budget.Verdict{Decision: budget.Warn, Budget: "day", Subject: c.Tenant, Share: 0.9, ResetsAt: c.At.Add(time.Hour)}, nil
	}
	return budget.Verdict{Decision: budget.OK}, nil
}

func (b *one) Settle(_ context.Context, id string, actual sluice.MicroUSD) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += b.open[id] - actual
	delete(b.open, id)
	return nil
}

func (b *one) State(string, string, string, ...budget.Limit) []budget.State { return nil }

func TestABudgetRefusesOrDowngrades(t *testing.T) {
	t.Parallel()
	poor := &one{left: 10}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Budgets = poor })
	text := status(t, r.Post(t, completions, chat("auto", "Who?", "")), 429)
	if !strings.Contains(text, "insufficient_quota") || !strings.Contains(text, "budget day") || !strings.Contains(text, "may cost $0.") {
		t.Errorf("refusal %s", text)
	}
	if poor.left = 0; r.Post(t, completions, chat("auto", "Who?", "")).Header.Get("X-Should-Retry") != "false" {
		t.Error("OpenAI's clients will ask again at once")
	}
	if d := r.Decisions(t); len(d) != 2 || d[0].Status != 429 || d[0].Cost != 0 || len(r.Lines(t)) != 0 {
		t.Errorf("decisions %+v", d)
	}
	tight := &one{left: 1e9, verdict: budget.Downgrade}
	r = gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Budgets = tight })
	status(t, r.Post(t, completions, chat("auto", "A complex one", "")), 200)
	d := r.Decisions(t)
	if len(d) != 1 || d[0].Model != gatetest.Medium || d[0].Rule != "budget" || d[0].Policy != sluice.Complex {
		t.Errorf("decisions %+v", d)
	}
	if len(tight.open) != 0 || tight.left != 1e9-d[0].Cost {
		t.Errorf("open %v, left %d, the decision cost %d", tight.open, tight.left, d[0].Cost)
	}
}

// What a budget does not give to a hedge is no reason why the model was chosen that answers.
func TestABudgetThatHasNoRoomForAHedgeDecidesNothing(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Gateway.Budgets = &one{left: 1e9, verdict: budget.Downgrade}
		p.Gateway.HedgeAfter = 10 * time.Millisecond
		p.Emulator.Faults = emulator.Faults{SlowForMS: 100}
	})
	if err := r.Emulator.Script(gatetest.Medium, emulator.SlowHeaders); err != nil {
		t.Fatal(err)
	}
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 200)
	if d := r.Decisions(t); len(d) != 1 || d[0].Model != gatetest.Medium || d[0].Rule != rules.StaticRule || len(r.Lines(t)) != 1 {
		t.Errorf("decisions %+v, %d lines", d, len(r.Lines(t)))
	}
}

// dear is budgets of which one refuses the large model.
type dear struct{ one }

func (b *dear) Reserve(ctx context.Context, c budget.Claim) (budget.Verdict, error) {
	if c.Model == gatetest.Large {
		return budget.Verdict{Decision: budget.Refuse, Budget: "flagship", Subject: c.Model, ResetsAt: time.Unix(0, 0)}, nil
	}
	return b.one.Reserve(ctx, c)
}

// A 429 for want of money has clients give up until the budget starts afresh; a model that fails does not.
func TestAStandInThatABudgetRefusesIsLeftOut(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Gateway.Budgets = &dear{one{left: 1e9}}
		p.Gateway.MaxAttempts = 3
	})
	if err := r.Emulator.Script(gatetest.Medium, emulator.Garbage, emulator.Garbage); err != nil {
		t.Fatal(err)
	}
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 502)
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 200)
	status(t, r.Post(t, completions, chat("auto", "A complex one", "")), 429)
	if d := r.Decisions(t); len(d) != 3 || d[0].Outcome != sluice.OutcomeBroken || d[1].Model != gatetest.Medium || d[2].Cost != 0 {
		t.Errorf("decisions %+v", d)
	}
}

// far is budgets whose log does not answer in time.
type far struct {
	one
	asked chan struct{}
}

func (f *far) Reserve(ctx context.Context, _ budget.Claim) (budget.Verdict, error) {
	close(f.asked)
	<-ctx.Done()
	return budget.Verdict{}, ctx.Err()
}

func TestAClientThatLeavesWhileItsBudgetIsAskedIsNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	f := &far{asked: make(chan struct{})}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Budgets = f })
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+completions, strings.NewReader(chat("auto", "Who?", "")))
	if err != nil {
		t.Fatal(err)
	}
	var client sync.WaitGroup
	client.Go(func() {
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	})
	<-f.asked
	leave()
	client.Wait()
	gatetest.Until(t, "the request's end", func() bool { return r.Pipeline.InHand() == 0 })
	if d := r.Decisions(t); len(d) != 1 || d[0].Outcome != sluice.OutcomeCanceled || d[0].Status != 499 || d[0].Cost != 0 {
		t.Errorf("decisions %+v", d)
	}
}

func TestABudgetThatWarnsIsHeardOnceAPeriod(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var heard []string
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Gateway.Budgets = &one{left: 1e9, verdict: budget.Warn}
		p.Gateway.OnWarning = func(v budget.Verdict) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, string(v.Decision)+" "+gateway.BudgetName(v.Budget, v.Subject))
		}
	})
	for _, tenant := range []string{"acme", "acme", "globex"} {
		status(t, r.Post(t, completions, chat("auto", "Who?", ""), "Authorization", "Bearer "+tenant), 200)
	}
	if got := strings.Join(heard, "; "); got != "warn day of acme; warn day of globex" {
		t.Errorf("heard %q", got)
	}
}

func TestAProviderThatRefusesOurKeyIsNoFaultOfTheClients(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	if err := r.Emulator.Script("", emulator.Unauthorized, emulator.Unauthorized); err != nil {
		t.Fatal(err)
	}
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 503)
	if d := r.Decisions(t); len(d) != 1 || d[0].Outcome != sluice.OutcomeServerError {
		t.Errorf("decisions %+v", d)
	}
}

func TestAFullDiskRefusesBeforeAModelIsCalled(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Spool = full{} })
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 503)
	if n := r.Emulator.Books().Total.Requests; n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

type full struct{}

func (full) Begin(string, []byte) error          { return spool.ErrFull }
func (full) End(string, []streams.Message) error { return spool.ErrFull }

func TestAClientThatLeavesIsStillAccountedFor(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Emulator.Faults = emulator.Faults{SlowForMS: 30_000} })
	if err := r.Emulator.Script(gatetest.Medium, emulator.Slow); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+completions, strings.NewReader(chat("auto", "Which river flows through Baghdad?", `,"stream":true`)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil { // the stream has begun
		t.Fatal(err)
	}
	cancel()
	_ = resp.Body.Close()
	gatetest.Until(t, "the request's end", func() bool { return r.Pipeline.InHand() == 0 })
	d := r.Decisions(t)
	if len(d) != 1 || d[0].Outcome != sluice.OutcomeCanceled || d[0].Status != 499 || d[0].Cost == 0 || !d[0].CostEstimated {
		t.Errorf("decisions %+v", d)
	}
}

func TestWhatAKilledGatewayLeftIsSettledAtWhatWasReserved(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	hanging := make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // to its end, so that the server watches the connection
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		close(hanging)
		<-r.Context().Done()
	}))
	t.Cleanup(provider.Close)
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Silent, p.Models[0].BaseURL = true, provider.URL })
	ctx, cancel := context.WithCancel(t.Context())
	var g sync.WaitGroup
	g.Go(func() {
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+completions, strings.NewReader(chat("auto", "Who is it?", "")))
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	})
	<-hanging // at the second attempt, whose intent is written before it
	// Another process opens what this one, killed, would leave.
	_, left, err := spool.Open(spool.Options{Dir: r.Dir})
	if err != nil || len(left) != 1 || len(left[0].Intents) != 2 {
		t.Fatalf("left over %v (%v)", left, err)
	}
	s, err := gateway.Settle(left[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d, err := streams.Decode[sluice.Decision](s.Facts[0].Data)
	if err != nil || len(s.Facts) != 1 || len(d.Calls) != 2 {
		t.Fatalf("%d facts, the first %+v (%v)", len(s.Facts), d, err)
	}
	first, second := d.Calls[0], d.Calls[1]
	if first.Outcome != sluice.OutcomeServerError || first.Cost != 0 || second.Outcome != sluice.OutcomeBroken || !second.CostEstimated || second.Cost == 0 {
		t.Errorf("lines %+v, %+v", first, second)
	}
	if d.ID != left[0].ID || d.Cost != second.Cost || !d.CostEstimated || d.Query.Text != "Who is it?" || d.Policy != sluice.Standard ||
		d.Probabilities[sluice.Standard] != 0.8 || d.Features["words"] != 3 || len(s.Spends) != 2 {
		t.Errorf("decision %+v", d)
	}
	cancel()
	g.Wait()
}

func TestASwapOfRulesUnderLoadFailsNoRequestAndMixesNoVersions(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	mapper := func(model string) *rules.Mapper {
		m, err := rules.New(rules.Spec{
			Preset: "none", Policies: sluice.DefaultPolicies(), Medium: gatetest.Medium, Large: gatetest.Large, Models: []string{gatetest.Medium, gatetest.Large},
			Rules: []rules.Rule{{Name: "all-to-" + strings.ReplaceAll(model, ".", "-"), Then: rules.Then{Model: model}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	sets := map[string]string{} // model by version
	a, b := mapper(gatetest.Medium), mapper(gatetest.Large)
	sets[a.Version()], sets[b.Version()] = gatetest.Medium, gatetest.Large
	r.Pipeline.SwapRules(a)
	ctx, stop := context.WithCancel(t.Context())
	var swapping, asking sync.WaitGroup
	swapping.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			r.Pipeline.SwapRules([]*rules.Mapper{a, b}[i%2])
		}
	})
	for range 8 {
		asking.Go(func() {
			for range 25 {
				status(t, r.Post(t, completions, chat("auto", "Who?", "")), 200)
			}
		})
	}
	asking.Wait()
	stop()
	swapping.Wait()
	decisions := r.Decisions(t)
	if len(decisions) != 200 {
		t.Fatalf("%d decisions", len(decisions))
	}
	for _, d := range decisions {
		if sets[d.RulesVersion] != d.Model {
			t.Errorf("rules %s chose %s", d.RulesVersion, d.Model)
		}
	}
}

func TestDrainingRefusesNewRequestsAndEndsThoseInHand(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Emulator.Faults = emulator.Faults{HangForMS: 60_000} })
	if err := r.Emulator.Script("", emulator.Hang); err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	g.Go(func() { status(t, r.Post(t, completions, chat("auto", "Who?", "")), 503) })
	gatetest.Until(t, "a request at the model", func() bool { return r.Emulator.Books().Underway > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r.Pipeline.Drain(ctx)
	g.Wait()
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 503)
	if d := r.Decisions(t); len(d) != 1 || d[0].Cost == 0 || !d[0].CostEstimated {
		t.Errorf("decisions %+v", d)
	}
}

func TestFaultsOfOtherKindsAreNoneOfTheClients(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Models = failing{errors.New("secret words")} })
	if text := status(t, r.Post(t, completions, chat("auto", "Who?", "")), 500); strings.Contains(text, "secret") {
		t.Errorf("the client is told %s", text)
	}
}

type failing struct{ err error }

func (f failing) Chat(context.Context, llm.ChainOptions, llm.ChatRequest, llm.Hooks, func(llm.Chunk) error) (llm.ChainResult, error) {
	return llm.ChainResult{}, f.err
}

func TestAQuestionOfNothingThatCanBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for _, text := range []string{"", " ", `\u0000`, `\u0000 \u0007`} {
		status(t, r.Post(t, completions, `{"model":"auto","messages":[{"role":"user","content":"`+text+`"}]}`), 400)
	}
	if d := r.Decisions(t); len(d) != 0 {
		t.Errorf("decisions %+v", d)
	}
}
