package streams_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

// A new leader may confirm what the old one confirmed before. (The leader is played here.)
func TestAConfirmationThatComesTwiceStandsForOneMessage(t *testing.T) {
	server := natstest.Start(t)
	leader := server.Connect()
	var mu sync.Mutex
	got := map[string]int{}
	if _, err := leader.Subscribe("answers.said.>", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		got[m.Subject]++
		switch {
		case m.Subject == "answers.said.p1.k1.a": // told twice, in the place of the next one's word
			_, _ = m.Respond([]byte(`{"stream":"ANSWERS","seq":1}`)), m.Respond([]byte(`{"stream":"ANSWERS","seq":1}`))
		case m.Subject == "answers.said.p1.k2.a" && got[m.Subject] == 1: // lost
		default:
			_ = m.Respond([]byte(`{"stream":"ANSWERS","seq":2}`))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := leader.Flush(); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, server.JetStream(), streams.PublisherOptions{AckTimeout: 50 * time.Millisecond})
	defer func() { _ = p.Close() }()
	if _, err := p.Publish(t.Context(), []streams.Message{said(t, "k1", sluice.ArmA), said(t, "k2", sluice.ArmA)}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got["answers.said.p1.k2.a"] < 2 {
		t.Errorf("the message whose confirmation was lost was sent %v times", got)
	}
}

func TestACrowdWithOneThatIsThereStoresTheOthersAndKnowsThem(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js, streams.PublisherOptions{MaxPending: 7})
	there := said(t, "k13", sluice.ArmA)
	if _, err := p.Publish(t.Context(), []streams.Message{there}); err != nil {
		t.Fatal(err)
	}
	var msgs []streams.Message
	for i := range 40 { // more than may be pending at once
		msgs = append(msgs, said(t, "k"+strconv.Itoa(i), sluice.ArmA))
		line, err := streams.BilledFact(sluice.Call{ID: fmt.Sprint("c", i), Stage: "answer"})
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, line)
	}
	acks, err := p.Publish(t.Context(), msgs)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range acks {
		if want := msgs[i].Subject != there.Subject; a.New != want || a.Stream == "" {
			t.Errorf("%s: %+v, want new=%v", msgs[i].Subject, a, want)
		}
	}
	if n, m := messagesIn(t, js, streams.StreamAnswers), messagesIn(t, js, streams.StreamCalls); n != 40 || m != 40 {
		t.Errorf("%d answers and %d calls stored", n, m)
	}
}

// A backlog that is larger than what may be pending, and a connection that is lost under it: nothing that was sent is
// ever confirmed. (The stream is played here.)
func TestMessagesThatAreNeverConfirmedKeepNoRoomFromTheRestOfTheirs(t *testing.T) {
	for name, of := range map[string]func(n int) streams.Message{
		"in a crowd": func(n int) streams.Message { return said(t, "k"+strconv.Itoa(n), sluice.ArmA) },
		"one by one": func(n int) streams.Message {
			return streams.Message{Subject: "queries.asked.t.k" + strconv.Itoa(n), ID: strconv.Itoa(n)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := natstest.Start(t)
			leader := server.Connect()
			var mu sync.Mutex
			got, stored := map[string]int{}, 0
			for _, subject := range []string{"answers.said.>", "queries.asked.>"} {
				if _, err := leader.Subscribe(subject, func(m *nats.Msg) {
					mu.Lock()
					defer mu.Unlock()
					if got[m.Subject]++; got[m.Subject] > 1 { // the first is lost
						stored++
						_ = m.Respond(fmt.Appendf(nil, `{"stream":"S","seq":%d}`, stored))
					}
				}); err != nil {
					t.Fatal(err)
				}
			}
			if err := leader.Flush(); err != nil {
				t.Fatal(err)
			}
			p := publisher(t, server.JetStream(), streams.PublisherOptions{MaxPending: 4, AckTimeout: 20 * time.Millisecond})
			defer func() { _ = p.Close() }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var msgs []streams.Message
			for n := range 10 {
				msgs = append(msgs, of(n))
			}
			for range 2 { // all room is given back
				if _, err := p.Publish(ctx, msgs); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
