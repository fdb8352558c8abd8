package consumers

import (
	"reflect"
	"testing"

	"sluice/streams"
)

func TestADeliveryThatIsUsedAgainHoldsNothingOfTheMessageBefore(t *testing.T) {
	t.Parallel()
	var open opened
	d := open.free.take()
	d.source, d.ack, d.retry, d.known, d.tries = &source{}, "$JS.ACK.1", "r", true, tries{Attempts: 2}
	d.place = streams.Message{Subject: "queries.asked.web", Data: []byte("x"), Header: map[string]string{"a": "b"}}
	d.in = &d.place
	open.add(d)
	open.add(open.free.take())

	open.remove(d)
	open.free.put(d)
	again := open.free.take()
	if again != d {
		t.Fatal("a settled delivery was not used again")
	}
	if !reflect.ValueOf(*again).IsZero() {
		t.Errorf("it still holds %+v", *again)
	}
	if other := open.free.take(); other == d || open.n != 1 {
		t.Errorf("one delivery is two messages', %d open, want 1", open.n)
	}
}
