package answer_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/answer"
	"sluice/internal/stagetest"
	"sluice/llm"
	"sluice/streams"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	flash = "flash"
	pro   = "pro"
)

func armKey(t *testing.T) sluice.ArmKey {
	t.Helper()
	key, err := sluice.NewArmKey([]byte("a secret for the tests"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newStage(t *testing.T, models *stagetest.Models, log *stagetest.Log) *answer.Stage {
	t.Helper()
	s, err := answer.New(models, log, answer.Options{
		Medium: answer.Model{Name: flash, MaxOutputTokens: 100}, Large: answer.Model{Name: pro},
		Key: armKey(t), MaxAnswerBytes: 50, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepted is the n-th query as the log delivers it.
func accepted(tb testing.TB, n int, change ...func(*sluice.Query)) (streams.Message, sluice.Query) {
	tb.Helper()
	text := fmt.Sprintf("question %d?", n)
	q := sluice.Query{Key: sluice.QueryKey("", "", text), Text: text, Source: "web", Tenant: "acme", AskedAt: now.Add(-time.Minute), Split: sluice.Train}
	for _, c := range change {
		c(&q)
	}
	m, err := streams.AcceptedFact(sluice.Accepted{Query: q, GroundTruth: []string{"gold"}})
	if err != nil {
		tb.Fatal(err)
	}
	m.Stream, m.Sequence, m.Deliveries = streams.StreamAccepted, uint64(n+1), 1
	return m, q
}

// says is a pair of models of which each has something to say.
func says(medium, large string) *stagetest.Models {
	return &stagetest.Models{Reply: func(_ llm.Purpose, req llm.Request) (string, error) {
		if req.Model == flash {
			return medium, nil
		}
		return large, nil
	}}
}

// answers decodes the answers among messages and checks that ledger lines come first.
func answers(t *testing.T, out []streams.Message) (said []sluice.Answer, calls []sluice.Call) {
	t.Helper()
	for _, m := range out {
		if streams.IsLedger(m) {
			c, err := streams.Decode[sluice.Call](m.Data)
			if err != nil {
				t.Fatal(err)
			}
			if len(said) > 0 {
				t.Errorf("a line of the ledger comes after an answer")
			}
			calls = append(calls, c)
			continue
		}
		a, err := streams.Decode[sluice.Answer](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if m.ID != streams.SaidSubject(a.Pair, &a.Query, a.Arm) {
			t.Errorf("answer on %s with id %s", m.Subject, m.ID)
		}
		said = append(said, a)
	}
	return said, calls
}

func TestBothModelsAreAskedAndPublishedInTheOrderOfTheirArms(t *testing.T) {
	models := says(" from\x00 the\xff medium one ", "from the large one")
	s := newStage(t, models, &stagetest.Log{})
	mediumFirst := 0
	for n := range 200 {
		in, q := accepted(t, n)
		out, err := s.Handle(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		said, calls := answers(t, out)
		if len(said) != 2 || len(calls) != 2 || said[0].Arm != sluice.ArmA || said[1].Arm != sluice.ArmB {
			t.Fatalf("%d answers, %d lines: %+v", len(said), len(calls), said)
		}
		for i, a := range said {
			tier := armKey(t).Tier(q.Key, a.Arm)
			want := map[sluice.Tier]string{sluice.Medium: "from the medium one", sluice.Large: "from the large one"}[tier]
			if a.Text != want || a.Pair != s.Pair() || a.CallID != calls[i].ID || calls[i].Tier != tier || calls[i].Arm != a.Arm || a.GroundTruth[0] != "gold" {
				t.Fatalf("arm %s is %s: %+v, paid by %+v", a.Arm, tier, a, calls[i])
			}
			if i == 0 && tier == sluice.Medium {
				mediumFirst++
			}
		}
	}
	if mediumFirst < 70 || mediumFirst > 130 {
		t.Errorf("the medium model is first %d times of 200: the order tells who it is", mediumFirst)
	}
}

func TestBothModelsAreAskedTheSame(t *testing.T) {
	models := says("a", "b")
	in, q := accepted(t, 1)
	s := newStage(t, models, &stagetest.Log{})
	if _, err := s.Handle(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	asked := models.Asked()
	for _, a := range asked {
		if a.Request.Prompt != q.Text || a.Request.Schema != nil || !strings.Contains(a.Request.System, "I don't know") {
			t.Errorf("asked %+v", a.Request)
		}
		if p := a.Purpose; p.Stage != "answer" || p.QueryKey != q.Key || p.Tenant != "acme" || p.Pair != s.Pair() || armKey(t).Tier(q.Key, p.Arm) != p.Tier {
			t.Errorf("purpose %+v", p)
		}
		if want := map[string]int{flash: 100, pro: 0}[a.Request.Model]; a.Request.MaxOutputTokens != want {
			t.Errorf("%s may write %d tokens, want %d", a.Request.Model, a.Request.MaxOutputTokens, want)
		}
	}
	if len(asked) != 2 || asked[0].Request.System != asked[1].Request.System {
		t.Errorf("asked %d times", len(asked))
	}
}

func TestAStoredAnswerIsNotBoughtAgain(t *testing.T) {
	models := says("medium", "large")
	log := &stagetest.Log{}
	s := newStage(t, models, log)
	in, q := accepted(t, 1)
	out, err := s.Handle(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	said, _ := answers(t, out)
	for i, a := range said { // one after the other is stored
		fact, err := streams.SaidFact(a)
		if err != nil {
			t.Fatal(err)
		}
		log.Publish(fact)
		before := len(models.Asked())
		again, err := s.Handle(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		rest, calls := answers(t, again)
		if len(rest) != 1-i || len(calls) != 1-i || len(models.Asked())-before != 1-i {
			t.Errorf("with arm %s stored: %d answers, %d calls", a.Arm, len(rest), len(calls))
		}
		for _, r := range rest {
			if r.Arm != a.Arm.Other() {
				t.Errorf("arm %s was bought again", r.Arm)
			}
		}
	}
	other, err := answer.New(models, log, answer.Options{
		Medium: answer.Model{Name: flash}, Large: answer.Model{Name: "another"}, Key: armKey(t), Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := other.Handle(t.Context(), in); err != nil || len(out) != 4 {
		t.Errorf("another pair is asked for itself: %d messages of query %s, %v", len(out), q.Key, err)
	}
}

func TestAFailureOfOneModelKeepsWhatTheOtherSaid(t *testing.T) {
	failing := errors.New("503")
	for _, down := range []string{flash, pro} {
		broken := true
		models := &stagetest.Models{Reply: func(_ llm.Purpose, req llm.Request) (string, error) {
			if broken && req.Model == down {
				return "", failing
			}
			return "said by " + req.Model, nil
		}}
		log := &stagetest.Log{}
		s := newStage(t, models, log)
		in, _ := accepted(t, 3)
		out, err := s.Handle(t.Context(), in)
		if !errors.Is(err, failing) || sluice.ClassOf(err) != sluice.ClassRetryable {
			t.Fatalf("%s down: %v", down, err)
		}
		said, calls := answers(t, out)
		if len(said) != 1 || len(calls) != 2 || strings.Contains(said[0].Text, down) {
			t.Fatalf("%s down: %+v, %d lines", down, said, len(calls))
		}
		log.Publish(out...)
		broken = false
		out, err = s.Handle(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		said, calls = answers(t, out)
		if len(said) != 1 || len(calls) != 1 || said[0].Text != "said by "+down || len(models.Asked()) != 3 {
			t.Errorf("%s back: %+v, %d lines, %d calls in all", down, said, len(calls), len(models.Asked()))
		}
	}
}

func TestAPanicOfOneArmIsPoisonAndKeepsWhatTheOtherSaid(t *testing.T) {
	for _, down := range []string{flash, pro} {
		models := &stagetest.Models{Reply: func(_ llm.Purpose, req llm.Request) (string, error) {
			if req.Model == down {
				panic("a bug")
			}
			return "said by " + req.Model, nil
		}}
		in, _ := accepted(t, 3)
		out, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in)
		if sluice.ClassOf(err) != sluice.ClassPoison || sluice.ReasonOf(err) != sluice.ReasonPanic {
			t.Fatalf("%s panics: %v", down, err)
		}
		if said, calls := answers(t, out); len(said) != 1 || len(calls) != 1 || strings.Contains(said[0].Text, down) {
			t.Errorf("%s panics: %+v, %d lines", down, said, len(calls))
		}
	}
}

// TestTheGraverErrorSettlesTheMessage whichever arm it is of.
func TestTheGraverErrorSettlesTheMessage(t *testing.T) {
	terminal := sluice.Terminal(sluice.ReasonRefused, errors.New("blocked"))
	wait := sluice.RetryAfter(errors.New("429"), 7*time.Second)
	plain := errors.New("503")
	for _, c := range []struct {
		medium, large error
		class         sluice.Class
		reason        sluice.Reason
		delay         time.Duration
	}{
		{terminal, plain, sluice.ClassTerminal, sluice.ReasonRefused, 0},
		{wait, terminal, sluice.ClassTerminal, sluice.ReasonRefused, 0},
		{wait, plain, sluice.ClassRetryable, sluice.ReasonExhausted, 0},
		{plain, plain, sluice.ClassRetryable, sluice.ReasonExhausted, 0},
		{wait, wait, sluice.ClassWait, sluice.ReasonExhausted, 7 * time.Second},
		{nil, wait, sluice.ClassWait, sluice.ReasonExhausted, 7 * time.Second},
		{context.Canceled, wait, sluice.ClassInterrupted, sluice.ReasonExhausted, 0},
		{plain, context.Canceled, sluice.ClassInterrupted, sluice.ReasonExhausted, 0},
	} {
		models := &stagetest.Models{Reply: func(_ llm.Purpose, req llm.Request) (string, error) {
			if req.Model == flash {
				return "m", c.medium
			}
			return "l", c.large
		}}
		for n := range 8 { // both orders of the arms
			in, _ := accepted(t, n)
			_, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in)
			if sluice.ClassOf(err) != c.class || sluice.ReasonOf(err) != c.reason || sluice.DelayOf(err) != c.delay {
				t.Errorf("%v and %v: %s %s %s: %v", c.medium, c.large, sluice.ClassOf(err), sluice.ReasonOf(err), sluice.DelayOf(err), err)
			}
		}
	}
}

func TestAnEmptyReplyIsTriedAgainAndSaysWhy(t *testing.T) {
	s := newStage(t, says(" \x00\n", "large"), &stagetest.Log{})
	in, _ := accepted(t, 1)
	out, err := s.Handle(t.Context(), in)
	said, calls := answers(t, out)
	if sluice.ClassOf(err) != sluice.ClassRetryable || sluice.ReasonOf(err) != sluice.ReasonUnparseable || len(said) != 1 || len(calls) != 2 {
		t.Errorf("%v: %d answers, %d lines", err, len(said), len(calls))
	}
	if err == nil || !strings.Contains(err.Error(), "flash gave an empty reply") {
		t.Errorf("the error says: %v", err)
	}
}

func TestALongAnswerIsCut(t *testing.T) {
	s := newStage(t, says(strings.Repeat("é", 100), "x"), &stagetest.Log{})
	in, q := accepted(t, 1)
	out, err := s.Handle(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	said, _ := answers(t, out)
	for _, a := range said {
		if armKey(t).Tier(q.Key, a.Arm) == sluice.Medium && a.Text != strings.Repeat("é", 25) {
			t.Errorf("%d bytes: %s", len(a.Text), a.Text)
		}
	}
}

func TestAnExpiredQueryIsNotAnswered(t *testing.T) {
	models := says("a", "b")
	in, _ := accepted(t, 1, func(q *sluice.Query) { q.Deadline = now })
	_, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in)
	if sluice.ClassOf(err) != sluice.ClassTerminal || sluice.ReasonOf(err) != sluice.ReasonExpired || len(models.Asked()) != 0 {
		t.Errorf("%v after %d calls", err, len(models.Asked()))
	}
	in, _ = accepted(t, 1, func(q *sluice.Query) { q.Deadline = now.Add(time.Second) })
	if _, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsAskedWhereTheLogCannotBeRead(t *testing.T) {
	models := says("a", "b")
	unread := errors.New("no answer from the server")
	in, _ := accepted(t, 1)
	if _, err := newStage(t, models, &stagetest.Log{Fail: unread}).Handle(t.Context(), in); !errors.Is(err, unread) || len(models.Asked()) != 0 {
		t.Errorf("%v after %d calls", err, len(models.Asked()))
	}
	in.Data = []byte{0xc1}
	if _, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in); sluice.ClassOf(err) != sluice.ClassPoison {
		t.Error(err)
	}
}

func TestAnInterruptedCallIsInTheLedger(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, _ := accepted(t, 1)
	out, err := newStage(t, says("a", "b"), &stagetest.Log{}).Handle(ctx, in)
	said, calls := answers(t, out)
	if sluice.ClassOf(err) != sluice.ClassInterrupted || len(said) != 0 || len(calls) != 2 {
		t.Errorf("%v: %d answers, %d lines", err, len(said), len(calls))
	}
}

// TestAnAnswerSaysNothingOfWhoSaidIt: the type that the judge reads has no room for it (Invariant 3).
func TestAnAnswerSaysNothingOfWhoSaidIt(t *testing.T) {
	forbidden := []reflect.Type{
		reflect.TypeFor[sluice.Tier](), reflect.TypeFor[sluice.Usage](), reflect.TypeFor[sluice.MicroUSD](), reflect.TypeFor[sluice.Call](),
		reflect.TypeFor[sluice.Grade](), reflect.TypeFor[sluice.Verdict](), reflect.TypeFor[time.Duration](),
	}
	names := []string{"model", "tier", "provider", "usage", "token", "cost", "price", "latency", "started", "medium", "large"}
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		for _, f := range forbidden {
			if typ == f {
				t.Errorf("%s is a %s", path, typ)
			}
		}
		switch typ.Kind() {
		case reflect.Slice, reflect.Pointer, reflect.Array:
			walk(path, typ.Elem())
		case reflect.Map, reflect.Interface, reflect.Func, reflect.Chan:
			t.Errorf("%s is a %s: what it holds can't be told", path, typ)
		case reflect.Struct:
			if typ == reflect.TypeFor[time.Time]() {
				return
			}
			for f := range typ.Fields() {
				for _, name := range names {
					if strings.Contains(strings.ToLower(f.Name+f.Tag.Get("json")), name) {
						t.Errorf("%s.%s is named after %s", path, f.Name, name)
					}
				}
				walk(path+"."+f.Name, f.Type)
			}
		}
	}
	walk("Answer", reflect.TypeFor[sluice.Answer]())
}

func TestBothModelsMustBeNamed(t *testing.T) {
	for _, o := range []answer.Options{{}, {Medium: answer.Model{Name: "a"}, Now: time.Now}, {Medium: answer.Model{Name: "a"}, Large: answer.Model{Name: "b"}}} {
		if _, err := answer.New(nil, nil, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
