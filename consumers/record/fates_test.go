package record_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/record"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
	"sluice/streams"
)

// outcome says how a message fared: "stored" or the class and reason of its error.
func outcome(r streams.Result) string {
	if r.Err == nil {
		return "stored"
	}
	return string(sluice.ClassOf(r.Err)) + "/" + string(sluice.ReasonOf(r.Err))
}

func TestAChildWaitsForItsParentAndTheRestIsStored(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	w := world.New(t, 9)
	var batch, missing []streams.Message
	for _, m := range w.Messages {
		if m.Stream == streams.StreamAccepted && len(missing) == 0 { // the first query comes late
			missing = append(missing, m)
			continue
		}
		batch = append(batch, m)
	}
	key := w.Queries[0].Key
	for i, r := range h.HandleBatch(t.Context(), batch) {
		waits := strings.Contains(batch[i].Subject, key)
		if got := outcome(r); waits && got != "wait/exhausted" || !waits && got != "stored" {
			t.Errorf("%s: %s", batch[i].Subject, got)
		}
		if waits && sluice.DelayOf(r.Err) != 100*time.Millisecond {
			t.Errorf("%s waits for %s at first", batch[i].Subject, sluice.DelayOf(r.Err))
		}
	}
	if got := counts(t, db)["examples"]; got != 8 {
		t.Fatalf("%d examples are stored beside the orphans, want 8", got)
	}
	mustRecord(t, h, append(missing, batch...))
	if got := counts(t, db)["examples"]; got != 9 {
		t.Fatalf("%d examples with the parent there, want 9", got)
	}
}

func TestAChildIsHeldForAParentInAnotherBatch(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	h.Patience(time.Minute)
	w := world.New(t, 20)
	var wg sync.WaitGroup
	for _, in := range record.Inputs()[1:] { // every child before its parent
		wg.Go(func() {
			for i, r := range h.HandleBatch(t.Context(), w.Of(in.Stream)) {
				if r.Err != nil {
					t.Errorf("%s %d: %v", in.Stream, i, r.Err)
				}
			}
		})
	}
	parents := w.Of(streams.StreamAccepted)
	mustRecord(t, h, parents[:10])
	mustRecord(t, h, parents[10:])
	wg.Wait()
	if got := counts(t, db); got["examples"] != 20 || got["answers"] != 40 {
		t.Errorf("rows %v", got)
	}
}

func TestParentsAreWrittenBeforeChildrenThatCameWithThem(t *testing.T) {
	for child, parent := range map[string]string{
		streams.StreamAnswers: streams.StreamAccepted, streams.StreamVerdicts: streams.StreamAccepted,
		streams.StreamAnalyses: streams.StreamAccepted, streams.StreamExamples: streams.StreamLabels,
	} {
		if record.LingerOf(child) <= record.LingerOf(parent) {
			t.Errorf("%s lingers %v, its parents in %s %v", child, record.LingerOf(child), parent, record.LingerOf(parent))
		}
	}
}

func TestTheWaitGrowsAndEndsWithTheAge(t *testing.T) {
	now := world.Start.Add(time.Hour)
	h := record.New(orphanage{}, 24*time.Hour, func() time.Time { return now }).Patience(0)
	m := world.New(t, 1).Of(streams.StreamAnswers)[0]
	var delays []time.Duration
	for _, deliveries := range []int{1, 2, 3, 40, 4000} {
		m.Deliveries = deliveries
		delays = append(delays, sluice.DelayOf(h.HandleBatch(t.Context(), []streams.Message{m})[0].Err))
	}
	want := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 30 * time.Second, 30 * time.Second}
	if !slices.Equal(delays, want) {
		t.Errorf("delays %v, want %v", delays, want)
	}
	now = m.StoredAt.Add(8 * time.Second) // held up for seconds, it is not late by half a minute more
	if got := sluice.DelayOf(h.HandleBatch(t.Context(), []streams.Message{m})[0].Err); got != 2*time.Second {
		t.Errorf("after eight seconds it waits for %v, want 2s", got)
	}
	now = world.Start.Add(25 * time.Hour)
	if got := outcome(h.HandleBatch(t.Context(), []streams.Message{m})[0]); got != "terminal/parent_missing" {
		t.Errorf("after a day: %s", got)
	}
}

// orphanage finds that no fact has a parent.
type orphanage struct{}

func (orphanage) Record(_ context.Context, f *sluice.Facts) (orphans []int, err error) {
	for i := range f.Answers {
		orphans = append(orphans, f.Answers[i].Ref)
	}
	return orphans, nil
}

