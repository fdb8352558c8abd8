package answer_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/consumers/answer"
	"sluice/internal/natstest"
	"sluice/internal/stagetest"
	"sluice/llm"
	"sluice/streams"
)

// desk is the answer stage in several processes on one log: each handles one message at a time, in a hurry first.
type desk struct {
	t      *testing.T
	server *natstest.Server
	js     jetstream.JetStream
	models *stagetest.Models
	// entered hears every question that a model is asked; it is answered when letGo, by question, says so.
	entered chan string
	letGo   map[string]chan struct{}
	settled chan consumers.Settled
	good    int // messages that went well
}

func newDesk(t *testing.T, questions ...string) *desk {
	t.Helper()
	server := natstest.StartRoles(t)
	d := &desk{
		t: t, server: server, js: server.JetStreamAs(streams.RoleOperator),
		entered: make(chan string, 100), letGo: map[string]chan struct{}{}, settled: make(chan consumers.Settled, 1000),
	}
	for _, q := range questions {
		d.letGo[q] = make(chan struct{})
	}
	d.models = &stagetest.Models{Reply: func(_ llm.Purpose, req llm.Request) (string, error) {
		d.entered <- req.Prompt
		select {
		case <-d.letGo[req.Prompt]:
			return "because", nil
		case <-t.Context().Done():
			return "", t.Context().Err()
		}
	}}
	return d
}

// open starts a process, with the permissions of its role.
func (d *desk) open() {
	d.t.Helper()
	js := d.server.JetStreamAs(streams.RoleAnswer)
	latest, err := streams.NewLatest(js)
	if err != nil {
		d.t.Fatal(err)
	}
	stage, err := answer.New(d.models, latest, answer.Options{
		Medium: answer.Model{Name: flash}, Large: answer.Model{Name: pro}, Key: armKey(d.t), Now: time.Now,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	s := consumers.Stage{Name: answer.Name, Version: "v1", Handler: stage, Concurrency: 1, Deadline: time.Minute, Attempts: 3}
	for _, lane := range []string{streams.LaneUrgent, streams.LaneNormal} {
		s.Inputs = append(s.Inputs, consumers.Input{
			Stream: streams.StreamAccepted, Durable: streams.DurableName(answer.Name, "v1", lane), Filters: []string{streams.AcceptedFilter(lane)},
		})
	}
	begun := make(chan struct{})
	r, err := consumers.New(consumers.Config{
		Stage: s, JS: js, Observe: func(s consumers.Settled) { d.settled <- s }, Begun: func() { close(begun) },
	})
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(d.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	d.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			d.t.Error(err)
		}
		_ = latest.Close()
		if err := js.Conn().LastError(); err != nil {
			d.t.Error(err)
		}
	})
	<-begun
}

