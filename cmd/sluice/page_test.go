package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/gateway/page"
	"sluice/internal/natstest"
	"sluice/streams"
)

// browser is somebody who looks at a page, with a jar of cookies.
type browser struct {
	t      *testing.T
	url    string
	client *http.Client
}

func newBrowser(t *testing.T, url string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, url, &http.Client{Jar: jar}}
}

// send asks as the page's script does.
func (b *browser) send(method, path, body string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("X-Sluice-Page", "1")
	req.Header.Set("Origin", b.url)
	return exchange(b.t, b.client, req)
}

func (b *browser) post(path, body string) (int, string) {
	b.t.Helper()
	return b.send(http.MethodPost, path, body)
}

// must presses a button that works.
func (b *browser) must(path, body string) {
	b.t.Helper()
	if status, text := b.post(path, body); status != http.StatusOK {
		b.t.Fatalf("%s %s: %d %s", path, body, status, text)
	}
}

// login opens a session with a key that was just made.
func (b *browser) login(secret string) {
	b.t.Helper()
	eventually(b.t, "a login", func() bool {
		status, _ := b.post("/page/login", `{"key":"`+secret+`"}`)
		return status == http.StatusOK
	})
}

// seen reads a source; what is not there yet, or not just now, is the zero value.
func seen[T any](b *browser, path string) (v T) {
	b.t.Helper()
	status, text := b.send(http.MethodGet, "/page/"+path, "")
	if err := json.Unmarshal([]byte(text), &v); err != nil && status == http.StatusOK {
		b.t.Fatalf("%s: %s: %v", path, text, err)
	}
	return v
}

func TestADecisionIsOnThePageWithinTwoSeconds(t *testing.T) {
	p := newProgram(t).withTables()
	where, _ := p.serve("up", "--upstream", "emulator", "--set", "budgets.limits=[{name: all, scope: global, period: day, limit: 1, action: refuse}]")
	visitor := newBrowser(t, where.Gateway)
	if status, text := visitor.send(http.MethodGet, "/", ""); status != http.StatusOK || !strings.Contains(text, "<title>Sluice</title>") {
		t.Fatalf("the page: %d %s", status, text)
	}
	eventually(t, "tables", func() bool { return seen[page.Online](visitor, "online?window=5m").WindowSeconds == 300 })
	const text = "Which river flows through Baghdad, asks MARKERANN?"
	made, late := 0, time.Hour
	for late > 2*time.Second && made < 10 { // a machine that does much else is late now and then: not each time
		if status, reply := chat(t, where.Gateway, text); status != http.StatusOK {
			t.Fatalf("%d %s", status, reply)
		}
		made++
		asked := time.Now()
		eventually(t, "the decision", func() bool { return len(seen[page.Online](visitor, "online?window=5m").Recent) == made })
		late = time.Since(asked)
	}
	if late > 2*time.Second {
		t.Errorf("the last of %d is there after %s", made, late)
	}
	o := seen[page.Online](visitor, "online?window=5m")
	if o.Decisions != int64(made) || o.Cost <= 0 || len(o.Models) != 1 || len(o.Policies) != 1 || len(o.Slots) == 0 || len(o.Slots) > made || len(o.Latency) != 3 || o.Recent[0].Model == "" {
		t.Errorf("the window is %+v", o)
	}
	if _, raw := visitor.send(http.MethodGet, "/page/online?window=5m", ""); strings.Contains(raw, "MARKERANN") {
		t.Errorf("a visitor reads the query: %s", raw)
	}
	eventually(t, "its cost in the budget", func() bool {
		all := seen[[]page.Budget](visitor, "budgets")
		return len(all) == 1 && all[0].Limit == 1_000_000 && all[0].Spent == o.Cost
	})
	stages := seen[[]page.Stage](visitor, "pipeline")
	if i := slices.IndexFunc(stages, func(s page.Stage) bool { return s.Name == "answer" }); i < 0 || !stages[i].Alive {
		t.Errorf("the pipeline is %+v", stages)
	}
	// Before the first key, this machine may try a decision, and that is not one.
	status, tried := visitor.post("/page/try", `{"text":"Prove that the square root of 2 is irrational."}`)
	var d sluice.Decision
	if err := json.Unmarshal([]byte(tried), &d); status != http.StatusOK || err != nil || d.Model == "" || d.Rule == "" || d.Reasoning == "" {
		t.Errorf("tried: %d %s", status, tried)
	}
	ask(t, where.NATS, "web", question("q1", "Is this one labelled?", ""))
	eventually(t, "the matrix", func() bool {
		cells := seen[[]page.Cell](visitor, "matrix")
		var n int64
		for _, c := range cells {
			n += c.Queries
		}
		return len(cells) == 9 && n == 1
	})
	if n := len(decisionsIn(t, where.NATS)); n != made {
		t.Errorf("%d decisions are in the log", n)
	}
}

