package streams

import (
	"testing"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/semaphore"
)

// By then the caller reads them.
func TestAWordThatComesAfterPublishHasReturnedChangesNoAck(t *testing.T) {
	p := &Publisher{room: semaphore.NewWeighted(4), replies: &replies{waiting: map[uint64]receiver{}}}
	acks := make([]Ack, 3)
	w := newWave(p, []Message{{Subject: "queries.asked.a"}, {Subject: "answers.said.a"}, {Subject: "answers.said.b"}}, acks)
	w.crowds = []*crowd{{spec: 2, indices: []int{1, 2}}}
	for i, g := range map[int]*crowd{0: nil, 1: w.crowds[0], 2: w.crowds[0]} {
		if !p.room.TryAcquire(1) || !w.begin(i, g) {
			t.Fatalf("message %d is not sent", i)
		}
	}
	w.close()
	for i := range 4 {
		w.reply(i, &nats.Msg{Data: []byte(`{"stream":"S","seq":7}`)})
		w.reply(i, &nats.Msg{Data: []byte(`{"stream":"S","seq":8}`)})
	}
	for i, a := range acks {
		if a != (Ack{}) {
			t.Errorf("message %d: %+v", i, a)
		}
	}
	if !p.room.TryAcquire(4) {
		t.Error("room is not given back")
	}
}
