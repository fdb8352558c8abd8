package judge_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/judge"
	"sluice/internal/stagetest"
	"sluice/llm"
	"sluice/streams"
)

const good = `{"reason":"It names 1869.","verdict":"correct"}`

func newStage(t *testing.T, models *stagetest.Models, log *stagetest.Log, change ...func(*judge.Options)) *judge.Stage {
	t.Helper()
	o := judge.Options{Model: "pro", Version: "v1", MaxOutputTokens: 200}
	for _, c := range change {
		c(&o)
	}
	s, err := judge.New(models, log, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// says replies with each text in turn, and with the last one from then on.
func says(texts ...string) *stagetest.Models {
	said := 0
	return &stagetest.Models{Reply: func(llm.Purpose, llm.Request) (string, error) {
		text := texts[min(said, len(texts)-1)]
		said++
		return text, nil
	}}
}

func answer(tb testing.TB, change ...func(*sluice.Answer)) (streams.Message, sluice.Answer) {
	tb.Helper()
	a := sluice.Answer{
		Query: sluice.Query{
			Key: sluice.QueryKey("", "", "When?"), Text: "When was the <Suez> Canal opened & why?", Source: "web", Tenant: "acme",
			AskedAt: time.Unix(1_800_000_000, 0).UTC(), Split: sluice.Train,
		},
		GroundTruth: []string{"1869", "November 1869"}, Pair: "pabcdefgh-k2x7", Arm: sluice.ArmB, Text: "In 1869.", CallID: "call1",
	}
	for _, c := range change {
		c(&a)
	}
	m, err := streams.SaidFact(a)
	if err != nil {
		tb.Fatal(err)
	}
	m.Stream, m.Sequence, m.Deliveries = streams.StreamAnswers, 5, 1
	return m, a
}

// verdicts decodes the verdicts among messages, and counts the lines of the ledger before them.
func verdicts(t *testing.T, out []streams.Message) (given []sluice.Verdict, lines int) {
	t.Helper()
	for _, m := range out {
		if streams.IsLedger(m) {
			if len(given) > 0 {
				t.Error("a line of the ledger comes after a verdict")
			}
			lines++
			continue
		}
		v, err := streams.Decode[sluice.Verdict](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if m.ID != streams.GivenSubject(v.JudgeVersion, v.Pair, &v.Query, v.Arm) {
			t.Errorf("verdict on %s with id %s", m.Subject, m.ID)
		}
		given = append(given, v)
	}
	return given, lines
}

func TestAnAnswerIsGradedAlone(t *testing.T) {
	models := says(good)
	in, a := answer(t)
	out, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	given, lines := verdicts(t, out)
	if len(given) != 1 || lines != 1 {
		t.Fatalf("%d verdicts, %d lines", len(given), lines)
	}
	v := given[0]
	v.Query.AskedAt = v.Query.AskedAt.UTC()
	want := sluice.Verdict{
		Query: a.Query, Pair: a.Pair, Arm: sluice.ArmB, Grade: sluice.Correct, Reason: "It names 1869.", Basis: sluice.Reference,
		JudgeVersion: "v1", CallID: v.CallID,
	}
	if !reflect.DeepEqual(v, want) || v.CallID == "" || v.CallID == a.CallID {
		t.Errorf("verdict\n%+v, want\n%+v", v, want)
	}
	ask := models.Asked()[0]
	if want := (llm.Purpose{Stage: "judge", QueryKey: a.Query.Key, Tenant: "acme", Pair: a.Pair, Arm: sluice.ArmB}); ask.Purpose != want {
		t.Errorf("purpose %+v", ask.Purpose)
	}
	if want := `{"question":"When was the <Suez> Canal opened & why?","accepted_answers":["1869","November 1869"],"answer":"In 1869."}`; ask.Request.Prompt != want {
		t.Errorf("the model reads %s", ask.Request.Prompt)
	}
	var schema struct{ Title string }
	if err := json.Unmarshal(ask.Request.Schema, &schema); err != nil || schema.Title != "Verdict" || ask.Request.Model != "pro" || ask.Request.MaxOutputTokens != 200 {
		t.Errorf("request %+v: %v", ask.Request, err)
	}
}

func TestWithoutAcceptedAnswersTheJudgeGoesByWhatItKnows(t *testing.T) {
	models := says(good)
	s := newStage(t, models, &stagetest.Log{})
	in, _ := answer(t, func(a *sluice.Answer) { a.GroundTruth = nil })
	out, err := s.Handle(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if given, _ := verdicts(t, out); given[0].Basis != sluice.ReferenceFree {
		t.Errorf("basis %s", given[0].Basis)
	}
	in, _ = answer(t)
	if _, err := s.Handle(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	free, with := models.Asked()[0].Request, models.Asked()[1].Request
	if strings.Contains(free.Prompt, "accepted_answers") || strings.Contains(free.System, `"accepted_answers" lists`) {
		t.Errorf("reference-free request speaks of a reference: %s", free.Prompt)
	}
	if !strings.Contains(with.System, `"accepted_answers" lists`) || free.System == with.System {
		t.Error("both bases have one rubric")
	}
}

func TestAStoredVerdictIsNotBoughtAgain(t *testing.T) {
	models, log := says(good), &stagetest.Log{}
	in, _ := answer(t)
	s := newStage(t, models, log)
	out, err := s.Handle(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	log.Publish(out...)
	if out, err := s.Handle(t.Context(), in); err != nil || len(out) != 0 || len(models.Asked()) != 1 {
		t.Errorf("again: %d messages, %d calls, %v", len(out), len(models.Asked()), err)
	}
	other := newStage(t, models, log, func(o *judge.Options) { o.Version = "v2" })
	if out, err := other.Handle(t.Context(), in); err != nil || len(out) != 2 {
		t.Errorf("another judge version judges for itself: %d messages, %v", len(out), err)
	}
	in, _ = answer(t, func(a *sluice.Answer) { a.Arm = sluice.ArmA })
	if out, err := s.Handle(t.Context(), in); err != nil || len(out) != 2 {
		t.Errorf("the other arm is judged for itself: %d messages, %v", len(out), err)
	}
}

func TestAReplyThatIsNoVerdictIsAskedForOnceMore(t *testing.T) {
	models := says("Well, it depends.", good)
	in, _ := answer(t)
	out, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if given, lines := verdicts(t, out); len(given) != 1 || lines != 2 {
		t.Errorf("%d verdicts, %d lines", len(given), lines)
	}
	if a := models.Asked(); !reflect.DeepEqual(a[0], a[1]) {
		t.Error("the second request is another one")
	}
}

// TestUnparseableRepliesAreDeadLetteredAsSuch: the error is retryable, and when the attempts are spent
// its reason is the dead letter's.
func TestUnparseableRepliesAreDeadLetteredAsSuch(t *testing.T) {
	in, _ := answer(t)
	out, err := newStage(t, says("no JSON at all"), &stagetest.Log{}).Handle(t.Context(), in)
	if given, lines := verdicts(t, out); len(given) != 0 || lines != 2 {
		t.Errorf("%d verdicts, %d lines", len(given), lines)
	}
	if sluice.ClassOf(err) != sluice.ClassRetryable || sluice.ReasonOf(err) != sluice.ReasonUnparseable {
		t.Errorf("%s %s: %v", sluice.ClassOf(err), sluice.ReasonOf(err), err)
	}
	if err == nil || strings.Contains(err.Error(), "In 1869") || !strings.Contains(err.Error(), "not a JSON object") {
		t.Errorf("the error says: %v", err)
	}
}

func TestAFailedCallIsInTheLedgerAndKeepsItsClass(t *testing.T) {
	for _, failure := range []error{
		errors.New("503"), sluice.RetryAfter(errors.New("429"), time.Second), sluice.Terminal(sluice.ReasonRefused, errors.New("blocked")),
	} {
		models := &stagetest.Models{Reply: func(llm.Purpose, llm.Request) (string, error) { return "", failure }}
		in, _ := answer(t)
		out, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in)
		given, lines := verdicts(t, out)
		if !errors.Is(err, failure) || sluice.ClassOf(err) != sluice.ClassOf(failure) || sluice.DelayOf(err) != sluice.DelayOf(failure) || len(given) != 0 || lines != 1 {
			t.Errorf("%v: %v, %d verdicts, %d lines", failure, err, len(given), lines)
		}
	}
}

func TestTheShortcutIsOffUnlessSwitchedOn(t *testing.T) {
	exact, _ := answer(t, func(a *sluice.Answer) { a.Text = " NOVEMBER  1869." })
	models := says(good)
	out, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), exact)
	if err != nil {
		t.Fatal(err)
	}
	if given, lines := verdicts(t, out); given[0].Shortcut || lines != 1 {
		t.Errorf("off, and taken: %+v", given[0])
	}
	on := newStage(t, models, &stagetest.Log{}, func(o *judge.Options) { o.Shortcut = true })
	out, err = on.Handle(t.Context(), exact)
	if err != nil {
		t.Fatal(err)
	}
	given, lines := verdicts(t, out)
	if lines != 0 || !given[0].Shortcut || given[0].Grade != sluice.Correct || given[0].CallID != "" || given[0].Reason == "" {
		t.Errorf("on, and not taken: %+v", given[0])
	}
	for _, text := range []string{"In 1869.", "1869 or 1870", "not 1869", ".1869", "18 69"} {
		in, _ := answer(t, func(a *sluice.Answer) { a.Text = text })
		if out, err = on.Handle(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if given, lines := verdicts(t, out); given[0].Shortcut || lines != 1 {
			t.Errorf("%q is not an accepted answer word for word", text)
		}
	}
	free, _ := answer(t, func(a *sluice.Answer) { a.GroundTruth = nil })
	if out, err = on.Handle(t.Context(), free); err != nil {
		t.Fatal(err)
	}
	if given, _ := verdicts(t, out); given[0].Shortcut {
		t.Error("a short cut without accepted answers")
	}
}

// TestTheRequestIsOfTheWordsAlone: whatever else differs between two answers of the same words, the
// judging model reads the same bytes (Invariant 3).
func TestTheRequestIsOfTheWordsAlone(t *testing.T) {
	models := says(good)
	s := newStage(t, models, &stagetest.Log{})
	for _, change := range []func(*sluice.Answer){
		func(*sluice.Answer) {},
		func(a *sluice.Answer) { a.Arm, a.CallID = sluice.ArmA, "another" },
		func(a *sluice.Answer) { a.Pair = "pzzzzzzzz" },
		func(a *sluice.Answer) {
			a.Query.Key, a.Query.ID, a.Query.Source, a.Query.Tenant = "k", "id", "source", "tenant"
			a.Query.Tags, a.Query.Priority, a.Query.Split = []string{"gpt"}, 9, sluice.Test
			a.Query.AskedAt, a.Query.Deadline = time.Unix(0, 0), time.Unix(1, 0)
		},
	} {
		in, _ := answer(t, change)
		in.Sequence, in.Deliveries, in.StoredAt, in.Header = 99, 3, time.Unix(5, 0), map[string]string{"traceparent": "x"}
		if _, err := s.Handle(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	asked := models.Asked()
	for _, a := range asked {
		if !reflect.DeepEqual(a.Request, asked[0].Request) {
			t.Errorf("%+v\nis not\n%+v", a.Request, asked[0].Request)
		}
	}
	if len(asked) != 4 {
		t.Errorf("%d requests", len(asked))
	}
}

func TestTheJudgeNeedsAModelAndAVersionFitForSubjects(t *testing.T) {
	for _, o := range []judge.Options{{}, {Model: "pro"}, {Version: "v1"}, {Model: "pro", Version: "v.1"}, {Model: "pro", Version: "*"}} {
		if _, err := judge.New(nil, nil, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestGarbageAndAnUnreadableLogAreNotJudged(t *testing.T) {
	models := says(good)
	in, _ := answer(t)
	unread := errors.New("no answer from the server")
	if _, err := newStage(t, models, &stagetest.Log{Fail: unread}).Handle(t.Context(), in); !errors.Is(err, unread) {
		t.Error(err)
	}
	in.Data = []byte("{}")
	if _, err := newStage(t, models, &stagetest.Log{}).Handle(t.Context(), in); sluice.ClassOf(err) != sluice.ClassPoison {
		t.Error(err)
	}
	if len(models.Asked()) != 0 {
		t.Errorf("%d calls", len(models.Asked()))
	}
}
