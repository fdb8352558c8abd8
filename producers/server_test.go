package producers

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

// log opens a real log with its streams applied, and a publisher on it as a producer would have it.
func log(t *testing.T, o streams.Options) (jetstream.JetStream, *streams.Publisher) {
	t.Helper()
	js := natstest.Start(t).JetStream()
	if err := streams.Apply(t.Context(), js, o); err != nil {
		t.Fatal(err)
	}
	p, err := streams.NewPublisher(js, streams.PublisherOptions{FailWhenFull: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return js, p
}

func stored(t *testing.T, js jetstream.JetStream) jetstream.StreamState {
	t.Helper()
	s, err := js.Stream(t.Context(), streams.StreamQueries)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State
}

func TestTheWholeOfSimpleQAIsStoredOnce(t *testing.T) {
	d := Dataset{Path: shared(t, "simple_qa_test_set.csv"), Format: SimpleQA}
	js, p := log(t, natstest.Options())
	first, err := Publish(t.Context(), p, Options{Source: "simpleqa"}, Select(Selection{}, d.Rows()))
	if err != nil || first.Published != 4326 || first.Known != 0 {
		t.Fatalf("%v, %+v", err, first)
	}
	t.Log(first)
	again, err := Publish(t.Context(), p, Options{Source: "simpleqa"}, Select(Selection{}, d.Rows()))
	if err != nil || again.Published != 4326 || again.Known != 4326 {
		t.Errorf("again: %v, %+v", err, again)
	}
	if state := stored(t, js); state.Msgs != 4326 {
		t.Errorf("the stream holds %d messages", state.Msgs)
	}
	msg, err := js.Stream(t.Context(), streams.StreamQueries)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := msg.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var payload streams.Asked
	if err := json.Unmarshal(raw.Data, &payload); err != nil {
		t.Fatal(err)
	}
	if raw.Subject != "queries.asked.simpleqa" || payload.Query != "Who received the IEEE Frank Rosenblatt Award in 2010?" ||
		payload.GroundTruth[0] != "Michio Sugeno" || raw.Header.Get("Content-Type") != streams.JSON {
		t.Errorf("the first message is %s %v %s", raw.Subject, raw.Header, raw.Data)
	}
}

func TestARealFullStreamPushesBackAndLosesNothing(t *testing.T) {
	o := natstest.Options()
	o.MaxBytes = 64 << 10
	js, p := log(t, o)
	w := &watch{}
	opts := Options{Source: "test", Batch: 50, Patience: 300 * time.Millisecond, Watcher: w}
	c, err := OpenCheckpoint(t.TempDir(), CheckpointKey{})
	if err != nil {
		t.Fatal(err)
	}
	opts.Checkpoint = c
	report, err := Publish(t.Context(), p, opts, questions(1000))
	var full *streams.FullError
	if !errors.As(err, &full) || full.Stream != streams.StreamQueries || !strings.Contains(err.Error(), "give the stream more room") {
		t.Fatalf("%v, %+v", err, report)
	}
	if len(w.waits) == 0 || report.Published == 0 || uint64(report.Published) > stored(t, js).Msgs {
		t.Errorf("waited %d times, %d confirmed, %d stored", len(w.waits), report.Published, stored(t, js).Msgs)
	}
	if err := streams.Apply(t.Context(), js, natstest.Options()); err != nil { // the operator makes room
		t.Fatal(err)
	}
	report, err = Publish(t.Context(), p, opts, questions(1000))
	if err != nil || report.Rows != 1000 || report.Resumed == 0 || stored(t, js).Msgs != 858 {
		t.Errorf("%v, %+v, %d stored, want 858", err, report, stored(t, js).Msgs)
	}
}

func TestARealServerRefusesOversizedRowsAlone(t *testing.T) {
	js, p := log(t, natstest.Options())
	rows := func(yield func(Row, error) bool) {
		for i := range 10 {
			row := Row{Text: "What is " + strings.Repeat("x", i), File: "f", Line: i + 1}
			if i == 4 {
				row.Text = strings.Repeat("long ", 250_000)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
	report, err := Publish(t.Context(), p, Options{Source: "test", AsTest: true}, rows)
	if err != nil || report.Published != 9 || report.Invalid != 1 || report.Faults[0].Line != 5 || stored(t, js).Msgs != 9 {
		t.Fatalf("%v, %+v, %d stored", err, report, stored(t, js).Msgs)
	}
	s, err := js.Stream(t.Context(), streams.StreamQueries)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := s.GetMsg(t.Context(), 1)
	if err != nil || raw.Header.Get(streams.HeaderSplit) != string(sluice.Test) {
		t.Errorf("headers %v, %v", raw.Header, err)
	}
}
