package producers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/streams"
)

// fakeLog is a log that stores what it is given, unless refuse says otherwise.
type fakeLog struct {
	stored  map[string]streams.Message
	order   []string
	offers  int
	refuse  func(offer int, messages []streams.Message) error
	largest int
}

func (f *fakeLog) Publish(ctx context.Context, messages []streams.Message) ([]streams.Ack, error) {
	f.offers++
	f.largest = max(f.largest, len(messages))
	if f.refuse != nil {
		if err := f.refuse(f.offers, messages); err != nil {
			return nil, err
		}
	}
	if f.stored == nil {
		f.stored = map[string]streams.Message{}
	}
	acks := make([]streams.Ack, len(messages))
	for i, m := range messages {
		_, known := f.stored[m.ID]
		if !known {
			f.stored[m.ID] = m
			f.order = append(f.order, string(m.Data))
		}
		acks[i].New = !known
	}
	return acks, ctx.Err()
}

// questions yields n rows; every seventh stands for a broken line.
func questions(n int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for i := 1; i <= n; i++ {
			row := Row{Text: fmt.Sprintf("What is %d?", i), GroundTruth: []string{fmt.Sprint(i)}, File: "f", Line: i}
			var err error
			if i%7 == 0 {
				row, err = Row{}, invalidf("f", i, "broken")
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// watch records what a run says.
type watch struct {
	progress []Report
	waits    []error
	leftOut  []*RowError
}

func (w *watch) Progress(r Report)                            { w.progress = append(w.progress, r) }
func (w *watch) Waiting(_ Report, err error, _ time.Duration) { w.waits = append(w.waits, err) }
func (w *watch) LeftOut(fault *RowError)                      { w.leftOut = append(w.leftOut, fault) }

func TestPublishConfirmsEveryRowInBatches(t *testing.T) {
	log, w := &fakeLog{}, &watch{}
	report, err := Publish(t.Context(), log, Options{Source: "test", Batch: 10, Watcher: w}, questions(100))
	if err != nil {
		t.Fatal(err)
	}
	if report.Rows != 100 || report.Published != 86 || report.Invalid != 14 || len(log.stored) != 86 || len(w.leftOut) != 14 {
		t.Errorf("report %+v, %d stored, %d told", report, len(log.stored), len(w.leftOut))
	}
	if log.largest != 10 || log.offers != 9 || len(w.progress) != 9 || w.progress[8].Rows != 100 {
		t.Errorf("%d offers of at most %d, %d steps of progress", log.offers, log.largest, len(w.progress))
	}
	if log.order[0] != `{"query":"What is 1?","ground_truth":["1"]}` {
		t.Errorf("the first payload is %s", log.order[0])
	}
}

func TestMessagesFollowThePublishedContract(t *testing.T) {
	deadline := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	o := Options{Tags: []string{"mine"}, AsTest: true}
	tags := append(make([]string, 0, 8), "its")
	row := Row{ID: "7", Text: "Is 1 < 2 & 3 > 2?", GroundTruth: []string{"yes"}, Tags: tags, Tenant: "acme", Priority: 3, Deadline: deadline}
	m, err := o.message("queries.asked.x", row)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"query":"Is 1 < 2 & 3 > 2?","id":"7","ground_truth":["yes"],"tags":["its","mine"],"tenant":"acme",` +
		`"priority":3,"deadline":"2027-01-02T03:04:05Z"}`
	if string(m.Data) != want || m.ContentType != streams.JSON || m.Subject != "queries.asked.x" {
		t.Errorf("message %+v\n%s\nwant %s", m, m.Data, want)
	}
	if !reflect.DeepEqual(m.Header, map[string]string{streams.HeaderSplit: "test"}) {
		t.Errorf("headers %v", m.Header)
	}
	again, _ := Options{}.message("queries.asked.y", Row{ID: "7", Text: "other words", Tenant: "acme"})
	other, _ := Options{}.message("queries.asked.y", Row{ID: "7", Text: "other words", Tenant: "else"})
	if again.ID != m.ID || other.ID == m.ID || again.Header != nil {
		t.Errorf("message ids %s, %s, %s", m.ID, again.ID, other.ID)
	}
	if spare := tags[:2]; spare[1] != "" {
		t.Errorf("the row's own tags were written to: %q", spare)
	}
}

func TestASecondRunGoesOnWhereTheFirstStopped(t *testing.T) {
	dir, key := t.TempDir(), CheckpointKey{Log: "l", Dataset: "d", Source: "test"}
	log := &fakeLog{}
	ctx, cancel := context.WithCancel(t.Context())
	log.refuse = func(offer int, _ []streams.Message) error {
		if offer == 4 {
			cancel()
			return context.Canceled
		}
		return nil
	}
	first, err := OpenCheckpoint(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Publish(ctx, log, Options{Source: "test", Batch: 10, Checkpoint: first}, questions(100))
	if !errors.Is(err, ErrStopped) || !errors.Is(err, context.Canceled) || report.Published != 30 || report.Rows != 34 {
		t.Fatalf("stopped with %v, report %+v", err, report)
	}
	if !strings.Contains(err.Error(), "after 34 confirmed rows; the same command goes on from there") {
		t.Errorf("error %q does not say how to go on", err)
	}
	second, err := OpenCheckpoint(dir, key)
	if err != nil || second.Confirmed() != 34 || second.state.UpdatedAt.IsZero() {
		t.Fatalf("checkpoint of %d rows, %v", second.Confirmed(), err)
	}
	offered := log.offers
	report, err = Publish(t.Context(), log, Options{Source: "test", Batch: 10, Checkpoint: second}, questions(100))
	if err != nil || report.Resumed != 34 || report.Published != 56 || report.Rows != 100 || report.Known != 0 {
		t.Errorf("second run: %v, %+v", err, report)
	}
	if len(log.stored) != 86 || log.offers-offered != 6 {
		t.Errorf("%d stored in %d more offers", len(log.stored), log.offers-offered)
	}
	third, err := OpenCheckpoint(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	report, err = Publish(t.Context(), log, Options{Source: "test", Checkpoint: third}, questions(100))
	if err != nil || report.Resumed != 100 || report.Published != 0 {
		t.Errorf("third run: %v, %+v", err, report)
	}
}

func TestALimitedRunIsGoneOnByAnUnlimitedOne(t *testing.T) {
	dir, key := t.TempDir(), CheckpointKey{Dataset: "d", Source: "test"}
	log := &fakeLog{}
	for _, limit := range []int{20, 0} {
		c, err := OpenCheckpoint(dir, key)
		if err != nil {
			t.Fatal(err)
		}
		rows := Select(Selection{Limit: limit}, questions(50))
		if _, err := Publish(t.Context(), log, Options{Source: "test", Checkpoint: c}, rows); err != nil {
			t.Fatal(err)
		}
	}
	if len(log.stored) != 43 || len(log.order) != 43 {
		t.Errorf("%d stored, want 43", len(log.stored))
	}
}

func TestAFullStreamIsWaitedForAndSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watch{}
		log := &fakeLog{refuse: func(offer int, _ []streams.Message) error {
			if offer >= 2 && offer <= 5 {
				return &streams.FullError{Stream: "QUERIES", Err: errors.New("maximum bytes exceeded")}
			}
			return nil
		}}
		report, err := Publish(t.Context(), log, Options{Source: "test", Batch: 10, Watcher: w}, questions(20))
		if err != nil || report.Published != 18 || len(w.waits) != 4 || !isFull(w.waits[0]) {
			t.Errorf("%v, %+v, waited for %v", err, report, w.waits)
		}
		if report.Elapsed != (200+400+800+1600)*time.Millisecond {
			t.Errorf("waited %s in all", report.Elapsed)
		}
	})
}

func TestAStreamThatStaysFullEndsTheRunWithAdvice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{refuse: func(offer int, _ []streams.Message) error {
			if offer > 1 {
				return &streams.FullError{Stream: "QUERIES", Err: errors.New("maximum bytes exceeded")}
			}
			return nil
		}}
		o := Options{Source: "test", Batch: 10, Patience: time.Minute}
		report, err := Publish(t.Context(), log, o, questions(50))
		if err == nil || report.Published != 10 || report.Rows != 11 {
			t.Fatalf("%v, %+v", err, report)
		}
		for _, want := range []string{"took nothing for 1m0s after row 11", "give the stream more room", "QUERIES is full"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q lacks %q", err, want)
			}
		}
		if report.Elapsed > time.Minute || report.Elapsed < 40*time.Second {
			t.Errorf("gave up after %s", report.Elapsed)
		}
	})
}

func TestALogThatDoesNotAnswerIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watch{}
		_, err := Publish(t.Context(), silentLog{}, Options{Source: "test", Watcher: w, Patience: time.Minute}, questions(5))
		if err == nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "is the server up?") {
			t.Errorf("ended with %v", err)
		}
		if len(w.waits) < 3 {
			t.Errorf("told %d times", len(w.waits))
		}
	})
}

// silentLog confirms nothing.
type silentLog struct{}

func (silentLog) Publish(ctx context.Context, _ []streams.Message) ([]streams.Ack, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestARefusedMessageIsLeftOutAndTheOthersStored(t *testing.T) {
	log := &fakeLog{stored: map[string]streams.Message{}}
	log.refuse = func(_ int, messages []streams.Message) (err error) {
		for _, m := range messages {
			if strings.Contains(string(m.Data), "What is 5?") {
				err = &streams.RefusedError{Subject: m.Subject, Err: errors.New("maximum payload exceeded")}
			} else {
				log.stored[m.ID] = m // the others of its batch are on their way
			}
		}
		return err
	}
	report, err := Publish(t.Context(), log, Options{Source: "test", Batch: 20}, questions(20))
	if err != nil || report.Published != 17 || report.Invalid != 3 || report.Rows != 20 {
		t.Fatalf("%v, %+v", err, report)
	}
	if report.Known != 0 {
		t.Errorf("%d of them are called an earlier run's", report.Known)
	}
	if fault := faults(report.Faults); !strings.Contains(fault, "f:5: publish queries.asked.test: refused: maximum payload") {
		t.Errorf("left out:\n%s", fault)
	}
}

func TestAReadingErrorEndsTheRunAfterStoringWhatWasRead(t *testing.T) {
	broken := func(yield func(Row, error) bool) {
		for row, err := range questions(15) {
			if !yield(row, err) {
				return
			}
		}
		yield(Row{}, errors.New("read f: disk on fire"))
	}
	log := &fakeLog{}
	report, err := Publish(t.Context(), log, Options{Source: "test"}, broken)
	if err == nil || !strings.Contains(err.Error(), "disk on fire") || report.Published != 13 || report.Rows != 15 {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestASourceThatIsNoTokenIsRefused(t *testing.T) {
	for _, source := range []string{"", "a.b", "*", "a b"} {
		if _, err := Publish(t.Context(), &fakeLog{}, Options{Source: source}, questions(1)); err == nil {
			t.Errorf("source %q was taken", source)
		}
	}
}

func TestRateIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{}
		report, err := Publish(t.Context(), log, Options{Source: "test", Rate: 20}, questions(140))
		if err != nil || report.Published != 120 || log.largest != 5 {
			t.Fatalf("%v, %+v, batches of %d", err, report, log.largest)
		}
		if want := 115 * time.Second / 20; report.Elapsed != want { // the first batch goes at once
			t.Errorf("took %s, want %s", report.Elapsed, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Publish(ctx, &fakeLog{}, Options{Source: "test", Rate: 0.1}, questions(9))
		if err == nil || !strings.Contains(err.Error(), "publish") {
			t.Errorf("a deadline shorter than the rate allows: %v", err)
		}
	})
}

func TestPayloadsAreReadBackByTheZeroMapping(t *testing.T) {
	row := Row{ID: "1", Text: "a\u2028b", GroundTruth: []string{"x"}, Tags: []string{"t"}, Tenant: "n", Priority: 1}
	m, err := Options{}.message("queries.asked.x", row)
	if err != nil || !json.Valid(m.Data) {
		t.Fatalf("%s, %v", m.Data, err)
	}
	if back, err := (Mapping{}).row(m.Data); err != nil || !reflect.DeepEqual(back, row) {
		t.Errorf("%+v, %v; want %+v", back, err, row)
	}
}