func TestAnAdminReplaysAndPromotesOnThePageAndNobodyElse(t *testing.T) {
	p := newProgram(t).withTables()
	first, v1 := controlArtifact(t, 1)
	second, v2 := controlArtifact(t, 2)
	p.must("model", "import", first)
	p.must("model", "import", second)
	where, _ := p.serve("up", "--upstream", "emulator")
	ask(t, where.NATS, "web", `{"query":""}`)
	secret := strings.TrimSpace(p.must("keys", "create", "--scope", "admin"))
	plain := strings.TrimSpace(p.must("keys", "create"))
	db := p.db()
	b := newBrowser(t, where.Gateway)
	eventually(t, "the first death in the tables", func() bool { return countOf(t, db, `SELECT count(*) FROM dead_letters`) == 1 })
	eventually(t, "the gateway to know of keys", func() bool { return !seen[map[string]bool](b, "session")["try"] })
	for path, body := range map[string]string{
		"/page/promote": `{"version":"` + v1 + `"}`, "/page/rollback": `{}`, "/page/replay": `{"id":"x"}`, "/page/try": `{"text":"Why?"}`, "/page/login": `{"key":"` + plain + `"}`,
	} {
		if status, text := b.post(path, body); status != http.StatusUnauthorized {
			t.Errorf("%s without an admin's login: %d %s", path, status, text)
		}
	}
	if letters := seen[page.Letters](b, "dead"); letters.Total != 0 {
		t.Errorf("a visitor sees dead letters: %+v", letters)
	}
	b.login(secret)
	letters := seen[page.Letters](b, "dead")
	if letters.Total != 1 || len(letters.List) != 1 || letters.List[0].Reason != "empty_query" {
		t.Fatalf("dead letters: %+v", letters)
	}
	b.must("/page/replay", `{"id":"`+letters.List[0].ID+`"}`)
	eventually(t, "the second death", func() bool { return countOf(t, db, `SELECT count(*) FROM dead_letters`) == 2 })
	promotes(t, b, v1, v2)
	eventually(t, "the tables to know", func() bool { return countOf(t, db, `SELECT count(*) FROM models WHERE status = 'retired'`) == 1 })
	replaysNothingUndecodable(t, b, p, where.NATS)
	b.must("/page/logout", "{}")
	if status, _ := b.post("/page/rollback", "{}"); status != http.StatusUnauthorized {
		t.Errorf("after logging out: %d", status)
	}
	b.login(secret)
	id, _, _ := strings.Cut(strings.TrimPrefix(secret, "sk-sluice-"), "-")
	p.must("keys", "revoke", id)
	eventually(t, "the session to end with its key", func() bool {
		status, _ := b.send(http.MethodGet, "/page/dead", "")
		return status == http.StatusUnauthorized
	})
}

// replaysNothingUndecodable stores bytes in DEAD that are no letter: both lists have them beside the others.
func replaysNothingUndecodable(t *testing.T, b *browser, p *program, url string) {
	t.Helper()
	ack, err := natstest.Upstream(t, url).Publish(t.Context(), "dead.x", []byte("no letter"))
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint("undecodable-", ack.Sequence)
	eventually(t, "the page to list it beside the other", func() bool {
		list := seen[page.Letters](b, "dead").List
		return len(list) > 1 && slices.ContainsFunc(list, func(l page.Letter) bool { return l.ID == id && l.Undecodable })
	})
	if status, text := b.post("/page/replay", `{"id":"`+id+`"}`); status != http.StatusConflict || !strings.Contains(text, "can't be read") {
		t.Errorf("its replay: %d %s", status, text)
	}
	if out := p.must("dead", "list"); !strings.Contains(out, id) || !strings.Contains(out, "empty_query") {
		t.Errorf("listed:\n%s", out)
	}
	if out := p.must("dead", "show", id); !strings.Contains(out, `"undecodable": true,`) || !strings.Contains(out, `"raw": "no letter"`) {
		t.Errorf("shown: %s", out)
	}
	if _, errs, status := p.run("dead", "replay", id); status != statusFailed || !strings.Contains(errs, "0 of 1 dead letter handed") || !strings.Contains(errs, "sluice dead drop") {
		t.Errorf("replayed: %d %s", status, errs)
	}
	p.must("dead", "drop", id)
	if out := p.must("dead", "list"); strings.Contains(out, id) {
		t.Errorf("dropped, and listed:\n%s", out)
	}
}

