package operate_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/operate"
	"sluice/streams"
)

// tables remembers what it was told to forget.
type tables struct {
	keys, forgotten, letters []string
	unnamed                  map[string]streams.Envelope
	onForget                 func() // called once, after the first time
}

func (t *tables) KeysOfTenant(context.Context, string) ([]string, error) { return t.keys, nil }

func (t *tables) UnnamedLetters(context.Context) (map[string]streams.Envelope, error) {
	if t.unnamed != nil {
		return t.unnamed, nil
	}
	return map[string]streams.Envelope{
		"hers":  {Stream: streams.StreamQueries, Data: []byte(`{"query":"MARKER","tenant":"acme","id":"q1"}`)},
		"other": {Stream: streams.StreamQueries, Data: []byte(`{"query":"MARKER","id":"q1"}`)},
		"noise": {Stream: streams.StreamQueries, Data: []byte("\x00")},
	}, nil
}

func (t *tables) Forget(_ context.Context, keys, letters []string) (rows, fresh int64, err error) {
	for _, key := range keys {
		if !slices.Contains(t.forgotten, key) {
			fresh++
		}
	}
	t.forgotten, t.letters = keys, letters
	if t.onForget != nil {
		t.onForget()
		t.onForget = nil
	}
	return 0, fresh, nil
}

// everyFact is one message of every stream about one query, with the marker wherever a person's words go.
func everyFact(t *testing.T, tenant, id, marker string) []streams.Message {
	t.Helper()
	return everyFactOf(t, sluice.Query{Number: 41, ID: id, Text: marker, Tenant: tenant, Priority: 1})
}

// everyFactOf is everyFact for a query with a number or without.
func everyFactOf(t *testing.T, q sluice.Query) []streams.Message {
	t.Helper()
	ok := must(t)
	marker, tenant := q.Text, q.Tenant
	raw := ok(streams.AskedMessage("web", "", streams.Asked{Query: marker, ID: q.ID, Tenant: tenant, GroundTruth: []string{marker}}, false))
	q.Key, q.Source = sluice.QueryKey(tenant, q.ID, marker), "web"
	answer := sluice.Answer{Query: q, Pair: "p1", Arm: sluice.ArmA, Text: marker}
	said := ok(streams.SaidFact(answer))
	other := answer
	other.Arm = sluice.ArmB
	label := sluice.Label{ID: "l" + q.Key, Query: q}
	envelope := streams.Envelope{Stream: streams.StreamAnswers, Subject: said.Subject, Sequence: 1, ContentType: streams.MsgPack, Data: said.Data}
	rawEnvelope := streams.Envelope{Stream: streams.StreamQueries, Subject: raw.Subject, Sequence: 1, ContentType: raw.ContentType, Data: raw.Data}
	return []streams.Message{
		raw,
		ok(streams.ClaimFact(sluice.Accepted{Query: q, GroundTruth: []string{marker}})),
		ok(streams.AcceptedFact(sluice.Accepted{Query: q, GroundTruth: []string{marker}})),
		said, ok(streams.SaidFact(other)),
		ok(streams.GivenFact(sluice.Verdict{Query: q, Pair: "p1", Arm: sluice.ArmA, Grade: sluice.Correct, JudgeVersion: "v1", Reason: marker})),
		ok(streams.DrawnFact(label)),
		ok(streams.AnalyzedFact(sluice.Analyzed{QueryKey: q.Key, QueryNumber: q.Number, AnalysisVersion: "v1", Analysis: sluice.Analysis{Summary: marker}})),
		ok(streams.ExampleFact(sluice.Example{ID: label.ID, Label: label})),
		ok(streams.DeadMessage(streams.DeadLetter{Envelope: envelope, Stage: "judge", Reason: sluice.ReasonRefused})),
		ok(streams.DeadMessage(streams.DeadLetter{Envelope: rawEnvelope, Stage: "intake", Reason: sluice.ReasonTooLarge})),
		ok(streams.RetryMessage("judge", "again", envelope)),
		ok(streams.BilledFact(sluice.Call{ID: "c" + q.Key, Stage: "answer", QueryKey: q.Key, Tenant: tenant})),
		ok(streams.TakenFact(sluice.Decision{ID: "d" + q.Key, Query: q, Answer: marker, Reasoning: marker})),
		ok(streams.FeedbackFact(sluice.Feedback{ID: "f" + q.Key, DecisionID: "d" + q.Key, Tenant: tenant, Comment: marker, Correction: marker})),
	}
}

