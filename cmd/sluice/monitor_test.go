package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/config"
	"sluice/consumers/notify"
	"sluice/gateway"
	"sluice/internal/decided"
	"sluice/internal/natstest"
	"sluice/streams"
)

// fetch gets what is at an address.
func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return exchange(t, http.DefaultClient, req)
}

// exchange sends a request and reads the whole reply.
func exchange(t *testing.T, client *http.Client, req *http.Request) (status int, body string) {
	t.Helper()
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %s, %v", req.URL, res.Status, err)
	}
	return res.StatusCode, string(data)
}

// scrape reads an endpoint.
func scrape(t *testing.T, url string) string {
	t.Helper()
	status, body := fetch(t, url)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d", url, status)
	}
	return body
}

// receiver is a webhook that fails the first request of every alert.
type receiver struct {
	mu     sync.Mutex
	seen   map[string]int
	alerts []sluice.Alert
	faults []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(req.Body)
	var seconds int64
	_, _ = fmt.Sscanf(req.Header.Get(notify.HeaderSignature), "t=%d,", &seconds)
	if want := notify.Sign("hook secret", time.Unix(seconds, 0), body); req.Header.Get(notify.HeaderSignature) != want {
		r.faults = append(r.faults, "signature "+req.Header.Get(notify.HeaderSignature))
	}
	if strings.Contains(string(body), "hook secret") {
		r.faults = append(r.faults, "a secret in the body")
	}
	id := req.Header.Get(notify.HeaderAlert)
	if r.seen[id]++; r.seen[id] == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var a sluice.Alert
	if err := json.Unmarshal(body, &a); err != nil || a.ID != id {
		r.faults = append(r.faults, string(body))
	}
	r.alerts = append(r.alerts, a)
}

func (r *receiver) heard() (alerts []sluice.Alert, faults []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.alerts), slices.Clone(r.faults)
}

// The whole way: decisions into the tables and the metrics, an alert to a webhook, a sample round the offline ring
// and back as a judge's word; by two monitors at once.
func TestTheOnlineRingIsWatchedAndTheLoopCloses(t *testing.T) {
	p := newProgram(t).withTables()
	hook := &receiver{seen: map[string]int{}}
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close)
	p.env["HOOK"], p.env["HOOK_SECRET"] = server.URL, "hook secret"
	flags := []string{
		"--set", "monitor.webhooks=[{url_env: HOOK, secret_env: HOOK_SECRET}]", "--set", "monitor.every=200ms",
		"--set", "monitor.rules=[{name: error_rate, limit: 0.02, window: 5m, least: 50, severity: critical}]",
		"--set", "monitor.sample={share: 0.2, even: 0.5, every: 1s, per_day: 30, opted_out: [acme]}",
	}
	where, stop := p.serve(append([]string{"up", "--upstream", "emulator"}, flags...)...)
	second, _ := p.serve(append([]string{"consume", "monitor"}, flags...)...)
	publisher, err := streams.NewPublisher(natstest.Upstream(t, where.NATS), streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	maker := decided.New(5, time.Now().UTC().Add(-2*time.Minute), 100*time.Millisecond)
	maker.Change = func(i int, d *sluice.Decision) {
		if i == 7 {
			d.Answer = "SECRETANSWER"
		}
	}
	msgs, err := maker.Messages(400)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice is once
		if _, err := publisher.Publish(t.Context(), msgs); err != nil {
			t.Fatal(err)
		}
	}
	db := p.db()
	eventually(t, "400 decisions", func() bool { return countOf(t, db, `SELECT count(*) FROM decisions`) == 400 })

	counted := func(prefix string) (n float64) {
		for _, url := range []string{where.Metrics, second.Metrics} {
			for line := range strings.SplitSeq(scrape(t, url), "\n") {
				if strings.HasPrefix(line, prefix) {
					var v float64
					_, _ = fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &v)
					n += v
				}
			}
		}
		return n
	}
	eventually(t, "both monitors' counters to add up", func() bool { return counted("sluice_decisions_total{") == 400 })
	eventually(t, "a window in both", func() bool { return counted(`sluice_window_decisions{window="1h"}`) == 800 })

	eventually(t, "the webhook to hear", func() bool { alerts, _ := hook.heard(); return len(alerts) >= 1 })
	if alerts, faults := hook.heard(); len(faults) > 0 || alerts[0].Rule != "error_rate" || alerts[0].Cleared {
		t.Errorf("%v, %+v", faults, alerts)
	}
	eventually(t, "the alert in the tables", func() bool { return countOf(t, db, `SELECT count(*) FROM alerts`) >= 1 })
	if n := countOf(t, db, `SELECT count(*) FROM alerts`); n != 1 {
		t.Errorf("%d alerts by two monitors, want 1", n)
	}

	eventually(t, "judges' words on sampled queries", func() bool {
		return countOf(t, db, `SELECT count(*) FROM samples`) == countOf(t, db, `SELECT count(*) FROM feedback WHERE source = 'judge'`) &&
			countOf(t, db, `SELECT count(*) FROM samples`) > 0
	})
	if n := countOf(t, db, `SELECT count(*) FROM samples`); n > 30 {
		t.Errorf("%d samples, at most 30 a day", n)
	}
	for what, sql := range map[string]string{
		"a tenant that opted out was sampled":  `SELECT count(*) FROM samples WHERE tenant = 'acme'`,
		"a sample was asked under another key": `SELECT count(*) FROM samples s WHERE NOT EXISTS (SELECT FROM queries q WHERE q.key = s.query_key)`,
		"a tag is missing": `SELECT count(*) FROM samples s JOIN queries q ON q.key = s.query_key
			WHERE q.tags <> ARRAY['sampled:' || s.chosen_by] OR q.source <> 'online'`,
	} {
		if n := countOf(t, db, sql); n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	words := countOf(t, db, `SELECT count(*) FROM feedback`)
	for _, table := range []string{"decisions", "feedback", "alerts"} { // as tables that are older than the log
		countOf(t, db, `WITH gone AS (DELETE FROM `+table+` RETURNING 1) SELECT count(*) FROM gone`)
	}
	p.must("replay", "--stage", "monitor", "--since", "1h")
	eventually(t, "what the tables had lost", func() bool {
		return countOf(t, db, `SELECT count(*) FROM decisions`) >= 400 && countOf(t, db, `SELECT count(*) FROM feedback`) >= words &&
			countOf(t, db, `SELECT count(*) FROM alerts`) >= 1
	})
	stop()
}

// What was cut to fit into a decision is another question than the client's.
func TestNoQuestionThatMayHaveBeenCutIsLabelled(t *testing.T) {
	c := config.Default()
	if got := planOf(c).MaxBytes; got != c.Query.MaxBytes {
		t.Errorf("up to %d bytes are labelled, want what the ring lets in, %d", got, c.Query.MaxBytes)
	}
	c.Query.MaxBytes = 512 << 10
	if got := planOf(c).MaxBytes; got >= gateway.MostStored {
		t.Errorf("up to %d bytes are labelled, and %d are stored", got, gateway.MostStored)
	}
}