func TestBytesThatAreNoFactArePoisonAndHurtNobody(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	w := world.New(t, 2)
	answer := w.Of(streams.StreamAnswers)[0]
	bad := map[string]streams.Message{}
	cut := answer
	cut.Data = cut.Data[:len(cut.Data)/2]
	bad["poison/undecodable of a cut message"] = cut
	odd := answer
	odd.Subject = "queries.asked.web"
	bad["poison/undecodable of a subject that is not recorded"] = odd
	other := answer
	other.Subject = w.Of(streams.StreamAnswers)[1].Subject
	bad["poison/invalid_field of another fact's subject"] = other
	typed := answer
	typed.Data = []byte{0xa3, 'a', 'b', 'c'}
	bad["poison/undecodable of a string"] = typed
	for want, m := range bad {
		batch := append(slices.Clone(w.Messages), m)
		results := h.HandleBatch(t.Context(), batch)
		got := outcome(results[len(results)-1])
		if kind, _, _ := strings.Cut(want, " "); got != kind {
			t.Errorf("%s: got %s (%v)", want, got, results[len(results)-1].Err)
		}
		for i, r := range results[:len(results)-1] {
			if r.Err != nil {
				t.Errorf("beside %s, %s: %v", want, batch[i].Subject, r.Err)
			}
		}
	}
	if got := counts(t, db)["examples"]; got != 2 {
		t.Errorf("%d examples, want 2", got)
	}
}

func TestAValueThatNoColumnTakesDiesAlone(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	w := world.New(t, 18)
	bad, err := streams.GivenFact(sluice.Verdict{
		Query: w.Queries[3], Pair: "p2", Arm: sluice.ArmA, Grade: "splendid", Basis: sluice.Reference, JudgeVersion: "j9",
	})
	if err != nil {
		t.Fatal(err)
	}
	bad.Stream, bad.StoredAt, bad.Deliveries = streams.StreamVerdicts, world.Start, 1
	batch := slices.Insert(slices.Clone(w.Messages), 100, bad)
	for i, r := range h.HandleBatch(t.Context(), batch) {
		// A part of the batch may be stored before the part with its parents: those wait, and are stored next.
		want := map[string]bool{"stored": true, "wait/exhausted": true}
		if i == 100 {
			want = map[string]bool{"terminal/invalid_field": true}
		}
		if got := outcome(r); !want[got] {
			t.Errorf("%s: %s (%v)", batch[i].Subject, got, r.Err)
		}
	}
	mustRecord(t, h, w.Messages)
	if got := counts(t, db); got["verdicts"] != 36 || got["examples"] != 18 {
		t.Errorf("rows %v", got)
	}
}

func TestNULAndInvalidUTF8NeverReachATextColumn(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	w := world.New(t, 1)
	said, err := streams.SaidFact(sluice.Answer{
		Query: w.Queries[0], Pair: "p2", Arm: sluice.ArmA, Text: "NUL \x00 and \xff bytes", CallID: "c\x001",
	})
	if err != nil {
		t.Fatal(err)
	}
	said.Stream, said.StoredAt = streams.StreamAnswers, world.Start
	q := w.Queries[0]
	q.ID, q.Text, q.Key = "odd\x00id", "What is\x00this \xc3\x28?", sluice.QueryKey("", "odd", "")
	q.Tags = []string{"a\x00b", "\xff", `"quoted" {braces}, \ and all`}
	accepted, err := streams.AcceptedFact(sluice.Accepted{Query: q, GroundTruth: []string{"x\x00y"}})
	if err != nil {
		t.Fatal(err)
	}
	accepted.Stream, accepted.StoredAt = streams.StreamAccepted, world.Start
	w.Poison()
	mustRecord(t, h, append(slices.Clone(w.Messages), accepted, said))
	got, err := db.Table(t.Context(), `SELECT id, text, tags, ground_truth FROM queries WHERE key = $1`, q.Key)
	if err != nil || len(got.Rows) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	row := got.Rows[0]
	if row[0] != "odd\uFFFDid" || row[1] != "What is\uFFFDthis \uFFFD(?" {
		t.Errorf("stored %q", row[:2])
	}
	tags, ok := row[2].([]any)
	if !ok || len(tags) != 3 || tags[2] != `"quoted" {braces}, \ and all` || tags[1] != "\uFFFD" {
		t.Errorf("tags %q", row[2])
	}
	answer, err := db.Table(t.Context(), `SELECT text, call_id FROM answers WHERE pair = 'p2'`)
	if err != nil || len(answer.Rows) != 1 {
		t.Fatalf("%v, %v", answer, err)
	}
	if answer.Rows[0][0] != "NUL \uFFFD and \uFFFD bytes" || answer.Rows[0][1] != "c\uFFFD1" {
		t.Errorf("stored %q", answer.Rows[0])
	}
	dead, err := db.Table(t.Context(), `SELECT raw, error FROM dead_letters`)
	if err != nil || len(dead.Rows) != 1 {
		t.Fatalf("%v, %v", dead, err)
	}
	if raw, ok := dead.Rows[0][0].([]byte); !ok || string(raw) != "{\"query\": \"\x00\xff\xfe\"" {
		t.Errorf("the dead letter's bytes are %q", dead.Rows[0][0])
	}
}

