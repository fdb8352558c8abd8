package ringtest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sort"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/answer"
	"sluice/consumers/judge"
	"sluice/internal/stagetest"
	"sluice/llm"
	"sluice/pricing"
	"sluice/streams"
)

const (
	flash = "flash"
	pro   = "pro"
)

// speaker is a model in process that says what it is told to.
type speaker func(model, question string) string

func (speaker) Name() string { return "fake" }

func (s speaker) Generate(_ context.Context, req llm.Request) (llm.Response, error) {
	return llm.Response{Text: s(req.Model, req.Prompt), FinishReason: "STOP", Usage: sluice.Usage{Prompt: 10, Output: int64(len(req.Model))}}, nil
}

func armKey(t *testing.T) sluice.ArmKey {
	t.Helper()
	key, err := sluice.NewArmKey([]byte("a secret for the tests of the ring"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// said lets both models answer n queries with the real caller, and returns ANSWERS as the log has it.
func said(t *testing.T, key sluice.ArmKey, n int, say speaker) []streams.Message {
	t.Helper()
	var cfg llm.Config
	for _, m := range []string{flash, pro} {
		cfg.Models = append(cfg.Models, llm.ModelConfig{Provider: "gemini", Model: m})
		cfg.Prices = append(cfg.Prices, pricing.Row{Model: m, Prompt: 1000, Cached: 100, Output: 2000})
	}
	caller, err := llm.New(t.Context(), cfg, llm.Deps{Providers: map[string]llm.Provider{flash: say, pro: say}})
	if err != nil {
		t.Fatal(err)
	}
	log := &stagetest.Log{}
	stage, err := answer.New(caller, log, answer.Options{
		Medium: answer.Model{Name: flash}, Large: answer.Model{Name: pro}, Key: key, Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []streams.Message
	for i := range n {
		text := fmt.Sprintf("question %d?", i)
		in, err := streams.AcceptedFact(sluice.Accepted{
			Query:       sluice.Query{Key: sluice.QueryKey("", "", text), Text: text, Source: "web", AskedAt: time.Unix(1_700_000_000, 0).UTC(), Split: sluice.Train},
			GroundTruth: []string{"gold"},
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := stage.Handle(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out {
			if !streams.IsLedger(m) {
				m.Stream, m.Sequence, m.Deliveries = streams.StreamAnswers, uint64(len(all)+1), 1
				all = append(all, m)
			}
		}
	}
	return all
}

// judged is what the judging model was asked about each message.
func judged(t *testing.T, msgs []streams.Message) []llm.Request {
	t.Helper()
	models := &stagetest.Models{Reply: func(llm.Purpose, llm.Request) (string, error) { return `{"reason":"x","verdict":"idk"}`, nil }}
	stage, err := judge.New(models, &stagetest.Log{}, judge.Options{Model: "judge", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range msgs {
		if _, err := stage.Handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var requests []llm.Request
	for _, a := range models.Asked() {
		requests = append(requests, a.Request)
	}
	return requests
}

func decode(t *testing.T, m streams.Message) sluice.Answer {
	t.Helper()
	a, err := streams.Decode[sluice.Answer](m.Data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestSwappingTheModelsChangesNothingThatTheJudgeSees: in one world the medium model says one thing and
// the large one another, in the other world they say each other's. Message by message, what the judge
// receives differs in the arm and in the opaque name of the call alone, and what it asks its model does
// not differ at all (Invariant 3).
func TestSwappingTheModelsChangesNothingThatTheJudgeSees(t *testing.T) {
	const queries = 300
	key := armKey(t)
	says := func(mine, other string) speaker {
		return func(model, question string) string {
			if model == flash {
				return question + mine
			}
			return question + other
		}
	}
	world := func(say speaker) (received, asked []string) {
		msgs := said(t, key, queries, say)
		for _, m := range msgs {
			a := decode(t, m)
			a.Arm, a.CallID = "", ""
			plain, err := streams.Encode(a)
			if err != nil {
				t.Fatal(err)
			}
			received = append(received, m.ContentType+string(plain)+fmt.Sprint(len(m.Data), len(m.Header), len(m.Subject), len(m.ID)))
		}
		for _, r := range judged(t, msgs) {
			asked = append(asked, r.Model+r.System+r.Prompt+string(r.Schema))
		}
		sort.Strings(received)
		sort.Strings(asked)
		return received, asked
	}
	oneReceived, oneAsked := world(says(" One thing.", " Another."))
	twoReceived, twoAsked := world(says(" Another.", " One thing."))
	if len(oneAsked) != 2*queries || len(twoAsked) != 2*queries {
		t.Fatalf("%d and %d requests", len(oneAsked), len(twoAsked))
	}
	for i := range oneReceived {
		if oneReceived[i] != twoReceived[i] {
			t.Fatalf("the judge receives\n%q\nin one world and\n%q\nin the other", oneReceived[i], twoReceived[i])
		}
		if oneAsked[i] != twoAsked[i] {
			t.Fatalf("the judge asks\n%q\nin one world and\n%q\nin the other", oneAsked[i], twoAsked[i])
		}
	}
}

// TestTheRequestIsTheSameWhoeverSaidIt: where both models say the same, the judging model is asked the
// same, byte for byte.
func TestTheRequestIsTheSameWhoeverSaidIt(t *testing.T) {
	msgs := said(t, armKey(t), 100, func(_, question string) string { return "about " + question })
	requests := judged(t, msgs)
	for i := 0; i < len(requests); i += 2 {
		a, b := requests[i], requests[i+1]
		if a.Model != b.Model || a.System != b.System || a.Prompt != b.Prompt || !bytes.Equal(a.Schema, b.Schema) {
			t.Fatalf("%+v\nand\n%+v", a, b)
		}
	}
}

// TestNothingThatTheJudgeReceivesTellsTheTier holds every trait of the messages against the tier that
// only the key knows, over many queries: none goes with a tier more often than chance.
func TestNothingThatTheJudgeReceivesTellsTheTier(t *testing.T) {
	const queries = 3000
	key := armKey(t)
	type count struct{ medium, all int }
	traits := map[string]*count{}
	note := func(trait string, medium bool) {
		c := traits[trait]
		if c == nil {
			c = &count{}
			traits[trait] = c
		}
		c.all++
		if medium {
			c.medium++
		}
	}
	for _, m := range said(t, key, queries, func(_, question string) string { return "about " + question }) {
		a := decode(t, m)
		medium := key.Tier(a.Query.Key, a.Arm) == sluice.Medium
		note("arm "+string(a.Arm), medium)
		note(fmt.Sprintf("place %d", m.Sequence%2), medium)
		note(fmt.Sprintf("subject %d", hash(m.Subject)), medium)
		note(fmt.Sprintf("id %d", hash(m.ID)), medium)
		note(fmt.Sprintf("length %d", len(m.Data)), medium)
		note(fmt.Sprintf("bytes %d", hash(string(m.Data))), medium)
		note("call "+a.CallID[:1], medium)
		note(fmt.Sprintf("call ends %q", a.CallID[len(a.CallID)-1:]), medium)
		note(fmt.Sprintf("call of %d", len(a.CallID)), medium)
		note("pair "+a.Pair, medium)
		note(fmt.Sprintf("headers %d", len(m.Header)), medium)
		note(fmt.Sprintf("query key %c", a.Query.Key[0]), medium)
	}
	for trait, c := range traits {
		// Five standard deviations: once in a million traits by chance.
		if bound := 5 * math.Sqrt(float64(c.all)) / 2; math.Abs(float64(c.medium)-float64(c.all)/2) > bound {
			t.Errorf("%s: the medium model in %d of %d", trait, c.medium, c.all)
		}
	}
	if len(traits) < 40 {
		t.Errorf("only %d traits were looked at", len(traits))
	}
}

// hash sorts strings into a few bins.
func hash(s string) int {
	h := 0
	for _, c := range []byte(s) {
		h = (h*31 + int(c)) % 1009
	}
	return h % 7
}
