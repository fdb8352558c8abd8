package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/llm/emulator"
	"sluice/operate"
	"sluice/streams"
)

// ask publishes one raw message as any client does.
func ask(t *testing.T, url, source, body string) {
	t.Helper()
	if _, err := natstest.Upstream(t, url).Publish(t.Context(), "queries.asked."+source, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func question(id, text, tenant string) string {
	data, err := json.Marshal(streams.Asked{ID: id, Query: text, Tenant: tenant, GroundTruth: []string{"yes"}})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// poison is what the entrance must survive, and the reason that each dies for.
var poison = map[string]string{
	`not json`:                            "undecodable",
	`{"query":""}`:                        "empty_query",
	`{"query":"bell \u0007"}`:             "invalid_text",
	"{\"query\":\"\xff\xfe\"}":            "invalid_text",
	`{"query":7}`:                         "invalid_field",
	`{"query":"x","ground_truths":["y"]}`: "invalid_field",
	`{"query":"` + strings.Repeat("x", 17<<10) + `"}`:    "too_large",
	`{"query":"late","deadline":"2001-01-01T00:00:00Z"}`: "expired",
}

func TestPoisonRestsInTheDeadLettersAndHarmsNobody(t *testing.T) {
	p := newProgram(t).withTables()
	where, stop := p.serve("up", "--upstream", "emulator")
	db := p.db()
	for body := range poison {
		ask(t, where.NATS, "web", body)
	}
	ask(t, where.NATS, "web", question("good", "Is this one fine?", ""))
	eventually(t, "the good question's example", func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) == 1 })
	eventually(t, "every letter in the tables", func() bool { return countOf(t, db, `SELECT count(*) FROM dead_letters`) == len(poison) })

	want := map[string]int{}
	for _, reason := range poison {
		want[reason]++
	}
	for reason, n := range want {
		out := p.must("dead", "list", "--json", "--stage", "intake", "--reason", reason)
		if got := strings.Count(out, "\n"); got != n {
			t.Errorf("%d letters for %s, want %d\n%s", got, reason, n, out)
		}
	}
	var s operate.Status
	if err := json.Unmarshal([]byte(p.must("status", "--json", "--interval", "10ms")), &s); err != nil {
		t.Fatal(err)
	}
	if s.Stages[0].Stage != "intake" || s.Stages[0].Dead != uint64(len(poison)) {
		t.Errorf("status %+v", s.Stages[0])
	}
	if out := p.must("status", "--interval", "10ms"); !strings.Contains(out, "dead of intake: ") || !strings.Contains(out, "empty_query ") {
		t.Errorf("status says nothing of the dead:\n%s", out)
	}
	if out := p.must("dead", "list"); !strings.Contains(out, "empty_query") || !strings.Contains(out, "poison") {
		t.Error(out)
	}

	// What a replay may cost is told before: a question that was too long buys everything, one that is none nothing.
	if out := p.must("dead", "replay", "--reason", "too_large", "--estimate"); !strings.Contains(out, "answer large  │     1") || !strings.Contains(out, "judge         │     2") {
		t.Errorf("the estimate of a question:\n%s", out)
	}
	if out, errs, _ := p.run("dead", "replay", "--reason", "undecodable", "--estimate"); strings.Contains(out, "answer") || !strings.Contains(errs, "No model would be asked") {
		t.Errorf("the estimate of what is no question:\n%s%s", out, errs)
	}
	if _, errs, status := p.run("dead", "replay", "--reason", "too_large", "--max-spend", "0.0001"); status != statusBudget || !strings.Contains(errs, "choose fewer letters") {
		t.Errorf("a replay above its cap: status %d\n%s", status, errs)
	}

	// Replayed, a letter dies again, of the same: a second death in the tables, one letter in the log.
	p.must("dead", "replay", "--reason", "empty_query")
	eventually(t, "the second death", func() bool {
		return countOf(t, db, `SELECT count(*) FROM dead_letters WHERE reason = 'empty_query'`) == 2
	})
	if out := p.must("dead", "list", "--json", "--reason", "empty_query"); strings.Count(out, "\n") != 1 {
		t.Errorf("after the replay: %s", out)
	}
	p.must("dead", "drop", "--reason", "empty_query")
	if out := p.must("dead", "list", "--json", "--reason", "empty_query"); out != "" {
		t.Errorf("after the drop: %s", out)
	}
	eventually(t, "the tables to hold for open what the log holds", func() bool {
		return countOf(t, db, `SELECT count(*) FROM dead_letters_open`) == len(poison)-want["empty_query"]
	})
	if _, errs, status := p.run("dead", "drop"); status != statusUsage {
		t.Errorf("dropping everything without --all: status %d\n%s", status, errs)
	}
	if status := stop(); status != statusDone {
		t.Errorf("stopped with status %d", status)
	}
}

// booksOf asks an emulator what it was asked.
func booksOf(t *testing.T, url string) map[emulator.Kind]int64 {
	t.Helper()
	var b emulator.Books
	if err := json.Unmarshal([]byte(scrape(t, url+"/emulator/books")), &b); err != nil {
		t.Fatal(err)
	}
	sum := map[emulator.Kind]int64{}
	for _, kinds := range b.Models {
		for kind, e := range kinds {
			sum[kind] += e.Requests
		}
	}
	return sum
}

// idle says whether a stage has nothing to fetch and nothing in hand.
func (p *program) idle(stage string) func() bool {
	return func() bool {
		var look operate.Status
		if err := json.Unmarshal([]byte(p.must("status", "--json")), &look); err != nil {
			p.t.Fatal(err)
		}
		for _, s := range look.Stages {
			if s.Stage == stage {
				return s.Lag == 0 && s.InFlight == 0
			}
		}
		p.t.Fatalf("status has no stage %s", stage)
		return false
	}
}

func expectBooks(t *testing.T, url string, answers, verdicts, analyses int64) {
	t.Helper()
	got := booksOf(t, url)
	if got[emulator.KindAnswer] != answers || got[emulator.KindVerdict] != verdicts || got[emulator.KindAnalysis] != analyses {
		t.Errorf("the emulator was asked for %v; want %d answers, %d verdicts, %d analyses", got, answers, verdicts, analyses)
	}
}

// A new rubric judges what was said before; a moved cell labels what was judged before. Neither buys an
// answer again.
func TestReplayAndRelabelBuyNothingTwice(t *testing.T) {
	p := newProgram(t).withTables()
	books, _ := p.serve("emulator")
	_, stop := p.serve("up", "--upstream", books.Emulator)
	db := p.db()
	const n = 20
	examples := func(want int) func() bool {
		return func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) == want }
	}
	p.must("publish", "--limit", fmt.Sprint(n))
	eventually(t, "examples of the first judge", examples(n))
	expectBooks(t, books.Emulator, 2*n, 2*n, n)
	p.must("replay", "--stage", "judge", "--since", "1h") // the same version: nothing to do
	eventually(t, "the replay handled by the first judge", p.idle("judge"))
	stop()

	v2 := []string{"--set", "judge.version=v2"}
	_, stop = p.serve(append([]string{"up", "--upstream", books.Emulator}, v2...)...)
	estimate := p.must(append([]string{"replay", "--stage", "judge", "--since", "1h", "--estimate"}, v2...)...)
	if !strings.Contains(estimate, fmt.Sprintf("judge │    %d", 2*n)) || strings.Contains(estimate, "answer") || strings.Contains(estimate, "analysis") {
		t.Errorf("the estimate of a new judge:\n%s", estimate)
	}
	if _, errs, status := p.run(append([]string{"replay", "--stage", "judge", "--since", "1h", "--max-spend", "0.001"}, v2...)...); status != statusBudget {
		t.Errorf("a replay above its cap: status %d\n%s", status, errs)
	}
	expectBooks(t, books.Emulator, 2*n, 2*n, n)
	p.must(append([]string{"replay", "--stage", "judge", "--since", "1h"}, v2...)...)
	eventually(t, "examples of the second judge", examples(2*n))
	expectBooks(t, books.Emulator, 2*n, 4*n, n)
	stop()

	moved := append(v2, "--set", "matrix=[{medium: correct, large: correct, policy: Complex_Query, rationale: a test}]")
	_, stop = p.serve(append([]string{"up", "--upstream", books.Emulator}, moved...)...)
	p.must(append([]string{"relabel"}, moved...)...)
	eventually(t, "examples of the moved matrix, for both judges", examples(4*n))
	expectBooks(t, books.Emulator, 2*n, 4*n, n)
	stop()
	if got := countOf(t, db, `SELECT count(*) FROM labels WHERE policy = 'Complex_Query' AND matrix_version = (SELECT DISTINCT version FROM current_matrix)`); got == 0 {
		t.Error("no label by the moved cell")
	}
}

