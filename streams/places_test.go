package streams_test

import (
	"testing"

	"sluice"
	"sluice/streams"
)

func TestPlaceOfTakesApartWhatTheSubjectFunctionsBuild(t *testing.T) {
	for subject, want := range map[string]streams.Place{
		streams.AcceptedSubject(streams.LaneUrgent, "k1"):          {Kind: streams.KindAccepted, Key: "k1"},
		streams.SaidSubject("p1-ab", "k1", sluice.ArmB):            {Kind: streams.KindSaid, Key: "k1", Pair: "p1-ab", Arm: sluice.ArmB},
		streams.GivenSubject("j1", "p1", "k1", sluice.ArmA):        {Kind: streams.KindGiven, Version: "j1", Key: "k1", Pair: "p1", Arm: sluice.ArmA},
		streams.DrawnSubject("k1", "l1"):                           {Kind: streams.KindDrawn, Key: "k1", ID: "l1"},
		streams.AnalyzedSubject("v1", "k1"):                        {Kind: streams.KindAnalyzed, Version: "v1", Key: "k1"},
		streams.ExampleSubject("k1", "l1"):                         {Kind: streams.KindExample, Key: "k1", ID: "l1"},
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
	} {
		if p, ok := streams.PlaceOf(subject); ok {
			t.Errorf("PlaceOf(%q) = %+v, want none", subject, p)
		}
	}
}
