package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/gateway/budget"
	"sluice/internal/natstest"
	"sluice/llm/emulator"
	"sluice/operate"
)

// replicas are gateways that share a log and a provider, each with a spool and a budgets' keeper of its own.
type replicas struct {
	t        *testing.T
	nats     string
	provider *emulator.Server
	secret   string
	urls     []string
	stop     []func() int
	client   *http.Client
}

// oneDollar is the tenant's budget, and rules that ask the large model whatever comes.
const oneDollar = `
budgets:
  limits: [{name: one, scope: tenant, match: acme, period: month, limit: "1", action: refuse, warn_at: 0.9}]
routing: {preset: none, rules: [{name: all, when: {}, then: {tier: large}}]}
gateway: {log_decisions: false, max_attempts: 3, max_queued: 1000}
models:
  - {name: gemini-2.5-flash, base_url: %[1]q, concurrency: 32, timeout: %[2]s}
  - {name: gemini-2.5-pro, base_url: %[1]q, concurrency: 32, timeout: %[2]s}
`

func startReplicas(t *testing.T, n int, faults emulator.Faults) *replicas {
	t.Helper()
	server := natstest.Start(t)
	natstest.Apply(t, server.JetStream(), natstest.Options())
	source, err := emulator.NewSynthetic(nil, emulator.SyntheticConfig{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	r := &replicas{t: t, nats: server.URL(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	if r.provider, err = emulator.New(emulator.Config{Source: source, Seed: 5, Faults: faults}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.provider.Close)
	upstream, err := r.provider.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	timeout := time.Minute
	if faults.Stall > 0 { // nothing else ends those
		timeout = 2 * time.Second
	}
	for i := range n {
		p := newProgram(t)
		p.env["NATS_URL"], p.env["GEMINI_API_KEY"] = server.URL(), "nobody's"
		path := filepath.Join(p.dir, "dollar.yaml")
		if err := os.WriteFile(path, fmt.Appendf(nil, oneDollar, upstream, timeout), 0o600); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			r.secret = strings.TrimSpace(p.must("keys", "create", "--name", "app", "--tenant", "acme"))
		}
		where, stop := p.serve("--config", path, "gateway")
		r.urls, r.stop = append(r.urls, where.Gateway), append(r.stop, stop)
	}
	return r
}

// fate is how a request ended: answered, refused for want of money, refused since the log was too slow to say
// whether there is any (as it is on a machine that does much else), or failed at the provider.
type fate int

const (
	answered fate = iota
	refused
	unsure
	failed
)

// ask makes request i of its dialect, and says how it ended.
func (r *replicas) ask(i int) fate {
	url := r.urls[i%len(r.urls)]
	stream := i/len(r.urls)%2 == 1
	gemini := i/len(r.urls)%4 >= 2
	question := fmt.Sprintf("Prove theorem number %d.", i)
	switch {
	case gemini && stream:
		url += "/v1beta/models/auto:streamGenerateContent?alt=sse"
	case gemini:
		url += "/v1beta/models/auto:generateContent"
	default:
		url += "/v1/chat/completions"
	}
	body := fmt.Sprintf(`{"model":"auto","stream":%t,"max_completion_tokens":500,"messages":[{"role":"user","content":%q}]}`, stream, question)
	if gemini {
		body = fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":%q}]}],"generationConfig":{"maxOutputTokens":500}}`, question)
	}
	status, text := r.post(url, body)
	switch {
	case status == http.StatusOK && strings.Contains(text, `"error"`):
		return failed // a stream that broke
	case status == http.StatusOK:
		return answered
	case status == http.StatusTooManyRequests && spentOut(text, gemini):
		return refused
	case status == http.StatusServiceUnavailable && strings.Contains(text, "the budgets can't be asked now"):
		return unsure
	case status < 500 && status != http.StatusTooManyRequests: // the provider may have too many, too
		r.t.Errorf("request %d: %d %s", i, status, text)
	}
	return failed
}

// spentOut says whether the error says in its dialect that the money is spent.
func spentOut(text string, gemini bool) bool {
	var e struct {
		Error struct {
			Type, Status, Message string
			Code                  any
		}
	}
	if json.Unmarshal([]byte(text), &e) != nil || !strings.Contains(e.Error.Message, "one") {
		return false
	}
	if gemini {
		return e.Error.Status == "RESOURCE_EXHAUSTED" && e.Error.Code == float64(http.StatusTooManyRequests)
	}
	return e.Error.Code == "insufficient_quota"
}

// post makes a request with the key; headers are names and values in turn.
func (r *replicas) post(url, body string, header ...string) (status int, text string) {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.secret)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Error(err)
	}
	return resp.StatusCode, string(data)
}

// storm makes all requests at once and counts their fates.
func (r *replicas) storm(requests int) map[fate]int {
	fates := make(chan fate, requests)
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() { fates <- r.ask(i) })
	}
	all.Wait()
	close(fates)
	count := map[fate]int{}
	for f := range fates {
		count[f]++
	}
	return count
}