func TestForgettingLeavesNoTraceInTheLogNorOnItsDisk(t *testing.T) {
	for name, c := range map[string]struct {
		person operate.Person
		number int64
	}{
		"by id":                     {operate.Person{Tenant: "acme", ID: "q1"}, 7},
		"by id, without a number":   {operate.Person{Tenant: "acme", ID: "q1"}, 0},
		"by tenant":                 {operate.Person{Tenant: "acme"}, 7},
		"by tenant, without number": {operate.Person{Tenant: "acme"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			js, stop := natstest.LogIn(t, dir)
			p := publisher(t, js)
			publish(t, p, everyFactOf(t, sluice.Query{Number: c.number, ID: "q1", Text: "MARKER-OF-ANN", Tenant: "acme", Priority: 1})...)
			publish(t, p, everyFact(t, "", "q1", "words of somebody else")...)
			before := map[string]uint64{}
			for _, s := range streams.Names() {
				before[s] = messages(t, js, s)
			}
			known, told := &tables{}, map[string]int{}
			got, err := operate.Forget(t.Context(), js, publisher(t, js), known, c.person, time.Second, func(stream string) { told[stream]++ })
			if err != nil || got.InHand {
				t.Fatalf("%+v, %v", got, err)
			}
			maps.DeleteFunc(got.Messages, func(_ string, n int) bool { return n == 0 })
			if !maps.Equal(told, got.Messages) {
				t.Errorf("told of %v, erased %v", told, got.Messages)
			}
			if got.Keys != 1 || !slices.Contains(known.forgotten, sluice.QueryKey("acme", "q1", "")) {
				t.Errorf("keys %d, the tables forgot %v", got.Keys, known.forgotten)
			}
			if !slices.Equal(known.letters, []string{"hers"}) {
				t.Errorf("the tables forgot the letters %v", known.letters)
			}
			for _, s := range streams.Names() {
				want := before[s] / 2
				if s == streams.StreamCalls {
					want = before[s]
				}
				if n := messages(t, js, s); n != want {
					t.Errorf("%s has %d messages, want %d", s, n, want)
				}
				for m, err := range streams.Scan(t.Context(), js, s, streams.Window{}) {
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(string(m.Data), "MARKER") {
						t.Errorf("%s still holds %s", s, m.Subject)
					}
				}
			}
			stop()
			if found := natstest.FilesWith(t, dir, "MARKER-OF-ANN"); len(found) > 0 {
				t.Errorf("still on disk in %v", found)
			}
			if found := natstest.FilesWith(t, dir, "somebody else"); len(found) == 0 {
				t.Error("the other's words are not on disk: this test would find nothing")
			}
		})
	}
}

