package main

import (
	"testing"

	"sluice"
	"sluice/config"
	"sluice/consumers/analysis"
	"sluice/consumers/answer"
	"sluice/consumers/intake"
	"sluice/consumers/judge"
	"sluice/consumers/label"
	"sluice/producers"
	"sluice/streams"
)

// What it leads to may be stored by the number of the first time, or, from a log that counted nothing yet, by none.
func TestAQuestionIsForecastByTheNumberOfItsFirstTime(t *testing.T) {
	key, err := sluice.NewArmKey([]byte("a secret of sixteen bytes"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stored bool
		before int64
		want   int64
	}{
		"asked twice": {false, 0, 5}, "accepted before the window": {true, 3, 3}, "accepted without a number": {true, 0, 0},
	} {
		f := &forecaster{
			cfg: config.Default(), key: key, pair: "p1", guess: producers.DefaultAssumptions(), numbers: map[string]int64{}, entrance: entrance(t),
			before: func(key string) (streams.Before, bool, error) {
				return streams.Before{Accepted: sluice.Accepted{Query: sluice.Query{Key: key, Number: c.before}}}, c.stored, nil
			},
		}
		q := &sluice.Query{Key: sluice.QueryKey("", "", "Why?"), Number: c.want}
		for _, sequence := range []uint64{5, 9} {
			m, err := streams.AskedMessage("web", "", streams.Asked{Query: "Why?"}, false)
			if err != nil {
				t.Fatal(err)
			}
			m.Stream, m.Sequence = streams.StreamQueries, sequence
			wanted, err := f.wants(intake.Name)(m)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range wanted {
				if p, ok := streams.PlaceOf(w.Subject); !ok || p.Number != q.Number || p.Key != q.Key {
					t.Errorf("%s: %d leads to %s, want number %d", name, sequence, w.Subject, q.Number)
				}
			}
			if len(wanted) != 5 {
				t.Errorf("%s: %d leads to %d facts, want 5", name, sequence, len(wanted))
			}
		}
	}
}

func entrance(t *testing.T) *intake.Stage {
	t.Helper()
	s, err := intake.New(nil, intake.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is masked is stored under the key of what it says masked, and what is refused leads to nothing.
func TestAQuestionIsForecastAsTheEntranceTakesIt(t *testing.T) {
	key, err := sluice.NewArmKey([]byte("a secret of sixteen bytes"))
	if err != nil {
		t.Fatal(err)
	}
	f := &forecaster{
		cfg: config.Default(), key: key, pair: "p1", guess: producers.DefaultAssumptions(), numbers: map[string]int64{}, entrance: entrance(t),
		before: func(string) (streams.Before, bool, error) { return streams.Before{}, false, nil },
	}
	for payload, want := range map[string]string{
		`{"query": "Who is bob@example.com?"}`:                     "Who is [EMAIL]?",
		`{"query": "one\r\ntwo?"}`:                                 "one\ntwo?",
		`{"query": "Why?", "groundtruth": "because"}`:              "",
		`{"query": "Why?", "priority": 11}`:                        "",
		`{"query": "Why?", "deadline": "2001-01-01T00:00:00Z"}`:    "",
		`{"query": "Why?", "tags": ["` + string([]byte{0}) + `"]}`: "",
	} {
		m := streams.Message{Stream: streams.StreamQueries, Subject: "queries.asked.online", Sequence: 7, Data: []byte(payload)}
		wanted, err := f.wants(intake.Name)(m)
		if err != nil || len(wanted) > 0 != (want != "") {
			t.Errorf("%s leads to %d facts, %v", payload, len(wanted), err)
		}
		for _, w := range wanted {
			if p, ok := streams.PlaceOf(w.Subject); !ok || p.Key != sluice.QueryKey("", "", want) {
				t.Errorf("%s leads to %s", payload, w.Subject)
			}
		}
	}
}

func TestWhatIsNoFactIsForecastToLeadToNothing(t *testing.T) {
	key, err := sluice.NewArmKey([]byte("a secret of sixteen bytes"))
	if err != nil {
		t.Fatal(err)
	}
	f := &forecaster{cfg: config.Default(), key: key, pair: "p1", guess: producers.DefaultAssumptions()}
	q := sluice.Query{Key: sluice.QueryKey("", "", "Why?"), Number: 3}
	said, err := streams.SaidFact(sluice.Answer{Query: q, Pair: "p1", Arm: sluice.ArmA, Text: "Because."})
	if err != nil {
		t.Fatal(err)
	}
	if wanted, err := f.wants(judge.Name)(said); err != nil || len(wanted) != 2 {
		t.Fatalf("an answer leads to %+v, %v: want a verdict and an analysis", wanted, err)
	}
	foreign, nobodys, others := said, said, said
	foreign.Data = []byte("not msgpack")
	nobodys.Data = []byte{0x80}
	others.Subject = streams.SaidSubject("p1", &sluice.Query{Key: sluice.QueryKey("", "", "Who?"), Number: 3}, sluice.ArmA)
	for name, m := range map[string]streams.Message{"bytes of somebody": foreign, "no query": nobodys, "another's": others} {
		for _, stage := range []string{answer.Name, judge.Name, label.Name, analysis.Name} {
			if wanted, err := f.wants(stage)(m); err != nil || len(wanted) > 0 {
				t.Errorf("%s, to %s: %+v, %v", name, stage, wanted, err)
			}
		}
	}
}