// promotes has two versions decide, one after the other, and goes back.
func promotes(t *testing.T, b *browser, v1, v2 string) {
	t.Helper()
	active := func() (version, back string) {
		for _, r := range seen[[]page.Router](b, "routers") {
			if r.Active {
				version = r.Version
			}
			if r.Before {
				back = r.Version
			}
		}
		return version, back
	}
	if status, text := b.post("/page/rollback", `{}`); status != http.StatusConflict {
		t.Errorf("a rollback to nothing: %d %s", status, text)
	}
	b.must("/page/promote", `{"version":"`+v1+`"}`)
	if status, text := b.post("/page/promote", `{"version":"`+v2+`"}`); status != http.StatusConflict || !strings.Contains(text, "look again") {
		t.Errorf("a promotion over what is active no more: %d %s", status, text)
	}
	if status, text := b.post("/page/promote", `{"version":"nobody","over":"`+v1+`"}`); status != http.StatusNotFound {
		t.Errorf("a promotion of nobody: %d %s", status, text)
	}
	b.must("/page/promote", `{"version":"`+v2+`","over":"`+v1+`"}`)
	if version, back := active(); version != v2 || back != v1 {
		t.Errorf("%s is active, before it was %s", version, back)
	}
	eventually(t, v2+" decides", func() bool {
		_, text := b.post("/page/try", `{"text":"Why?"}`)
		return strings.Contains(text, `"router_version":"`+v2)
	})
	if status, _ := b.post("/page/rollback", `{"over":"`+v1+`"}`); status != http.StatusConflict {
		t.Errorf("a rollback of what is active no more: %d", status)
	}
	b.must("/page/rollback", `{"over":"`+v2+`"}`)
	if version, back := active(); version != v1 || back != "static" {
		t.Errorf("%s is active, before it was %s", version, back)
	}
}

// What the gate refused is promoted only by who was told so.
func TestThePageTellsWhatTheGateRefused(t *testing.T) {
	p := newProgram(t).withTables()
	dir, version := controlArtifact(t, 1)
	p.must("model", "import", dir)
	where, _ := p.serve("up", "--upstream", "emulator")
	told, err := streams.ToldFact(sluice.TrainingEvent{JobID: "j", Attempt: 1, Sequence: 1, Kind: "refused", ModelVersion: version, Message: "no better than a coin", At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	pub, err := streams.NewPublisher(natstest.Upstream(t, where.NATS), streams.PublisherOptions{})
	if err == nil {
		_, err = pub.Publish(t.Context(), []streams.Message{told})
		err = errors.Join(err, pub.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, where.Gateway)
	eventually(t, "the refusal", func() bool {
		return slices.ContainsFunc(seen[[]page.Router](b, "routers"), func(r page.Router) bool {
			return r.Status == "refused" && r.Reason == "no better than a coin" && r.APGR != nil && *r.APGR == 0.625
		})
	})
	b.login(strings.TrimSpace(p.must("keys", "create", "--scope", "admin")))
	if status, text := b.post("/page/promote", `{"version":"`+version+`"}`); status != http.StatusConflict || !strings.Contains(text, "a coin") {
		t.Errorf("without a word: %d %s", status, text)
	}
	b.must("/page/promote", `{"version":"`+version+`","anyway":true}`)
}

func TestAGatewayWithoutTablesSaysSoWhereTheyAreWanted(t *testing.T) {
	p := newProgram(t)
	where, _ := p.serve("gateway", "--upstream", "emulator")
	b := newBrowser(t, where.Gateway)
	for _, path := range []string{"online?window=5m", "quality", "matrix"} {
		if status, text := b.send(http.MethodGet, "/page/"+path, ""); status != http.StatusNotFound || !strings.Contains(text, "without Postgres") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	for _, path := range []string{"budgets", "pipeline", "routers"} {
		if status, text := b.send(http.MethodGet, "/page/"+path, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, reply := chat(t, where.Gateway, "Which river?"); status != http.StatusOK {
		t.Errorf("%d %s", status, reply)
	}
}

// Tables that are away are told by their parts, and harm no request.
func TestAGatewayWhoseTablesAreAwayAnswers(t *testing.T) {
	p := newProgram(t)
	p.env["DATABASE_URL"] = "postgres://nobody:hush@127.0.0.1:1/nowhere"
	where, _ := p.serve("gateway", "--upstream", "emulator")
	b := newBrowser(t, where.Gateway)
	if status, text := b.send(http.MethodGet, "/page/matrix", ""); status != http.StatusBadGateway || strings.Contains(text, "127.0.0.1") || strings.Contains(text, "hush") {
		t.Errorf("%d %s", status, text)
	}
	if status, reply := chat(t, where.Gateway, "Which river?"); status != http.StatusOK {
		t.Errorf("%d %s", status, reply)
	}
}

func TestAPageMayBeLockedOrLeftOut(t *testing.T) {
	p := newProgram(t)
	for how, want := range map[string][2]int{"login": {http.StatusOK, http.StatusUnauthorized}, "off": {http.StatusNotFound, http.StatusNotFound}} {
		where, stop := p.serve("gateway", "--upstream", "emulator", "--set", "gateway.page="+how)
		b := newBrowser(t, where.Gateway)
		page, _ := b.send(http.MethodGet, "/", "")
		pipeline, _ := b.send(http.MethodGet, "/page/pipeline", "")
		if page != want[0] || pipeline != want[1] {
			t.Errorf("%s: %d and %d", how, page, pipeline)
		}
		stop()
	}
}