// A message too large to be wrapped stays where it was, and what is in DEAD, in RETRIES and in the tables points there.
func TestForgettingFindsWhatOnlyPointsToAMessage(t *testing.T) {
	for name, person := range map[string]operate.Person{"by id": {Tenant: "acme", ID: "q1"}, "by tenant": {Tenant: "acme"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			js, stop := natstest.LogIn(t, dir)
			p, ok := publisher(t, js), must(t)
			known := &tables{unnamed: map[string]streams.Envelope{}}
			var hers []string
			for _, tenant := range []string{"acme", ""} {
				id := map[string]string{"acme": "MARKER-OF-ANN"}[tenant]
				// Its key is not known before, nor named by any of this: the query was never let in.
				raw := ok(streams.AskedMessage("web", "", streams.Asked{Query: "Why?", ID: "q1", Tenant: tenant}, false))
				key := sluice.QueryKey(tenant, "q1", "")
				taken := ok(streams.TakenFact(sluice.Decision{ID: "d" + tenant, Query: sluice.Query{Key: key, ID: "q1", Tenant: tenant}}))
				for _, m := range []streams.Message{raw, taken} {
					acks, err := p.Publish(t.Context(), []streams.Message{m})
					if err != nil {
						t.Fatal(err)
					}
					m.Stream, m.Sequence, m.ID = acks[0].Stream, acks[0].Sequence, id
					letter := streams.DeadLetter{Envelope: streams.Seal(m).ByRef(), Stage: "intake", Reason: sluice.ReasonTooLarge}
					publish(t, p, ok(streams.DeadMessage(letter)), ok(streams.RetryMessage("intake", "again", letter.Envelope)))
					known.unnamed["dropped "+letter.ID()] = letter.Envelope
					if tenant != "" {
						hers = append(hers, letter.ID(), "dropped "+letter.ID())
					}
				}
			}
			// They point to nothing: gone, of a stream that was made anew, of no stream of ours.
			for i, to := range []streams.Envelope{
				{Stream: streams.StreamQueries, Subject: "queries.asked.web", Sequence: 1 << 40},
				{Stream: streams.StreamQueries, Subject: "queries.asked.other", Sequence: 1},
				{Stream: "..", Subject: "queries.asked.web", Sequence: 1},
			} {
				to.ID, to.ContentType = fmt.Sprint("nobody ", i), streams.MsgPack
				publish(t, p, ok(streams.DeadMessage(streams.DeadLetter{Envelope: to.ByRef(), Stage: "intake", Reason: sluice.ReasonTooLarge})))
			}
			if _, err := operate.Forget(t.Context(), js, p, known, person, time.Second, nil); err != nil {
				t.Fatal(err)
			}
			for stream, want := range map[string]uint64{
				streams.StreamQueries: 1, streams.StreamDecisions: 1, streams.StreamDead: 2 + 3, streams.StreamRetries: 2,
			} {
				if n := messages(t, js, stream); n != want {
					t.Errorf("%s has %d messages, want %d", stream, n, want)
				}
			}
			if slices.Sort(hers); !slices.Equal(known.letters, hers) {
				t.Errorf("the tables forgot the letters %v, want %v", known.letters, hers)
			}
			stop()
			if found := natstest.FilesWith(t, dir, "MARKER-OF-ANN"); len(found) > 0 {
				t.Errorf("still on disk in %v", found)
			}
		})
	}
}

// Neither the tables nor ACCEPTED know a query of a tenant whose questions all wait, or died at the entrance.
func TestForgettingATenantFindsWhatWasNeverLetIn(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	facts := everyFact(t, "acme", "q1", "MARKER")
	publish(t, p, facts[0], facts[10], facts[13], facts[14]) // raw, its dead letter, a decision and words on it
	others := everyFact(t, "", "q1", "another's")
	publish(t, p, others[0], others[13], others[14])
	if _, err := operate.Forget(t.Context(), js, p, &tables{unnamed: map[string]streams.Envelope{}}, operate.Person{Tenant: "acme"}, time.Second, nil); err != nil {
		t.Fatal(err)
	}
	for stream, want := range map[string]uint64{streams.StreamQueries: 1, streams.StreamDecisions: 1, streams.StreamFeedback: 1, streams.StreamDead: 0} {
		if n := messages(t, js, stream); n != want {
			t.Errorf("%s has %d messages, want %d", stream, n, want)
		}
	}
}

// A letter that is gone from the log can't be found by who forgets any more.
func TestALetterThatIsReplayedOrDroppedLeavesNoTraceOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	js, stop := natstest.LogIn(t, dir)
	p := publisher(t, js)
	for _, id := range []string{"replayed", "dropped", "stays"} {
		publish(t, p, everyFact(t, "acme", id, "MARKER-"+id)[9])
	}
	letters, err := operate.Letters(t.Context(), js, operate.Selection{})
	if err != nil || len(letters) != 3 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	if n, err := operate.Revive(t.Context(), js, p, letters[:1]); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := operate.Drop(t.Context(), js, letters[1:2]); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := operate.Forget(t.Context(), js, p, &tables{}, operate.Person{Tenant: "acme", ID: "replayed"}, time.Second, nil); err != nil {
		t.Fatal(err)
	}
	stop()
	for _, gone := range []string{"MARKER-replayed", "MARKER-dropped"} {
		if found := natstest.FilesWith(t, dir, gone); len(found) > 0 {
			t.Errorf("%s is still on disk in %v", gone, found)
		}
	}
	if found := natstest.FilesWith(t, dir, "MARKER-stays"); len(found) == 0 {
		t.Error("the letter that stays is not on disk: this test would find nothing")
	}
}