// Every stage as a program of its own, two of some, sharing one log: whoever is first runs it.
func TestStagesRunAloneAndInCopies(t *testing.T) {
	p := newProgram(t).withTables()
	for _, stage := range []string{"intake", "answer", "answer", "judge", "label", "label", "analysis", "record"} {
		p.serve("consume", stage, "--upstream", "emulator", "--concurrency", "8")
	}
	p.must("publish", "--limit", "60")
	db := p.db()
	eventually(t, "sixty examples", func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) == 60 })
	// The ledger is a stream of its own, which its recorder may reach the end of later.
	eventually(t, "three hundred calls", func() bool { return countOf(t, db, `SELECT count(*) FROM calls`) >= 300 })
	if n := countOf(t, db, `SELECT count(*) FROM calls`); n != 300 {
		t.Errorf("%d calls, want 300", n)
	}
}

// What a cap keeps from being asked waits in the log.
func TestASpendingCapStopsAndLosesNothing(t *testing.T) {
	p := newProgram(t).withTables()
	m, _, errs := p.command("up", "--upstream", "emulator", "--max-spend", "0.05")
	done := make(chan int, 1)
	m.Ready = func(w Where) { ask(t, w.NATS, "web", question("first", "Is it one?", "")) }
	p.must("publish", "--limit", "100")
	go func() { done <- m.report(m.Run(t.Context())) }()
	if status := <-done; status != statusBudget {
		t.Fatalf("status %d, want %d\n%s", status, statusBudget, errs)
	}
	db := p.db()
	if n := countOf(t, db, `SELECT count(*) FROM examples`); n >= 101 {
		t.Fatalf("%d examples under the cap: it held nothing back", n)
	}
	_, stop := p.serve("up", "--upstream", "emulator")
	eventually(t, "all examples without the cap", func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) >= 100 })
	if n := countOf(t, db, `SELECT count(*) FROM dead_letters`); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	stop()
}