// books stops the gateways and reads what the log says: decisions, and the costs of decisions, ledger and budget.
func (r *replicas) books() (decisions int, decided, ledger, budgeted sluice.MicroUSD) {
	t := r.t
	t.Helper()
	for _, stop := range r.stop {
		if status := stop(); status != statusDone {
			t.Errorf("a gateway ended with status %d", status)
		}
	}
	for _, d := range decisionsIn(t, r.nats) {
		decisions++
		decided += d.Cost
	}
	js := natstest.Upstream(t, r.nats)
	for line, err := range operate.GatewayLines(t.Context(), js, decisionsDurable, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		ledger += line.Cost
	}
	b, err := budget.OpenBooks(t.Context(), js, []budget.Limit{{
		Name: "one", Scope: budget.ScopeTenant, Match: "acme", Period: budget.Month, Limit: 1_000_000, Action: budget.ActionRefuse,
	}})
	if err != nil {
		t.Fatal(err)
	}
	states, err := b.Show(t.Context(), time.Now())
	if err != nil || len(states) == 0 {
		t.Fatalf("states %+v, %v", states, err)
	}
	return decisions, decided, ledger, states[0].Spent
}

// Whole gateways, through their own doors: ten of them and a thousand requests at once never spend more than the
// tenant's dollar by the provider's own books, and those who are refused are told so in their own dialect. Where
// all usage arrives everybody's books agree to the micro-dollar; where replies break nobody's is below the
// provider's.
func TestTenGatewaysAndAThousandRequestsSpendAtMostOneDollar(t *testing.T) {
	broken := emulator.MixedFaults(0.15)
	broken.HangForMS, broken.RetryDelayMS, broken.Reset, broken.Stall = 300, 10, 0.03, 0.03
	for name, faults := range map[string]emulator.Faults{"whole": {}, "broken": broken} {
		t.Run(name, func(t *testing.T) {
			const requests = 1000
			r := startReplicas(t, 10, faults)
			count := r.storm(requests)
			decisions, decided, ledger, budgeted := r.books()
			r.provider.Wait()
			total := r.provider.Books().Total
			due := total.Cost + total.LostCost
			t.Logf("%d answered, %d refused, %d told to come back, %d failed; the provider's books %v, ledger %v, budget %v", count[answered], count[refused], count[unsure], count[failed], due, ledger, budgeted)
			if due > 1_000_000 || budgeted > 1_000_000 {
				t.Errorf("the provider bills %v and the budget says %v, of one dollar", due, budgeted)
			}
			if ledger < due || ledger != budgeted || ledger != decided || name == "whole" && ledger != due {
				t.Errorf("the provider bills %v; ledger %v, budget %v, decisions %v", due, ledger, budgeted, decided)
			}
			if count[answered] < 100 || count[refused] < 100 || name == "whole" && count[failed] > 0 || due < 500_000 {
				t.Errorf("%v of %d requests, %v spent: this test would find nothing", count, requests, due)
			}
			if decisions != requests {
				t.Errorf("%d decisions of %d requests", decisions, requests)
			}
		})
	}
}