// accept stores a query in its lane, as an entrance does.
func (d *desk) accept(text string, number int64, priority int) {
	d.t.Helper()
	m, err := streams.AcceptedFact(sluice.Accepted{Query: sluice.Query{
		Key: sluice.QueryKey("", "", text), Number: number, Text: text, Priority: priority,
	}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.put(m)
}

func (d *desk) put(m streams.Message) {
	d.t.Helper()
	if _, err := d.js.Publish(d.t.Context(), m.Subject, m.Data); err != nil {
		d.t.Fatal(err)
	}
}

// asked waits until both models are asked a question.
func (d *desk) asked(text string) {
	d.t.Helper()
	for range 2 {
		select {
		case got := <-d.entered:
			if got != text {
				d.t.Fatalf("asked %q, want %q", got, text)
			}
		case <-time.After(30 * time.Second):
			d.t.Fatalf("nobody asks %q", text)
		}
	}
}

// waits returns once a message is put off.
func (d *desk) waits(subject string) {
	d.t.Helper()
	for {
		select {
		case s := <-d.settled:
			if s.Class == "" {
				d.good++
			}
			if s.Class == sluice.ClassWait && s.Subject == subject {
				return
			}
		case got := <-d.entered:
			d.t.Fatalf("%q is asked twice", got)
		case <-time.After(30 * time.Second):
			d.t.Fatalf("%s does not wait", subject)
		}
	}
}

// acked waits until n messages went well, in all.
func (d *desk) acked(n int) {
	d.t.Helper()
	for d.good < n {
		select {
		case s := <-d.settled:
			if s.Class == "" {
				d.good++
			}
		case <-time.After(30 * time.Second):
			d.t.Fatalf("%d of %d messages went well", d.good, n)
		}
	}
}

// bought checks what was asked, in all, and that all answers are stored under the number.
func (d *desk) bought(calls int, number string) {
	d.t.Helper()
	if n := len(d.models.Asked()); n != calls {
		d.t.Errorf("asked %d times, want %d", n, calls)
	}
	s, err := d.js.Stream(d.t.Context(), streams.StreamAnswers)
	if err != nil {
		d.t.Fatal(err)
	}
	info, err := s.Info(d.t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		d.t.Fatal(err)
	}
	subjects := info.State.Subjects
	if len(subjects) != calls {
		d.t.Errorf("%d answers: %v", len(subjects), subjects)
	}
	for subject := range subjects {
		if !strings.Contains(subject, number) {
			d.t.Errorf("stored at %s", subject)
		}
	}
}

const why = "Why?"

func lanes() (normal, urgent string) {
	key := sluice.QueryKey("", "", why)
	return streams.AcceptedSubject(streams.LaneNormal, key), streams.AcceptedSubject(streams.LaneUrgent, key)
}

// Two entrances let one question in at the same moment, in a lane and under a number each.
func TestAQuestionOfTwoEntrancesInBothLanesIsBoughtOnce(t *testing.T) {
	d := newDesk(t, why)
	_, urgent := lanes()
	d.accept(why, 7, 0)
	d.open()
	d.asked(why)
	d.accept(why, 8, 1)
	d.open()
	d.waits(urgent)
	close(d.letGo[why])
	d.acked(2)
	d.bought(2, ".7.")
}

// The number of whoever came first holds, also where the urgent one is worked on before the other one.
func TestTheLaneThatIsWorkedOnFirstDoesNotNumberTheQuestion(t *testing.T) {
	d := newDesk(t, why)
	d.accept(why, 7, 0)
	d.accept(why, 8, 1)
	close(d.letGo[why])
	d.open()
	d.acked(2)
	d.bought(2, ".7.")
}

// sluice replay, for another pair, of a window that holds both copies of a question: two processes have one each.
func TestReplaysOfBothCopiesOfAQuestionBuyItOnce(t *testing.T) {
	d := newDesk(t, why)
	d.accept(why, 7, 0)
	d.accept(why, 8, 1)
	d.settle()
	s, err := d.js.Stream(t.Context(), streams.StreamAccepted)
	if err != nil {
		t.Fatal(err)
	}
	for sequence := range uint64(2) {
		raw, err := s.GetMsg(t.Context(), sequence+1)
		if err != nil {
			t.Fatal(err)
		}
		m, err := streams.RetryMessage(answer.Name, "1", streams.Envelope{
			Stream: streams.StreamAccepted, Subject: raw.Subject, Sequence: raw.Sequence, ID: raw.Subject, ContentType: streams.MsgPack, Data: raw.Data,
		})
		if err != nil {
			t.Fatal(err)
		}
		d.put(m)
	}
	d.open()
	d.open()
	d.asked(why)
	close(d.letGo[why])
	d.acked(2)
	d.bought(2, ".7.")
}

// settle has the stage's durables be behind all that was accepted.
func (d *desk) settle() {
	d.t.Helper()
	for _, lane := range []string{streams.LaneUrgent, streams.LaneNormal} {
		c, err := d.js.CreateOrUpdateConsumer(d.t.Context(), streams.StreamAccepted, jetstream.ConsumerConfig{
			Durable: streams.DurableName(answer.Name, "v1", lane), Description: "stage answer v1", FilterSubject: streams.AcceptedFilter(lane),
			AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Minute, MaxDeliver: -1, MaxAckPending: 1 << 16,
		})
		if err != nil {
			d.t.Fatal(err)
		}
		m, err := c.Next()
		if err == nil {
			err = m.DoubleAck(d.t.Context())
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// reading counts what is asked of the log, by the beginning of the subject, until the result is called.
func (d *desk) reading(what ...string) func() map[string]int {
	d.t.Helper()
	subs := map[string]*nats.Subscription{}
	for _, subject := range what {
		sub, err := d.js.Conn().SubscribeSync(subject)
		if err != nil {
			d.t.Fatal(err)
		}
		subs[subject] = sub
	}
	if err := d.js.Conn().Flush(); err != nil {
		d.t.Fatal(err)
	}
	return func() map[string]int {
		d.t.Helper()
		if err := d.js.Conn().Flush(); err != nil {
			d.t.Fatal(err)
		}
		got := map[string]int{}
		for subject, sub := range subs {
			n, _, err := sub.Pending()
			if err != nil {
				d.t.Fatal(err)
			}
			if n > 0 {
				got[subject] = n
			}
		}
		return got
	}
}

// A question that is in no hurry costs one look for its answers, and one that was in a hurry from the start one more:
// neither claims anything, nor asks how far the stage is.
func TestAnOrdinaryQuestionPaysForNoClaim(t *testing.T) {
	const (
		answers, accepted = "$JS.API.DIRECT.GET.ANSWERS", "$JS.API.DIRECT.GET.ACCEPTED"
		bucket, far       = "$KV.>", "$JS.API.CONSUMER.INFO.>"
	)
	d := newDesk(t, why, "What?")
	close(d.letGo[why])
	close(d.letGo["What?"])
	d.open()
	read := d.reading(answers, accepted, bucket, far)
	d.accept("What?", 1, 0)
	d.acked(1)
	if got := read(); !maps.Equal(got, map[string]int{answers: 1}) {
		t.Errorf("in no hurry: %v", got)
	}
	read = d.reading(answers, accepted, bucket, far)
	for _, of := range []func(sluice.Accepted) (streams.Message, error){streams.ClaimFact, streams.AcceptedFact} {
		m, err := of(sluice.Accepted{Query: sluice.Query{Key: sluice.QueryKey("", "", why), Number: 3, Text: why, Priority: 1}})
		if err != nil {
			t.Fatal(err)
		}
		d.put(m)
	}
	d.acked(3)
	if got := read(); !maps.Equal(got, map[string]int{answers: 1, accepted: 1}) {
		t.Errorf("in a hurry: %v", got)
	}
	d.bought(4, "")
}