// Two copies, and one that comes later, share one purse: together they spend what one of them may.
func TestCopiesThatNameTheSamePurseShareOneCap(t *testing.T) {
	p := newProgram(t)
	books, _ := p.serve("emulator", "--latency", "20ms")
	log, _ := p.serve("consume", "intake")
	url := []string{"--set", "nats.url=" + log.NATS}
	p.must(append([]string{"publish", "--limit", "200"}, url...)...)
	const most = 100_000
	copyOf := func(purse string) chan int {
		m, _, _ := p.command(append([]string{"consume", "answer", "--concurrency", "2", "--max-spend", "0.1", "--purse", purse, "--upstream", books.Emulator}, url...)...)
		done := make(chan int, 1)
		go func() { done <- m.report(m.Run(t.Context())) }() // waited for below
		return done
	}
	for i, running := range []chan int{copyOf("night"), copyOf("night")} {
		if status := <-running; status != statusBudget {
			t.Errorf("copy %d: status %d, want %d", i, status, statusBudget)
		}
	}
	spent := spentBy(t, log.NATS)
	if spent < most || spent >= 2*most {
		t.Errorf("two copies spent %d of %d together", spent, most)
	}
	if status := <-copyOf("night"); status != statusBudget || spentBy(t, log.NATS) != spent {
		t.Errorf("a third copy: status %d, and %d spent in all", status, spentBy(t, log.NATS))
	}
	if status := <-copyOf("day"); status != statusBudget || spentBy(t, log.NATS) < spent+most {
		t.Errorf("another purse: status %d, and %d spent in all", status, spentBy(t, log.NATS))
	}
	for _, wrong := range [][]string{{"consume", "answer", "--purse", "night"}, {"consume", "label", "--purse", "night", "--max-spend", "1"}} {
		if _, errs, status := p.run(append(wrong, url...)...); status != statusUsage {
			t.Errorf("%v: status %d\n%s", wrong, status, errs)
		}
	}
}

// spentBy sums the ledger, in micro-dollars.
func spentBy(t *testing.T, url string) (spent int) {
	t.Helper()
	for _, call := range factsIn[sluice.Call](t, url, streams.StreamCalls) {
		spent += int(call.Cost)
	}
	return spent
}

