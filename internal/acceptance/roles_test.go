package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/internal/gatetest"
	"sluice/internal/natstest"
	"sluice/streams"
	"sluice/trainer/registry"
)

// Every part runs its real command under its own role, on a server that has what sluice streams permissions prints
// and wants certificates: the offline ring, the online ring, the loop between them, and a training to its end. The
// server refuses nothing that they ask.
func TestEveryCommandDoesItsWholeWorkUnderItsRole(t *testing.T) {
	t.Parallel()
	var heard atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	t.Cleanup(hook.Close)
	s := startSecured(t, "HOOK="+hook.URL)
	s.run(streams.RoleOperator, "", "streams", "apply")
	s.run(streams.RoleOperator, "", "migrate", "up")
	secret := strings.TrimSpace(s.run(streams.RoleOperator, "", "keys", "create", "--name", "app"))

	startStages(s)
	offline(s)
	gateway := startGateway(s)
	online(s, gateway, secret)
	awaitLoop(s, &heard)
	trains(s, gateway, secret)
	paged(s, gateway)
	routed(s, secret)
	dropped(s)

	if out := s.run(streams.RoleViewer, "", "status"); !strings.Contains(out, "training") {
		t.Errorf("the viewer's status does not speak of training:\n%s", out)
	}
	if out := s.run(streams.RoleOperator, "", "dead", "list"); strings.Contains(out, "poison") {
		t.Errorf("dead letters:\n%s", out)
	}
	s.stop()
	// The last word of the server's log is on something that no judge may ask; there must be no other.
	if err := s.connect(streams.RoleJudge).Publish("$JS.API.STREAM.INFO.CALLS", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.server.WaitFor(t.Context(), `Publish Violation - Subject "$JS.API.STREAM.INFO.CALLS"`); err != nil {
		t.Fatal(err)
	}
	if refused := s.violations(); len(refused) != 1 {
		t.Errorf("the server refused:\n%s", strings.Join(refused, "\n"))
	}
}

// startStages starts every consumer as its own user.
func startStages(s *secured) {
	s.t.Helper()
	const monitor = `monitor:
  every: 200ms
  metrics_listen: ""
  webhooks: [{url_env: HOOK}]
  rules: [{name: latency_p99, limit: 0.000001, window: 5m, least: 1, severity: warning}]
  sample: {share: 1, even: 1, every: 1s}
`
	for _, stage := range stages {
		config := ""
		if stage == "monitor" {
			config = monitor
		}
		s.serve(streams.Role(stage), config, "consuming", "consume", stage, "--upstream", "emulator")
	}
}

// offline publishes questions and waits until all are examples.
func offline(s *secured) {
	s.t.Helper()
	const n = 60
	file := filepath.Join(s.dir, "questions.csv")
	rows := "metadata,problem,answer\n"
	for i := range n {
		rows += fmt.Sprintf("{},What is entry %d of the list of %s?,entry %d\n", i, strings.Repeat("old ", i%5), i)
	}
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		s.t.Fatal(err)
	}
	for range 2 { // twice is once
		s.run(streams.RoleUpstream, "", "publish", "--format", "simpleqa", file)
	}
	s.rows(n, "examples", "SELECT count(*) FROM examples")
}

// gatewayConfig has a budget, and rules that a test changes.
func gatewayConfig(rules string) string {
	return "budgets: {limits: [{name: all, scope: global, period: day, limit: \"5\", action: refuse, warn_at: 0.9}]}\ngateway: {log_decisions: false}\nrouting: " + rules + "\n"
}

// served is a gateway and where its configuration lies.
type served struct{ url, config string }

func startGateway(s *secured, more ...string) served {
	s.t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", natstest.FreePort(s.t))
	spec := s.spec(streams.RoleGateway, gatewayConfig("{preset: none}"), append([]string{"gateway", "--upstream", "emulator", "--listen", addr}, more...)...)
	s.start(spec, "the gateway is up")
	return served{url: "http://" + addr, config: filepath.Join(spec.Dir, "sluice.yaml")}
}

// said is what a reply says of itself.
type said struct {
	status int
	body   string
	Sluice struct {
		ID     string `json:"decision_id"`
		Rule   string `json:"rule"`
		Router string `json:"router_version"`
		Fault  string `json:"router_fault"`
	} `json:"sluice"`
}

