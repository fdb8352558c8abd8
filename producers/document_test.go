package producers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/consumers/intake"
	"sluice/internal/natstest"
	"sluice/streams"
)

// document is docs/publishing.md, which these tests run.
func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "publishing.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the document's code blocks in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(document(t), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatalf("the document has no block in %s", language)
	}
	return found
}

// ring is a server with the intake stage at work.
type ring struct {
	t       *testing.T
	server  *natstest.Server
	js      jetstream.JetStream
	settled chan consumers.Settled
}

func startRing(t *testing.T) *ring {
	t.Helper()
	r := &ring{t: t, server: natstest.Start(t), settled: make(chan consumers.Settled, 1000)}
	r.js = r.server.JetStream()
	natstest.Apply(t, r.js, natstest.Options())
	latest, err := streams.NewLatest(r.js)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = latest.Close() })
	stage, err := intake.New(latest, intake.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	runner, err := consumers.New(consumers.Config{
		JS: r.js, Observe: func(s consumers.Settled) { r.settled <- s },
		Stage: consumers.Stage{
			Name: intake.Name, Version: "v1", Handler: stage, Concurrency: 8, Deadline: time.Minute, Attempts: 3,
			Inputs: []consumers.Input{{Stream: streams.StreamQueries, Durable: "intake-v1"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// publish stores one message as upstream would.
func (r *ring) publish(source, payload string) {
	r.t.Helper()
	if _, err := r.js.Publish(r.t.Context(), "queries.asked."+source, []byte(payload)); err != nil {
		r.t.Fatal(err)
	}
}

// wait waits until every message of QUERIES has met its fate, and returns the errors.
func (r *ring) wait(n int) (refused []error) {
	r.t.Helper()
	for range n {
		select {
		case s := <-r.settled:
			if s.Err != nil {
				refused = append(refused, s.Err)
			}
		case <-time.After(30 * time.Second):
			r.t.Fatal("the intake did not settle the messages in 30 s")
		}
	}
	return refused
}

// accepted reads everything that was let in, by id or else by text.
func (r *ring) accepted() map[string]sluice.Accepted {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), streams.StreamAccepted)
	if err != nil {
		r.t.Fatal(err)
	}
	found := map[string]sluice.Accepted{}
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		raw, err := s.GetMsg(r.t.Context(), seq)
		if err != nil {
			r.t.Fatal(err)
		}
		a, err := streams.Decode[sluice.Accepted](raw.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		name := a.Query.ID
		if name == "" {
			name = a.Query.Text
		}
		found[name] = a
	}
	return found
}

// dead lists the subjects of the dead letters.
func (r *ring) dead() []string {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), streams.StreamDead)
	if err != nil {
		r.t.Fatal(err)
	}
	info, err := s.Info(r.t.Context(), jetstream.WithSubjectFilter("dead.>"))
	if err != nil {
		r.t.Fatal(err)
	}
	var subjects []string
	for subject := range info.State.Subjects {
		subjects = append(subjects, subject)
	}
	slices.Sort(subjects)
	return subjects
}

// names are the keys of what was let in, sorted.
func names(accepted map[string]sluice.Accepted) string {
	var list []string
	for name := range accepted {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func TestTheDocumentsShellCommands(t *testing.T) {
	if _, err := exec.LookPath("nats"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI installs the nats CLI, and it is not on PATH")
		}
		t.Skip("the nats CLI is not on PATH")
	}
	r := startRing(t)
	for _, commands := range blocks(t, "sh") {
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "NATS_URL="+r.server.URL(), "HOME="+cmd.Dir, "XDG_CONFIG_HOME="+cmd.Dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v:\n%s\n%s", err, commands, out)
		}
	}
	if refused := r.wait(6); len(refused) > 0 {
		t.Errorf("the entrance refused %v", refused)
	}
	accepted := r.accepted()
	want := "In which year was the Suez Canal opened?, What is the capital of Chad?, What is the capital of Peru?, Why?, faq-1017, faq-1018"
	if names(accepted) != want {
		t.Errorf("let in: %s\nwant:   %s", names(accepted), want)
	}
	if a := accepted["faq-1017"]; a.Query.Source != "faq" || a.GroundTruth[0] != "1869" || a.Query.Tags[0] != "history" {
		t.Errorf("faq-1017 is %+v", a)
	}
	if a := accepted["faq-1018"]; a.Query.Split != sluice.Test {
		t.Errorf("faq-1018 is of split %s", a.Query.Split)
	}
}

func TestTheDocumentsGoProgram(t *testing.T) {
	r := startRing(t)
	programs := blocks(t, "go")
	if len(programs) != 1 {
		t.Fatalf("%d programs", len(programs))
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(programs[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", file)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "NATS_URL="+r.server.URL())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if want := "stored in QUERIES duplicate: false\n"; string(out) != want+want {
		t.Errorf("it printed %q", out)
	}
	if refused := r.wait(2); len(refused) > 0 {
		t.Errorf("the entrance refused %v", refused)
	}
	accepted := r.accepted()
	for _, id := range []string{"go-1", "go-2"} {
		a, ok := accepted[id]
		if !ok || a.Query.Tenant != "acme" || len(a.GroundTruth) != 2 || a.Query.Deadline.IsZero() || a.Query.Source != "go" {
			t.Errorf("%s was let in as %+v, %v", id, a, ok)
		}
	}
}

func TestTheDocumentsPayloadIsLetInWhole(t *testing.T) {
	r := startRing(t)
	payloads := blocks(t, "json")
	for _, payload := range payloads {
		r.publish("docs", payload)
	}
	if refused := r.wait(len(payloads)); len(refused) > 0 {
		t.Errorf("the entrance refused %v", refused)
	}
	a := r.accepted()["faq-1017"]
	q := a.Query
	if len(a.GroundTruth) != 2 || len(q.Tags) != 2 || q.Tenant != "acme" || q.Priority != 1 || q.Deadline.Year() != 2099 || q.Source != "docs" {
		t.Errorf("let in as %+v", a)
	}
	// Every key of the contract but source, which the subject tells, is in the example.
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(intake.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for key := range schema.Properties {
		if key != "source" && !strings.Contains(payloads[0], `"`+key+`":`) {
			t.Errorf("the example lacks the key %s", key)
		}
	}
}

// rows are the rows of the table whose header begins with a column's name, without their outer cells' blanks.
func rows(t *testing.T, column string) [][]string {
	t.Helper()
	_, after, found := strings.Cut(document(t), "\n| "+column+" |")
	if !found {
		t.Fatalf("the document has no table of %s", column)
	}
	var table [][]string
	for line := range strings.SplitSeq(after, "\n") {
		if strings.HasPrefix(line, "| ") {
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			table = append(table, cells)
		} else if len(table) > 0 {
			return table
		}
	}
	return table
}

func TestTheDocumentsRefusals(t *testing.T) {
	r := startRing(t)
	table := rows(t, "reason")
	for _, row := range table {
		payload := strings.Trim(row[2], "`")
		if row[2] == "a query of 20,000 bytes" {
			payload = fmt.Sprintf("{%q: %q}", "query", strings.Repeat("long", 5000))
		}
		r.publish("docs", payload)
	}
	for _, err := range r.wait(len(table)) {
		if !slices.ContainsFunc(table, func(row []string) bool { return row[0] == "`"+string(sluice.ReasonOf(err))+"`" }) {
			t.Errorf("refused with another reason: %v", err)
		}
	}
	dead := r.dead()
	if len(dead) != len(table) || len(table) != 6 {
		t.Errorf("%d dead letters of %d refusals: %v", len(dead), len(table), dead)
	}
	for _, row := range table {
		prefix := "dead.intake." + strings.Trim(row[0], "`") + "."
		if !slices.ContainsFunc(dead, func(s string) bool { return strings.HasPrefix(s, prefix) }) {
			t.Errorf("%s does not rest under %s: %v", row[2], prefix, dead)
		}
	}
}

func TestTheDocumentsLimitsAreTheSchemas(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			MaxLength, MaxItems, Maximum int
			Items                        struct{ MaxLength int }
			OneOf                        []struct{ MaxItems int }
		} `json:"properties"`
	}
	if err := json.Unmarshal(intake.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, row := range rows(t, "key") {
		told[strings.Trim(row[0], "`")] = strings.Join(row[1:], " ")
	}
	if len(told) != len(schema.Properties) {
		t.Errorf("%d keys in the document, %d in the schema", len(told), len(schema.Properties))
	}
	for key, p := range schema.Properties {
		limits := []int{p.MaxLength, p.MaxItems, p.Maximum, p.Items.MaxLength}
		for _, one := range p.OneOf {
			limits = append(limits, one.MaxItems)
		}
		for _, limit := range limits {
			if limit > 0 && !regexp.MustCompile(fmt.Sprintf(`\b%d\b`, limit)).MatchString(told[key]) {
				t.Errorf("the limit %d of %s is not told: %q", limit, key, told[key])
			}
		}
	}
	if !strings.Contains(told["query"], fmt.Sprint(intake.DefaultOptions().MaxQueryBytes)) {
		t.Errorf("the limit of query is not told: %q", told["query"])
	}
}

func TestPublishingTwiceIsPublishingOnce(t *testing.T) {
	r := startRing(t)
	for _, payload := range []string{
		`{"query": "Who?"}`, `{"query": " who? "}`, `{"query": "When?", "id": "1"}`, `{"query": "Another question", "id": "1"}`,
		`{"query": "Who?", "tenant": "acme"}`,
	} {
		r.publish("docs", payload)
		r.wait(1)
	}
	accepted := r.accepted()
	if names(accepted) != "1, Who?" || accepted["1"].Query.Text != "When?" {
		t.Errorf("let in: %+v", accepted)
	}
	s, err := r.js.Stream(t.Context(), streams.StreamAccepted)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 3 {
		t.Errorf("%d queries were let in, want 3", n)
	}
	if dead := r.dead(); len(dead) > 0 {
		t.Errorf("dead letters: %v", dead)
	}
}

// TestTheDocumentsErrors meets the errors of a server that takes no more.
func TestTheDocumentsErrors(t *testing.T) {
	server := natstest.Start(t)
	js := server.JetStream()
	publish := func(payload string) error {
		_, err := js.Publish(t.Context(), "queries.asked.docs", []byte(payload), jetstream.WithRetryAttempts(1), jetstream.WithRetryWait(time.Millisecond))
		return err
	}
	told := ""
	for _, row := range rows(t, "error") {
		told += row[0]
	}
	var met []error
	met = append(met, publish("{}")) // before the streams are applied
	o := natstest.Options()
	o.MaxBytes = 4096
	natstest.Apply(t, js, o)
	met = append(met, publish(strings.Repeat("x", 2<<20)))
	var full error
	for range 100 {
		if full = publish(strings.Repeat("x", 500)); full != nil {
			break
		}
	}
	met = append(met, full)
	for _, err := range met {
		if err == nil {
			t.Error("a publish was confirmed that could not be stored")
			continue
		}
		text := strings.TrimPrefix(err.Error(), "nats: ")
		var api *jetstream.APIError
		if errors.As(err, &api) {
			text = fmt.Sprintf("%s (%d)", api.Description, api.ErrorCode)
		}
		if !strings.Contains(told, "`"+text+"`") {
			t.Errorf("the document does not tell of %q", text)
		}
	}
}