func TestForgettingLeavesNoTrace(t *testing.T) {
	p := newProgram(t).withTables()
	where, stop := p.serve("up", "--upstream", "emulator")
	db := p.db()
	ask(t, where.NATS, "web", question("q1", "Does MARKERANN like tea?", "acme"))
	ask(t, where.NATS, "web", `{"query":"","id":"MARKERANN dead","tenant":"acme"}`)
	large := question("large", strings.Repeat("MARKERANN ", 1<<20/10-20), "acme") // its letter holds no more of it than where it is
	if _, err := natstest.Upstream(t, where.NATS).Publish(t.Context(), "queries.asked.web", []byte(large), jetstream.WithMsgID("MARKERANN large")); err != nil {
		t.Fatal(err)
	}
	ask(t, where.NATS, "web", question("q1", "Does somebody else like tea?", ""))
	eventually(t, "two examples and two deaths", func() bool {
		return countOf(t, db, `SELECT count(*) FROM examples`) == 2 && countOf(t, db, `SELECT count(*) FROM dead_letters`) == 2
	})
	if n := countOf(t, db, `SELECT count(*) FROM dead_letters WHERE raw_elsewhere AND message_id = 'MARKERANN large'`); n != 1 {
		t.Fatalf("%d letters point to their message", n)
	}
	if len(traces(t, p, where.NATS, "MARKERANN")) < 8 {
		t.Fatalf("before: %v: this test would find nothing", traces(t, p, where.NATS, "MARKERANN"))
	}
	p.must("forget", "--tenant", "acme")
	// What a stage still held: nothing but the tables' tombstone tells whose it is.
	late, err := streams.AnalyzedFact(sluice.Analyzed{QueryKey: sluice.QueryKey("acme", "q1", ""), AnalysisVersion: "late", Analysis: sluice.Analysis{Summary: "MARKERANN"}})
	if err != nil {
		t.Fatal(err)
	}
	publisher, err := streams.NewPublisher(natstest.Upstream(t, where.NATS), streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publisher.Publish(t.Context(), []streams.Message{late}); err != nil {
		t.Fatal(err)
	}
	p.must("forget", "--tenant", "acme")
	p.must("forget", "--tenant", "acme") // twice is once
	for nobody, want := range map[string]string{
		"--tenant acne":         `nothing of tenant "acne" was found`,
		"--id q9":               `nothing was found under id "q9" of the default tenant`,
		"--tenant acne --id q1": `id "q1" of tenant "acne": check --id and --tenant (1 query of another tenant has that id)`,
	} {
		args := append([]string{"forget"}, strings.Fields(nobody)...)
		if _, errs, status := p.run(args...); status != statusFailed || !strings.Contains(errs, want) {
			t.Errorf("forgetting %s, who is not there: status %d, %s", nobody, status, errs)
		}
		if out := p.must(args...); !strings.Contains(out, "was forgotten before") {
			t.Errorf("once more: %s", out)
		}
	}
	if left := traces(t, p, where.NATS, "MARKERANN"); len(left) > 0 {
		t.Errorf("left in %v", left)
	}
	if len(traces(t, p, where.NATS, "somebody else")) < 7 {
		t.Error("somebody else's query was erased too")
	}
	// The ring goes on.
	ask(t, where.NATS, "web", question("q2", "Is the ring still turning?", ""))
	eventually(t, "another example", func() bool { return countOf(t, db, `SELECT count(*) FROM examples`) == 2 })
	if _, _, status := p.run("forget"); status != statusUsage {
		t.Errorf("forgetting nobody: status %d", status)
	}
	stop()
}

// traces lists the streams and tables that hold a text.
func traces(t *testing.T, p *program, url, text string) []string {
	t.Helper()
	var found []string
	js := natstest.Upstream(t, url)
	for _, stream := range streams.Names() {
		for m, err := range streams.Scan(t.Context(), js, stream, streams.Window{}) {
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(m.Data)+m.Subject, text) {
				found = append(found, stream)
				break
			}
		}
	}
	db := p.db()
	tables, err := db.Table(t.Context(), `SELECT table_name::text FROM information_schema.tables
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range tables.Rows {
		name := row[0].(string)
		like := "r::text LIKE '%" + text + "%'"
		if name == "dead_letters" {
			like += " OR encode(r.raw, 'escape') LIKE '%" + text + "%'"
		}
		if countOf(t, db, "SELECT count(*) FROM "+name+" r WHERE "+like) > 0 {
			found = append(found, name)
		}
	}
	return found
}

// A file of which no row is a question is a failure, whoever mapped it wrongly.
func TestPublishingNothingFails(t *testing.T) {
	p := newProgram(t)
	file := filepath.Join(p.dir, "rows.jsonl")
	if err := os.WriteFile(file, []byte("{\"prompt\":\"Why?\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, status := p.run("publish", "--map", "query=promt", file)
	if status != statusFailed || !strings.Contains(errs, "none of its rows can become a question") || !strings.Contains(errs, `field "promt": missing`) {
		t.Errorf("status %d\n%s", status, errs)
	}
	p.must("publish", "--map", "query=prompt", file)
}

// A stream that is full says so to whoever publishes.
func TestAFullStreamIsToldToThePublisher(t *testing.T) {
	p := newProgram(t)
	_, errs, status := p.run("publish", "--patience", "2s", "--set", "nats.max_bytes=20000")
	if status != statusFailed || !strings.Contains(errs, "full") {
		t.Errorf("status %d\n%s", status, errs)
	}
}