func (g served) post(t *testing.T, secret, path, body string) said {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := said{status: resp.StatusCode, body: string(text)}
	_ = json.Unmarshal(text, &out)
	return out
}

func (g served) ask(t *testing.T, secret, question string) said {
	t.Helper()
	return g.post(t, secret, "/v1/chat/completions", fmt.Sprintf(`{"model":"auto","messages":[{"role":"user","content":%q}]}`, question))
}

// until asks again and again until the reply is as wanted, for at most a minute.
func (g served) until(t *testing.T, secret, what string, yes func(said) bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		last := g.ask(t, secret, "Which river flows through Baghdad?")
		if yes(last) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("a minute passed without: %s; the last reply is %d %s", what, last.status, last.body)
		}
	}
}

// online uses all of a gateway: both doors, keys, budgets, feedback, changed rules.
func online(s *secured, g served, secret string) {
	t := s.t
	t.Helper()
	if out := g.ask(t, "wrong", "Which river?"); out.status != http.StatusUnauthorized {
		t.Errorf("a wrong key: %d %s", out.status, out.body)
	}
	var last said
	for i := range 20 {
		if last = g.ask(t, secret, fmt.Sprintf("Which river is number %d?", i)); last.status != http.StatusOK {
			t.Fatalf("%d %s", last.status, last.body)
		}
	}
	if out := g.post(t, secret, "/v1/feedback", fmt.Sprintf(`{"decision_id":%q,"thumb":"up"}`, last.Sluice.ID)); out.status != http.StatusOK {
		t.Errorf("feedback: %d %s", out.status, out.body)
	}
	client := s.connect(streams.RoleClient)
	for _, subject := range []string{"route.decide", "route.answer", "$SRV.PING.sluice-gateway"} {
		if m, err := client.Request(subject, []byte(`{"query":"Which river?"}`), 30*time.Second); err != nil || m.Header.Get("Nats-Service-Error") != "" {
			t.Errorf("%s: %v, %+v", subject, err, m)
		}
	}
	streamed(t, client)
	rewrite(t, g.config, gatewayConfig(`{preset: none, rules: [{name: rivers, when: {}, then: {tier: large}}]}`))
	g.until(t, secret, "changed rules", func(r said) bool { return r.Sluice.Rule == "rivers" })
	rewrite(t, g.config, gatewayConfig(`{preset: none, rules: [{name: rivers, when: {expr: "no such"}, then: {tier: large}}]}`))
	s.rows(1, "the alert of refused rules", "SELECT count(*) FROM alerts WHERE rule = 'rules_refused'")

	other := strings.TrimSpace(s.run(streams.RoleOperator, "", "keys", "create", "--name", "brief"))
	g.until(t, other, "the second key", func(r said) bool { return r.status == http.StatusOK })
	id := regexp.MustCompile(`^sk-sluice-([^-]+)-`).FindStringSubmatch(other)
	s.run(streams.RoleOperator, "", "keys", "revoke", id[1])
	g.until(t, other, "its revocation", func(r said) bool { return r.status == http.StatusUnauthorized })
	if out := s.run(streams.RoleOperator, gatewayConfig("{}"), "budgets", "show", "--json"); !regexp.MustCompile(`"spent_microusd": ?[1-9]`).MatchString(out) {
		t.Errorf("nothing is spent: %s", out)
	}
}

// streamed reads a streamed reply over NATS to its end.
func streamed(t *testing.T, client *nats.Conn) {
	t.Helper()
	inbox, err := client.SubscribeSync(client.NewInbox())
	if err == nil {
		err = client.PublishRequest("route.answer", inbox.Subject, []byte(`{"query":"Which river flows through Baghdad?","stream":true}`))
	}
	if err != nil {
		t.Fatal(err)
	}
	for pieces := 0; ; pieces++ {
		m, err := inbox.NextMsg(30 * time.Second)
		if err != nil {
			t.Fatalf("after %d pieces: %v", pieces, err)
		}
		if m.Header.Get("Sluice-Final") == "true" {
			if pieces == 0 || m.Header.Get("Nats-Service-Error") != "" {
				t.Errorf("%d pieces, then %v %s", pieces, m.Header, m.Data)
			}
			return
		}
	}
}

