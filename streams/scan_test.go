package streams_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

// scanned reads a window and lists the subjects.
func scanned(t *testing.T, js jetstream.JetStream, stream string, w streams.Window) []streams.Message {
	t.Helper()
	var got []streams.Message
	for m, err := range streams.Scan(t.Context(), js, stream, w) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	return got
}

func TestScanReadsAWindowInOrder(t *testing.T) {
	js := natstest.Log(t)
	if got := scanned(t, js, streams.StreamAnswers, streams.Window{}); len(got) != 0 {
		t.Fatalf("an empty stream gave %d messages", len(got))
	}
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 1300 // more than two pages
	var facts []streams.Message
	for i := range n {
		for _, arm := range sluice.Arms() {
			facts = append(facts, said(t, fmt.Sprintf("k%d", i), arm))
		}
	}
	if _, err := p.Publish(t.Context(), facts); err != nil {
		t.Fatal(err)
	}
	all := scanned(t, js, streams.StreamAnswers, streams.Window{})
	if len(all) != 2*n {
		t.Fatalf("%d messages, want %d", len(all), 2*n)
	}
	for i, m := range all {
		if m.Sequence != uint64(i+1) || m.Subject != facts[i].Subject || string(m.Data) != string(facts[i].Data) || m.ID != facts[i].ID {
			t.Fatalf("message %d is %s at %d", i, m.Subject, m.Sequence)
		}
	}
	if got := scanned(t, js, streams.StreamAnswers, streams.Window{Filter: "answers.said.*.*.b"}); len(got) != n {
		t.Errorf("one arm: %d, want %d", len(got), n)
	}
	if got := scanned(t, js, streams.StreamAnswers, streams.Window{Filter: "answers.said.p1.k7.b"}); len(got) != 1 {
		t.Errorf("one subject: %d, want 1", len(got))
	}
	from, to := all[500].StoredAt, all[2000].StoredAt
	want := 0
	for _, m := range all {
		if !m.StoredAt.Before(from) && m.StoredAt.Before(to) {
			want++
		}
	}
	if got := scanned(t, js, streams.StreamAnswers, streams.Window{Since: from, Until: to}); len(got) != want || got[0].StoredAt.Before(from) {
		t.Errorf("a span of time: %d, want %d", len(got), want)
	}
}

func TestScanIsNotMisledByUpstreamsHeaders(t *testing.T) {
	js := natstest.Log(t)
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		m := streams.Message{Subject: "queries.asked.web", Header: map[string]string{"Status": "204"}, Data: []byte{byte(i)}}
		if _, err := p.Publish(t.Context(), []streams.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	if got := scanned(t, js, streams.StreamQueries, streams.Window{}); len(got) != 3 {
		t.Errorf("%d messages, want 3", len(got))
	}
}
