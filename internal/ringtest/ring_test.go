package ringtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/consumers/analysis"
	"sluice/consumers/answer"
	"sluice/consumers/intake"
	"sluice/consumers/judge"
	"sluice/consumers/label"
	"sluice/internal/natstest"
	"sluice/llm"
	"sluice/llm/emulator"
	"sluice/streams"
)

const queries = 60

// bank is what the emulated models know.
func bank() []emulator.Item {
	items := make([]emulator.Item, queries)
	for i := range items {
		items[i] = emulator.Item{
			Question: fmt.Sprintf("What is the code name of surveyor number %d?", i), Gold: []string{fmt.Sprintf("Heron %d", i)},
			Difficulty: float64(i) / queries, Unanswerable: i%10 == 9,
		}
	}
	return items
}

// provider starts an emulated provider of which a fifth of all requests fails, and a caller of it.
func provider(t *testing.T) (*emulator.Server, *llm.Caller) {
	t.Helper()
	source, err := emulator.NewSynthetic(bank(), emulator.SyntheticConfig{Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	faults := emulator.MixedFaults(0.2)
	faults.Malformed, faults.RetryDelayMS, faults.HangForMS = 0.05, 20, 400
	server, err := emulator.New(emulator.Config{Source: source, Seed: 7, Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	url, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var cfg llm.Config
	for _, m := range []string{"gemini-2.5-flash", "gemini-2.5-pro"} {
		cfg.Models = append(cfg.Models, llm.ModelConfig{Provider: "gemini", Model: m, BaseURL: url, Timeout: 30 * time.Second, KeyEnv: "KEY"})
	}
	caller, err := llm.New(t.Context(), cfg, llm.Deps{Getenv: func(string) string { return "a-key-of-nobody" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(caller.Close)
	return server, caller
}

// stages makes the five stages of the ring, Postgres apart.
func stages(t *testing.T, js jetstream.JetStream, caller *llm.Caller) []consumers.Stage {
	t.Helper()
	latest, err := streams.NewLatest(js)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = latest.Close() })
	key := armKey(t)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in, err := intake.New(latest, intake.DefaultOptions())
	check(err)
	ans, err := answer.New(caller, latest, answer.Options{
		Medium: answer.Model{Name: "gemini-2.5-flash"}, Large: answer.Model{Name: "gemini-2.5-pro"}, Key: key, Now: time.Now,
	})
	check(err)
	jud, err := judge.New(caller, latest, judge.Options{Model: "gemini-2.5-pro", Version: "v1"})
	check(err)
	lab, err := label.New(latest, key, sluice.DefaultMatrix())
	check(err)
	ana, err := analysis.New(caller, latest, analysis.Options{Model: "gemini-2.5-flash", Version: "v1"})
	check(err)
	return []consumers.Stage{
		{Name: intake.Name, Handler: in, Inputs: []consumers.Input{{Stream: streams.StreamQueries}}},
		{Name: answer.Name, Handler: ans, Inputs: []consumers.Input{{Stream: streams.StreamAccepted}}},
		{Name: judge.Name, Handler: jud, Inputs: []consumers.Input{{Stream: streams.StreamAnswers}}},
		{Name: label.Name, Batch: lab, Inputs: []consumers.Input{{Stream: streams.StreamVerdicts}}},
		{Name: analysis.Name, Handler: ana, SharedWork: true, Inputs: []consumers.Input{{Stream: streams.StreamLabels}}},
	}
}

// settled is the fate of a delivery at a stage.
type settled struct {
	stage string
	consumers.Settled
}

// run runs the stages until the test ends, and tells of everything that is settled.
func run(ctx context.Context, t *testing.T, js jetstream.JetStream, all []consumers.Stage) <-chan settled {
	t.Helper()
	fates := make(chan settled, 100*queries)
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	for _, s := range all {
		s.Version, s.Concurrency, s.Deadline, s.Attempts = "v1", 16, 30*time.Second, 20
		for i := range s.Inputs {
			s.Inputs[i].Durable = streams.DurableName(s.Name, s.Version)
		}
		r, err := consumers.New(consumers.Config{
			Stage: s, JS: js, Backoff: func(int) time.Duration { return 20 * time.Millisecond },
			Observe: func(f consumers.Settled) { fates <- settled{s.Name, f} },
		})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
		})
	}
	return fates
}

// poison is what upstream may send by accident or worse, and the reason that it must die for.
func poison() map[*nats.Msg]sluice.Reason {
	msg := func(subject, data string, header ...string) *nats.Msg {
		m := nats.NewMsg(subject)
		m.Data = []byte(data)
		for i := 0; i+1 < len(header); i += 2 {
			m.Header.Set(header[i], header[i+1])
		}
		return m
	}
	return map[*nats.Msg]sluice.Reason{
		msg("queries.asked.web", "not JSON"):                                                                            sluice.ReasonUndecodable,
		msg("queries.asked.web", "\xc1\xc1", "Content-Type", streams.MsgPack):                                           sluice.ReasonUndecodable,
		msg("queries.asked.web", `{"query":7}`):                                                                         sluice.ReasonInvalidField,
		msg("queries.asked.web", `{"query":"`+strings.Repeat("a", 20<<10)+`"}`):                                         sluice.ReasonTooLarge,
		msg("queries.asked.web", `{"query":" "}`):                                                                       sluice.ReasonEmptyQuery,
		msg("queries.asked.web", "{\"query\":\"caf\xe9\"}"):                                                             sluice.ReasonInvalidText,
		msg("queries.asked.web", `{"query":"a\u0000b"}`):                                                                sluice.ReasonInvalidText,
		msg("queries.asked.*", `{"query":"Why?"}`):                                                                      sluice.ReasonInvalidField,
		msg("queries.asked.>", `{"query":"Why?"}`):                                                                      sluice.ReasonInvalidField,
		msg("queries.asked.a*b.c", `{"query":"Why?"}`):                                                                  sluice.ReasonInvalidField,
		msg("queries.asked.web", `{"query":"Why?","id":"`+strings.Repeat("i", 4<<10)+`"}`):                              sluice.ReasonInvalidField,
		msg("queries.asked.web", `{"query":"Why?","deadline":"2020-01-01T00:00:00Z"}`):                                  sluice.ReasonExpired,
		msg("queries.asked.web", `{"query":"Why?"}`, streams.HeaderSplit, "train"):                                      sluice.ReasonInvalidField,
		msg("queries.asked.web", `{"query":"Why?","x_deep":`+strings.Repeat("[", 50000)+strings.Repeat("]", 50000)+`}`): sluice.ReasonUndecodable,
	}
}

// TestAFailingProviderAndPoisonLoseNoQuery: every query ends as one example, every poisonous message as
// one dead letter with its reason, and the ledger agrees with the provider's own books.
func TestAFailingProviderAndPoisonLoseNoQuery(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	server, caller := provider(t)
	js := natstest.Log(t)
	fates := run(ctx, t, js, stages(t, js, caller))

	wanted := map[sluice.Reason]int{}
	for m, reason := range poison() {
		publish(ctx, t, js, m)
		wanted[reason]++
	}
	for i, item := range bank() {
		truth := ""
		if !item.Unanswerable {
			truth = fmt.Sprintf(`,"ground_truth":[%q]`, item.Gold[0])
		}
		m := nats.NewMsg("queries.asked.bank")
		m.Data = fmt.Appendf(nil, `{"query":%q,"id":"%d"%s}`, item.Question, i, truth)
		publish(ctx, t, js, m)
	}

	dead, made := 0, map[string]bool{}
	for len(made) < queries || dead < len(poison()) {
		select {
		case f := <-fates:
			switch {
			case f.stage == analysis.Name && f.Err == nil:
				made[f.Subject] = true
			case f.Class == sluice.ClassPoison, f.Class == sluice.ClassTerminal, f.Class == sluice.ClassExhausted:
				dead++
				if f.stage != intake.Name {
					t.Fatalf("%s: %s is dead: %v", f.stage, f.Subject, f.Err)
				}
			}
		case <-ctx.Done():
			t.Fatalf("%d of %d examples, %d of %d dead letters", len(made), queries, dead, len(poison()))
		}
	}
	checkExamples(ctx, t, js)
	checkLetters(ctx, t, js, wanted)
	checkLedger(ctx, t, js, server)
}

func publish(ctx context.Context, t *testing.T, js jetstream.JetStream, m *nats.Msg) {
	t.Helper()
	if _, err := js.PublishMsg(ctx, m); err != nil {
		t.Fatalf("publish on %s: %v", m.Subject, err)
	}
}

func scan(ctx context.Context, t *testing.T, js jetstream.JetStream, stream string, each func(streams.Message)) {
	t.Helper()
	for m, err := range streams.Scan(ctx, js, stream, streams.Window{}) {
		if err != nil {
			t.Fatal(err)
		}
		each(m)
	}
}

func checkExamples(ctx context.Context, t *testing.T, js jetstream.JetStream) {
	t.Helper()
	seen := map[string]bool{}
	bases, splits := map[sluice.Basis]int{}, map[sluice.Split]int{}
	scan(ctx, t, js, streams.StreamExamples, func(m streams.Message) {
		e, err := streams.Decode[sluice.Example](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if seen[e.Label.Query.Key] || e.Analysis.Summary == "" || e.Analysis.Domain == "" {
			t.Errorf("example %+v, seen before: %t", e, seen[e.Label.Query.Key])
		}
		seen[e.Label.Query.Key] = true
		bases[e.Label.Basis]++
		splits[e.Label.Query.Split]++
	})
	if len(seen) != queries || bases[sluice.ReferenceFree] != queries/10 || splits[sluice.Train] == 0 || splits[sluice.Test] == 0 {
		t.Errorf("%d examples, by basis %v, by split %v", len(seen), bases, splits)
	}
}

func checkLetters(ctx context.Context, t *testing.T, js jetstream.JetStream, wanted map[sluice.Reason]int) {
	t.Helper()
	got := map[sluice.Reason]int{}
	scan(ctx, t, js, streams.StreamDead, func(m streams.Message) {
		l, err := streams.ParseDead(m)
		if err != nil {
			t.Fatal(err)
		}
		if l.Stage != intake.Name || l.Error == "" {
			t.Errorf("letter %s of %s: %q", m.Subject, l.Stage, l.Error)
		}
		got[l.Reason]++
	})
	for _, reason := range []sluice.Reason{
		sluice.ReasonUndecodable, sluice.ReasonEmptyQuery, sluice.ReasonTooLarge, sluice.ReasonInvalidText, sluice.ReasonInvalidField, sluice.ReasonExpired,
	} {
		if got[reason] != wanted[reason] {
			t.Errorf("%d dead letters of reason %s, want %d", got[reason], reason, wanted[reason])
		}
	}
}

// checkLedger: a line for every request that the provider served, and for every fact exactly one line
// that bought it.
func checkLedger(ctx context.Context, t *testing.T, js jetstream.JetStream, server *emulator.Server) {
	t.Helper()
	lines, failed := int64(0), int64(0)
	bought := map[string]sluice.Call{}
	scan(ctx, t, js, streams.StreamCalls, func(m streams.Message) {
		c, err := streams.Decode[sluice.Call](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		lines++
		if c.Outcome != sluice.OutcomeOK {
			failed++
		}
		if (c.Tier != "") != (c.Stage == answer.Name) {
			t.Errorf("the line of a %s call names the tier %q", c.Stage, c.Tier)
		}
		bought[c.ID] = c
	})
	server.Wait() // what a call gave up is in the books then
	if books := server.Books(); books.Total.Requests != lines || failed == 0 {
		t.Errorf("%d lines of which %d failed, and %d requests in the provider's books: %v", lines, failed, books.Total.Requests, books.Faults)
	}
	pays := func(stream, stage string, want int, callOf func([]byte) (string, error)) {
		n := 0
		scan(ctx, t, js, stream, func(m streams.Message) {
			id, err := callOf(m.Data)
			if c, found := bought[id]; err != nil || !found || c.Stage != stage || c.Outcome != sluice.OutcomeOK || c.Cost <= 0 {
				t.Errorf("%s was paid by %+v (%v)", m.Subject, c, err)
			}
			n++
		})
		if n != want {
			t.Errorf("%d messages in %s, want %d", n, stream, want)
		}
	}
	pays(streams.StreamAnswers, answer.Name, 2*queries, func(b []byte) (string, error) {
		a, err := streams.Decode[sluice.Answer](b)
		return a.CallID, err
	})
	pays(streams.StreamVerdicts, judge.Name, 2*queries, func(b []byte) (string, error) {
		v, err := streams.Decode[sluice.Verdict](b)
		return v.CallID, err
	})
	pays(streams.StreamAnalyses, analysis.Name, queries, func(b []byte) (string, error) {
		a, err := streams.Decode[sluice.Analyzed](b)
		return a.CallID, err
	})
}