func rewrite(t *testing.T, path, sections string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err == nil {
		connection, _, _ := strings.Cut(string(old), "\n")
		err = os.WriteFile(path+".new", []byte(connection+"\n"+sections), 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// awaitLoop waits for what the monitor makes of the online ring: rows, alerts at the webhook, labels of sampled
// queries and the judge's word on them.
func awaitLoop(s *secured, heard *atomic.Int64) {
	s.t.Helper()
	s.rows(20, "decisions", "SELECT count(*) FROM decisions")
	s.rows(1, "a client's feedback", "SELECT count(*) FROM feedback WHERE source <> 'judge'")
	s.rows(1, "an alert of the monitor's", "SELECT count(*) FROM alerts WHERE rule = 'latency_p99'")
	s.rows(1, "the judge's word on a sampled query", "SELECT count(*) FROM feedback WHERE source = 'judge'")
	gatetest.Until(s.t, "an alert at the webhook", func() bool { return heard.Load() > 0 })
}

// trains watches examples, trains a router, and has the operator promote what was made.
func trains(s *secured, g served, secret string) {
	s.t.Helper()
	s.serve(streams.RoleTrainer, "training: {new_examples: 20, min_train: 40, min_test: 2, every: 200ms}\n", "watching examples", "train", "watch")
	s.serve(streams.RoleWorker, "", "waiting for trainings", "train", "worker")
	s.rows(1, "a training's end", "SELECT count(*) FROM training_runs WHERE status IN ('promoted', 'refused')")
	s.rows(1, "its model", "SELECT count(*) FROM models")
	if out := s.run(streams.RoleTrainer, "", "train", "status", "--json"); !strings.Contains(out, `"job_id"`) {
		s.t.Errorf("train status: %s", out)
	}
	version := s.version()
	again := s.run(streams.RoleTrainer, "training: {min_train: 40, min_test: 2, seed: 7}\n", "train", "now", "--json")
	var job struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(again), &job); err != nil || job.ID == "" {
		s.t.Fatalf("train now: %v\n%s", err, again)
	}
	s.run(streams.RoleTrainer, "", "train", "cancel", job.ID)
	s.rows(1, "the cancellation", "SELECT count(*) FROM training_runs WHERE status = 'canceled'")
	s.run(streams.RoleOperator, "", "model", "promote", version)
	g.until(s.t, secret, version+" decides", func(r said) bool { return r.Sluice.Router == version })
}

// dropped ends a canary, which is not the active router, as a gateway and a served router do.
func dropped(s *secured) {
	s.t.Helper()
	version := s.version()
	s.run(streams.RoleOperator, "", "model", "rollback")
	for _, role := range []streams.Role{streams.RoleGateway, streams.RoleRouter} {
		s.run(streams.RoleOperator, "", "model", "canary", version, "--share", "0.01")
		js, err := streams.JetStream(s.connect(role))
		if err != nil {
			s.t.Fatal(err)
		}
		r, err := registry.Open(s.t.Context(), js, nil, time.Now)
		if err == nil {
			err = r.DropCanary(s.t.Context(), version)
		}
		if err != nil {
			s.t.Errorf("%s: %v", role, err)
		}
		if out := s.run(streams.RoleOperator, "", "model", "list", "--json"); strings.Contains(out, `"canary`) {
			s.t.Errorf("%s left the canary:\n%s", role, out)
		}
	}
	if out := s.run(streams.RoleGateway, gatewayConfig("{}"), "ask", "--upstream", "emulator", "Which river?"); strings.TrimSpace(out) == "" {
		s.t.Error("sluice ask says nothing")
	}
}

// version is that of a trained router.
func (s *secured) version() string {
	s.t.Helper()
	for line := range strings.Lines(s.run(streams.RoleOperator, "", "model", "list", "--json")) {
		var m struct {
			Version string `json:"version"`
		}
		if err := json.Unmarshal([]byte(line), &m); err == nil && m.Version != "" {
			return m.Version
		}
	}
	s.t.Fatal("the registry lists no router")
	return ""
}

// routed serves the router to another gateway over NATS, until it is killed.
func routed(s *secured, secret string) {
	s.t.Helper()
	version := s.version()
	router := s.serve(streams.RoleRouter, "", "the router is served", "route", "serve")
	g := startGateway(s, "--set", "gateway.router=nats")
	g.until(s.t, secret, version+" decides over NATS", func(r said) bool { return r.Sluice.Router == version && r.Sluice.Fault == "" })
	router.Kill()
	g.until(s.t, secret, "the static map decides", func(r said) bool { return r.Sluice.Router == "static" && r.Sluice.Fault == "unavailable" })
}