func TestForgettingWaitsForWhatIsInHand(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	publish(t, p, everyFact(t, "acme", "q1", "MARKER")...)
	publish(t, p, accepted(t, "k2", 0)) // another's
	consumer, err := js.CreateConsumer(t.Context(), streams.StreamAccepted, consumerOf("answer-v1"))
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(1)
	if err != nil {
		t.Fatal(err)
	}
	msg := <-batch.Messages()
	first, second := everyFact(t, "acme", "q1", "MARKER")[2], everyFact(t, "acme", "q1", "MARKER")[3]

	done := make(chan operate.Forgotten, 1)
	paused := make(chan struct{})
	var stage sync.WaitGroup
	stage.Go(func() {
		got, err := operate.Forget(t.Context(), js, publisher(t, js), &tables{onForget: func() { close(paused) }}, operate.Person{Tenant: "acme"}, time.Minute, nil)
		if err != nil {
			t.Error(err)
		}
		done <- got
	})
	<-paused
	// The stage stores what it made, and lets go.
	if _, err := p.Publish(t.Context(), []streams.Message{first, second}); err != nil {
		t.Fatal(err)
	}
	if err := msg.Ack(); err != nil {
		t.Fatal(err)
	}
	got := <-done
	stage.Wait()
	if got.InHand || got.Messages[streams.StreamAnswers] != 2 || messages(t, js, streams.StreamAnswers) != 0 {
		t.Fatalf("%+v, %d answers left", got, messages(t, js, streams.StreamAnswers))
	}
	// The ring goes on.
	batch, err = consumer.Fetch(1)
	if err != nil {
		t.Fatal(err)
	}
	if m := <-batch.Messages(); m == nil || m.Subject() != "queries.accepted.normal.k2" {
		t.Errorf("the consumer hands out %v after the pause", m)
	}
}

func TestForgettingSaysThatAStageDidNotLetGo(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	publish(t, p, everyFact(t, "acme", "q1", "MARKER")...)
	consumer, err := js.CreateConsumer(t.Context(), streams.StreamAccepted, consumerOf("answer-v1"))
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(1)
	if err != nil {
		t.Fatal(err)
	}
	<-batch.Messages()
	got, err := operate.Forget(t.Context(), js, publisher(t, js), &tables{}, operate.Person{Tenant: "acme"}, 200*time.Millisecond, nil)
	if err != nil || !got.InHand {
		t.Fatalf("a stage holds a message, and the result is %+v, %v", got, err)
	}
	if n := messages(t, js, streams.StreamAnswers); n != 0 {
		t.Errorf("%d answers left", n)
	}
}

func TestForgettingDoesNotWaitForATraining(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	publish(t, p, must(t)(streams.JobFact(sluice.TrainingJob{ID: "j1"})))
	publish(t, p, everyFact(t, "acme", "q1", "MARKER")...)
	worker, err := js.CreateConsumer(t.Context(), streams.StreamJobs, consumerOf(streams.DurableTrain))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := worker.Next(); err != nil {
		t.Fatal(err)
	}
	got, err := operate.Forget(t.Context(), js, publisher(t, js), &tables{}, operate.Person{Tenant: "acme"}, time.Hour, nil)
	if err != nil || got.InHand || got.Nothing() {
		t.Errorf("%+v, %v", got, err)
	}
}

// Two operators who forget at once, say: the first one that is done lets the ring go on.
func TestForgettingSaysThatTheRingWentOnMeanwhile(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	publish(t, p, everyFact(t, "acme", "q1", "MARKER")...)
	publish(t, p, accepted(t, "k2", 0))
	consumer, err := js.CreateConsumer(t.Context(), streams.StreamAccepted, consumerOf("answer-v1"))
	if err != nil {
		t.Fatal(err)
	}
	take := func() jetstream.Msg {
		m, err := consumer.Next()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := take()
	looks, err := js.Conn().SubscribeSync("$JS.API.CONSUMER.INFO." + streams.StreamAccepted + ".answer-v1")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan operate.Forgotten, 1)
	go func() { // ends with Forget; joined by the channel
		got, err := operate.Forget(t.Context(), js, publisher(t, js), &tables{}, operate.Person{Tenant: "acme"}, time.Minute, nil)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	for range 2 { // it has seen how far deliveries are, and now waits for what is in hand
		if _, err := looks.NextMsgWithContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := js.Stream(t.Context(), streams.StreamAccepted)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.ResumeConsumer(t.Context(), "answer-v1"); err != nil {
		t.Fatal(err)
	}
	second := take()
	for _, m := range []jetstream.Msg{first, second} {
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-done; !got.InHand {
		t.Errorf("the ring went on, and the result is %+v", got)
	}
}
