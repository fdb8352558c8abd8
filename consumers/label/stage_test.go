package label_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"sluice"
	"sluice/consumers/label"
	"sluice/internal/stagetest"
	"sluice/streams"
)

func armKey(tb testing.TB) sluice.ArmKey {
	tb.Helper()
	key, err := sluice.NewArmKey([]byte("a secret for the tests"))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

type fataler interface{ Fatal(args ...any) }

func newStage(t fataler, log label.Verdicts, key sluice.ArmKey, m sluice.Matrix) *label.Stage {
	s, err := label.New(log, key, m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func query(text string) sluice.Query {
	return sluice.Query{Key: sluice.QueryKey("", "", text), Text: text, Source: "web", Split: sluice.Train}
}

// verdict is what the judge found of one tier's answer.
func verdict(t fataler, key sluice.ArmKey, text string, tier sluice.Tier, g sluice.Grade, change ...func(*sluice.Verdict)) streams.Message {
	q := query(text)
	v := sluice.Verdict{
		Query: q, Pair: key.Pair("flash", "pro", "a1"), Arm: key.Arm(q.Key, tier), Grade: g, Reason: "because of SECRET",
		Basis: sluice.Reference, JudgeVersion: "v1",
	}
	for _, c := range change {
		c(&v)
	}
	m, err := streams.GivenFact(v)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func labels(t fataler, msgs []streams.Message) []sluice.Label {
	out := make([]sluice.Label, 0, len(msgs))
	for _, m := range msgs {
		l, err := streams.Decode[sluice.Label](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

// run hands the log's verdicts to the stage and publishes what it makes of them.
func run(t *testing.T, s *label.Stage, log *stagetest.Log) {
	t.Helper()
	for _, r := range s.HandleBatch(t.Context(), log.Messages(streams.StreamVerdicts)) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		log.Publish(r.Out...)
	}
}

func TestEveryCellLabelsAsTheMatrixSays(t *testing.T) {
	key, matrix := armKey(t), sluice.DefaultMatrix()
	for _, cell := range matrix.Cells() {
		for n := range 4 { // queries whose medium model is arm a, and arm b
			log := &stagetest.Log{}
			text := fmt.Sprintf("%s/%s %d?", cell.Medium, cell.Large, n)
			log.Publish(verdict(t, key, text, sluice.Medium, cell.Medium), verdict(t, key, text, sluice.Large, cell.Large))
			run(t, newStage(t, log, key, matrix), log)
			got := labels(t, log.Messages(streams.StreamLabels))
			if len(got) != 1 || got[0].Policy != cell.Policy || got[0].MatrixVersion != matrix.Version() ||
				got[0].Basis != sluice.Reference || !reflect.DeepEqual(got[0].Query, query(text)) {
				t.Errorf("medium %s, large %s: %+v, want one label %s", cell.Medium, cell.Large, got, cell.Policy)
			}
		}
	}
}

// The log's verdicts are shuffled, repeated, cut into batches and dealt to copies whose replicas lag;
// whatever is stale or unsettled comes again. At the end there is one label a query, the same as in order.
func TestTheJoinIsIndependentOfOrderRepetitionAndCopies(t *testing.T) {
	key, matrix := armKey(t), sluice.DefaultMatrix()
	rapid.Check(t, func(t *rapid.T) {
		log := &stagetest.Log{}
		want := map[string]sluice.Policy{}
		var given []streams.Message
		for i := range rapid.IntRange(1, 12).Draw(t, "queries") {
			text := fmt.Sprintf("question %d?", i)
			medium, large := rapid.SampledFrom(sluice.Grades()).Draw(t, "medium"), rapid.SampledFrom(sluice.Grades()).Draw(t, "large")
			given = append(given, verdict(t, key, text, sluice.Medium, medium))
			if rapid.IntRange(0, 5).Draw(t, "half") > 0 { // some queries have one verdict only
				given = append(given, verdict(t, key, text, sluice.Large, large))
				cell, err := matrix.Cell(medium, large)
				if err != nil {
					t.Fatal(err)
				}
				want[query(text).Key] = cell.Policy
			}
		}
		log.Publish(rapid.Permutation(given).Draw(t, "order of publishing")...)
		stored := log.Messages(streams.StreamVerdicts)
		pending := rapid.Permutation(append(stored[:len(stored):len(stored)], rapid.SliceOfN(rapid.SampledFrom(stored), 0, 10).Draw(t, "repeated")...)).Draw(t, "order of delivery")
		for len(pending) > 0 {
			n := rapid.IntRange(1, len(pending)).Draw(t, "batch")
			log.Behind = rapid.IntRange(0, 2).Draw(t, "lag")
			batch := pending[:n]
			pending = pending[n:]
			copyOfStage := newStage(t, log, key, matrix)
			for i, r := range copyOfStage.HandleBatch(context.Background(), batch) {
				if r.Err != nil {
					if sluice.ClassOf(r.Err) != sluice.ClassStale || log.Behind == 0 {
						t.Fatalf("lag %d: %v", log.Behind, r.Err)
					}
					pending = append(pending, batch[i])
				}
				if rapid.IntRange(0, 9).Draw(t, "killed before the ack") == 0 {
					pending = append(pending, batch[i])
				}
				log.Publish(r.Out...)
			}
			if rapid.Bool().Draw(t, "the replica catches up") {
				log.Behind = 0
			}
		}
		got := labels(t, log.Messages(streams.StreamLabels))
		if len(got) != len(want) {
			t.Fatalf("%d labels for %d queries with two verdicts", len(got), len(want))
		}
		for _, l := range got {
			if l.Policy != want[l.Query.Key] {
				t.Fatalf("%s: %s, want %s", l.Query.Text, l.Policy, want[l.Query.Key])
			}
		}
	})
}

// Of two verdicts, the one that was stored later makes the label, however they are delivered.
func TestTheLaterVerdictMakesTheLabel(t *testing.T) {
	key, log := armKey(t), &stagetest.Log{}
	log.Publish(verdict(t, key, "q?", sluice.Large, sluice.Correct), verdict(t, key, "q?", sluice.Medium, sluice.IDK))
	s := newStage(t, log, key, sluice.DefaultMatrix())
	stored := log.Messages(streams.StreamVerdicts)
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		emitted := map[int]int{}
		for _, i := range order {
			emitted[i] = len(s.HandleBatch(t.Context(), stored[i:i+1])[0].Out)
		}
		if emitted[0] != 0 || emitted[1] != 1 {
			t.Errorf("order %v: the earlier emitted %d, the later %d", order, emitted[0], emitted[1])
		}
	}
}

// Another matrix gives another label of the same verdicts, and leaves the first where it is; verdicts of
// another judge version or another pair never meet these.
func TestVersionsDoNotMeet(t *testing.T) {
	key, log := armKey(t), &stagetest.Log{}
	moved, err := sluice.DefaultMatrix().With(sluice.Cell{Medium: sluice.Incorrect, Large: sluice.IDK, Policy: sluice.Ambiguous, Rationale: "escalating buys a refusal"})
	if err != nil {
		t.Fatal(err)
	}
	log.Publish(
		verdict(t, key, "q?", sluice.Medium, sluice.Incorrect), verdict(t, key, "q?", sluice.Large, sluice.IDK),
		verdict(t, key, "q?", sluice.Medium, sluice.Correct, func(v *sluice.Verdict) { v.JudgeVersion = "v2" }),
		verdict(t, key, "q?", sluice.Large, sluice.Correct, func(v *sluice.Verdict) { v.Pair = key.Pair("other", "pro", "a1") }))
	run(t, newStage(t, log, key, sluice.DefaultMatrix()), log)
	run(t, newStage(t, log, key, moved), log)
	got := labels(t, log.Messages(streams.StreamLabels))
	if len(got) != 2 || got[0].Policy != sluice.Complex || got[1].Policy != sluice.Ambiguous || got[0].ID == got[1].ID {
		t.Errorf("labels %+v", got)
	}
}

func TestOneReferenceFreeVerdictMakesTheLabelReferenceFree(t *testing.T) {
	key, log := armKey(t), &stagetest.Log{}
	log.Publish(verdict(t, key, "q?", sluice.Medium, sluice.Correct),
		verdict(t, key, "q?", sluice.Large, sluice.Correct, func(v *sluice.Verdict) { v.Basis = sluice.ReferenceFree }))
	run(t, newStage(t, log, key, sluice.DefaultMatrix()), log)
	if got := labels(t, log.Messages(streams.StreamLabels)); len(got) != 1 || got[0].Basis != sluice.ReferenceFree {
		t.Errorf("labels %+v", got)
	}
}

// A query that was asked once as a test and once without is a test, whichever verdict came last.
func TestATestVerdictMakesATestLabel(t *testing.T) {
	key := armKey(t)
	asTest := func(v *sluice.Verdict) { v.Query.Split = sluice.Test }
	for _, given := range [][]streams.Message{
		{verdict(t, key, "q?", sluice.Medium, sluice.Correct, asTest), verdict(t, key, "q?", sluice.Large, sluice.Correct)},
		{verdict(t, key, "q?", sluice.Medium, sluice.Correct), verdict(t, key, "q?", sluice.Large, sluice.Correct, asTest)},
	} {
		log := &stagetest.Log{}
		log.Publish(given...)
		run(t, newStage(t, log, key, sluice.DefaultMatrix()), log)
		if got := labels(t, log.Messages(streams.StreamLabels)); len(got) != 1 || got[0].Query.Split != sluice.Test {
			t.Errorf("labels %+v", got)
		}
	}
}

// A label tells nothing of what was said: its bytes are the same whatever the judge's reasons were.
func TestALabelCarriesNoVerdict(t *testing.T) {
	key := armKey(t)
	var bytesOf [2]string
	for i, reason := range []string{"x", "the answer names Paris"} {
		log := &stagetest.Log{}
		say := func(v *sluice.Verdict) { v.Reason, v.CallID = reason, reason }
		log.Publish(verdict(t, key, "q?", sluice.Medium, sluice.Incorrect, say), verdict(t, key, "q?", sluice.Large, sluice.Incorrect, say))
		run(t, newStage(t, log, key, sluice.DefaultMatrix()), log)
		bytesOf[i] = string(log.Messages(streams.StreamLabels)[0].Data)
	}
	if bytesOf[0] != bytesOf[1] {
		t.Error("two labels of one policy differ")
	}
}

func TestFaultsOfOneVerdictAreItsOwn(t *testing.T) {
	key, log := armKey(t), &stagetest.Log{}
	log.Publish(verdict(t, key, "q?", sluice.Medium, sluice.Correct), verdict(t, key, "q?", sluice.Large, sluice.Correct))
	good := log.Messages(streams.StreamVerdicts)
	bad := func(change func(*sluice.Verdict)) streams.Message {
		return verdict(t, key, "bad?", sluice.Medium, sluice.Correct, change)
	}
	elsewhere := bad(func(*sluice.Verdict) {})
	elsewhere.Subject = good[0].Subject
	other, err := sluice.NewArmKey([]byte("another secret, not ours"))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		m     streams.Message
		class sluice.Class
	}{
		{streams.Message{Subject: "verdicts.given.v1.p.k.a", Data: []byte{0xc1}}, sluice.ClassPoison},
		{bad(func(v *sluice.Verdict) { v.Grade = "splendid" }), sluice.ClassPoison},
		{elsewhere, sluice.ClassPoison},
		{bad(func(v *sluice.Verdict) { v.Pair = other.Pair("flash", "pro", "a1") }), sluice.ClassWait},
	}
	in := append([]streams.Message(nil), good...)
	for _, c := range cases {
		in = append(in, c.m)
	}
	results := newStage(t, log, key, sluice.DefaultMatrix()).HandleBatch(t.Context(), in)
	if results[0].Err != nil || results[1].Err != nil || len(results[0].Out)+len(results[1].Out) != 1 {
		t.Errorf("the good verdicts: %+v %+v", results[0], results[1])
	}
	for i, c := range cases {
		if got := results[len(good)+i]; sluice.ClassOf(got.Err) != c.class || len(got.Out) != 0 {
			t.Errorf("case %d: %v, want class %s", i, got.Err, c.class)
		}
	}
}

func TestAnUnreadableLogIsRetriedByThoseWhoNeedIt(t *testing.T) {
	key, log := armKey(t), &stagetest.Log{}
	log.Publish(verdict(t, key, "whole?", sluice.Medium, sluice.Correct), verdict(t, key, "whole?", sluice.Large, sluice.Correct),
		verdict(t, key, "half?", sluice.Medium, sluice.Correct))
	log.Fail = errors.New("no leader")
	results := newStage(t, log, key, sluice.DefaultMatrix()).HandleBatch(t.Context(), log.Messages(streams.StreamVerdicts))
	if results[0].Err != nil || results[1].Err != nil || len(results[1].Out) != 1 {
		t.Errorf("both verdicts were at hand: %+v", results[:2])
	}
	if sluice.ClassOf(results[2].Err) != sluice.ClassRetryable {
		t.Errorf("the half: %v", results[2].Err)
	}
}
