package streams_test

import (
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/streams"
)

func TestPlaceOfTakesApartWhatTheSubjectFunctionsBuild(t *testing.T) {
	numbered, bare := &sluice.Query{Key: "k1", Number: 1207}, &sluice.Query{Key: "k1"}
	for subject, want := range map[string]streams.Place{
		streams.AcceptedSubject(streams.LaneUrgent, "k1"):          {Kind: streams.KindAccepted, Key: "k1"},
		streams.SaidSubject("p1-ab", numbered, sluice.ArmB):        {Kind: streams.KindSaid, Key: "k1", Number: 1207, Pair: "p1-ab", Arm: sluice.ArmB},
		streams.GivenSubject("j1", "p1", numbered, sluice.ArmA):    {Kind: streams.KindGiven, Version: "j1", Key: "k1", Number: 1207, Pair: "p1", Arm: sluice.ArmA},
		streams.DrawnSubject(numbered, "l1"):                       {Kind: streams.KindDrawn, Key: "k1", Number: 1207, ID: "l1"},
		streams.AnalyzedSubject("v1", numbered):                    {Kind: streams.KindAnalyzed, Version: "v1", Key: "k1", Number: 1207},
		streams.ExampleSubject(numbered, "l1"):                     {Kind: streams.KindExample, Key: "k1", Number: 1207, ID: "l1"},
		streams.SaidSubject("p1-ab", bare, sluice.ArmB):            {Kind: streams.KindSaid, Key: "k1", Pair: "p1-ab", Arm: sluice.ArmB},
		streams.GivenSubject("j1", "p1", bare, sluice.ArmA):        {Kind: streams.KindGiven, Version: "j1", Key: "k1", Pair: "p1", Arm: sluice.ArmA},
		streams.DrawnSubject(bare, "l1"):                           {Kind: streams.KindDrawn, Key: "k1", ID: "l1"},
		streams.AnalyzedSubject("v1", bare):                        {Kind: streams.KindAnalyzed, Version: "v1", Key: "k1"},
		streams.ExampleSubject(bare, "l1"):                         {Kind: streams.KindExample, Key: "k1", ID: "l1"},
		streams.BilledSubject("judge", "c1"):                       {Kind: streams.KindBilled, ID: "c1"},
		streams.DeadSubject("judge", sluice.ReasonExhausted, "d1"): {Kind: streams.KindDead, ID: "d1"},
	} {
		got, ok := streams.PlaceOf(subject)
		if !ok || got != want {
			t.Errorf("PlaceOf(%s) = %+v, %v; want %+v", subject, got, ok, want)
		}
	}
}

func TestPlaceOfRefusesEveryOtherSubject(t *testing.T) {
	for _, subject := range []string{
		"", ".", "queries.asked.web", "queries.accepted.k1", "queries.accepted.normal.k1.x", "answers.said..k.a",
		"answers.said.p.k", "dead.judge.exhausted", "a.b.c.d.e.f.g.h", "labels.drawn.k", "retries.asked.judge.x",
		"answers.said.p.0.k.a", "answers.said.p.07.k.a", "answers.said.p.-7.k.a", "answers.said.p.+7.k.a", "answers.said.p.x.k.a",
		"labels.drawn.99999999999999999999.k.l", "queries.accepted.normal.7.k", "verdicts.given.j.p.7.k.a.x",
	} {
		if p, ok := streams.PlaceOf(subject); ok {
			t.Errorf("PlaceOf(%q) = %+v, want none", subject, p)
		}
	}
}

func TestKeyFiltersHoldEveryFactOfAQueryAndOfNoOther(t *testing.T) {
	for _, q := range []*sluice.Query{{Key: "k1", Number: 1207}, {Key: "k1"}} {
		for stream, subject := range map[string]string{
			streams.StreamAccepted: streams.AcceptedSubject(streams.LaneUrgent, q.Key),
			streams.StreamAnswers:  streams.SaidSubject("p1", q, sluice.ArmB),
			streams.StreamVerdicts: streams.GivenSubject("j1", "p1", q, sluice.ArmA),
			streams.StreamLabels:   streams.DrawnSubject(q, "l1"),
			streams.StreamAnalyses: streams.AnalyzedSubject("v1", q),
			streams.StreamExamples: streams.ExampleSubject(q, "l1"),
		} {
			if held := matches(subject, streams.KeyFilters("k1")[stream]); held != 1 {
				t.Errorf("%d of the filters hold %s, want one", held, subject)
			}
			if held := matches(subject, streams.KeyFilters("k2")[stream]); held != 0 {
				t.Errorf("%d of another key's filters hold %s", held, subject)
			}
		}
	}
}

// matches counts the filters that a subject falls under, by the server's rules.
func matches(subject string, filters []string) int {
	n := 0
	for _, f := range filters {
		tokens, want := strings.Split(subject, "."), strings.Split(f, ".")
		if slices.EqualFunc(tokens, want, func(token, want string) bool { return want == "*" || want == token }) {
			n++
		}
	}
	return n
}