func TestFactsOfForgottenQueriesAreDropped(t *testing.T) {
	for name, recorded := range map[string]int{"before any of them came": 0, "half-way": 2} {
		t.Run(name, func(t *testing.T) {
			h, db := stage(t, pgtest.New(t))
			w := world.New(t, 9)
			key := w.Queries[4].Key
			w.Dead("answer", sluice.ReasonExhausted, w.Of(streams.StreamAccepted)[4], world.Start)
			if recorded > 0 {
				mustRecord(t, h, w.Messages[:len(w.Messages)/recorded])
			}
			if _, err := db.Forget(t.Context(), "", []string{key}, nil); err != nil {
				t.Fatal(err)
			}
			mustRecord(t, h, w.Messages) // what is new, and what was there
			expectForgotten(t, db, key)
			mustRecord(t, h, w.Messages) // and all of it again
			expectForgotten(t, db, key)
		})
	}
}

// expectForgotten checks that of the one query only its money is left.
func expectForgotten(t *testing.T, db *postgres.DB, key string) {
	t.Helper()
	got := counts(t, db)
	want := map[string]int64{
		"queries": 8, "answers": 16, "verdicts": 16, "labels": 8, "analyses": 8, "examples": 8, "calls": 46, "dead_letters": 0,
	}
	if !equal(got, want) {
		t.Errorf("rows %v, want %v: the money stays, nothing else", got, want)
	}
	named, err := db.Table(t.Context(), `SELECT count(*) FROM calls WHERE query_key = $1`, key)
	if err != nil {
		t.Fatal(err)
	}
	if named.Rows[0][0] != int64(0) {
		t.Errorf("%v calls still name the forgotten query", named.Rows[0][0])
	}
}

func TestAnOutageMakesTheBatchWaitAndSpendsNothing(t *testing.T) {
	h := record.New(away{}, 0, time.Now)
	w := world.New(t, 2)
	for i, r := range h.HandleBatch(t.Context(), w.Messages) {
		if sluice.ClassOf(r.Err) != sluice.ClassWait || sluice.DelayOf(r.Err) <= 0 {
			t.Fatalf("%s: %v", w.Messages[i].Subject, r.Err)
		}
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if got := sluice.ClassOf(h.HandleBatch(stopped, w.Messages)[0].Err); got != sluice.ClassInterrupted {
		t.Errorf("while shutting down: %s", got)
	}
}

// away is a store that can't be reached.
type away struct{}

func (away) Record(context.Context, *sluice.Facts) ([]int, error) {
	return nil, errors.New("connection refused")
}

func FuzzNoBytesHurtTheStage(f *testing.F) {
	h := record.New(nowhere{}, 0, time.Now)
	f.Add("answers.said.p.k.a", []byte{0x80})
	f.Add("dead.judge.panic.x", []byte("\xde\xff\xff"))
	f.Add("calls.billed.judge.c1", []byte{0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		r := h.HandleBatch(t.Context(), []streams.Message{{Subject: subject, Data: data}})
		if len(r) != 1 || len(r[0].Out) > 0 {
			t.Fatalf("results %+v", r)
		}
		if r[0].Err != nil && sluice.ClassOf(r[0].Err) != sluice.ClassPoison {
			t.Fatalf("%q: %v", subject, r[0].Err)
		}
	})
}

func TestAQueryInAHurryIsRecordedFromItsOwnLaneAlone(t *testing.T) {
	h, db := stage(t, pgtest.New(t))
	q := sluice.Query{Key: sluice.QueryKey("", "", "Why?"), Number: 7, Text: "Why?", Source: "web", Priority: 1, AskedAt: world.Start, Split: sluice.Train}
	for _, step := range []struct {
		fact func(sluice.Accepted) (streams.Message, error)
		rows int64
	}{{streams.ClaimFact, 0}, {streams.AcceptedFact, 1}, {streams.ClaimFact, 1}} {
		m, err := step.fact(sluice.Accepted{Query: q})
		if err != nil {
			t.Fatal(err)
		}
		m.Stream, m.StoredAt = streams.StreamAccepted, world.Start
		mustRecord(t, h, []streams.Message{m})
		if got := counts(t, db)["queries"]; got != step.rows {
			t.Errorf("%d queries after %s, want %d", got, m.Subject, step.rows)
		}
	}
}
