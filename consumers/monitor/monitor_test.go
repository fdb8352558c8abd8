package monitor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/internal/decided"
	"sluice/streams"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// store keeps what it is given, once, and refuses a batch with a decision that it is told never to take.
type store struct {
	mu      sync.Mutex
	ids     map[string]bool
	never   string
	away    error
	batches int
}

type permanent struct{}

func (permanent) Error() string   { return "no column takes it" }
func (permanent) Permanent() bool { return true }

func (s *store) Record(_ context.Context, f *sluice.OnlineFacts) (fresh []int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches++
	if s.away != nil {
		return nil, s.away
	}
	for _, d := range f.Decisions {
		if d.Value.ID == s.never {
			return nil, permanent{}
		}
	}
	note := func(id string, ref int) {
		if !s.ids[id] {
			s.ids[id] = true
			fresh = append(fresh, ref)
		}
	}
	for _, d := range f.Decisions {
		note(d.Value.ID, d.Ref)
	}
	for _, d := range f.Feedback {
		note(d.Value.ID, d.Ref)
	}
	for _, d := range f.Alerts {
		note(d.Value.ID, d.Ref)
	}
	return fresh, nil
}

// observer counts what it hears.
type observer struct{ decisions, feedback, alerts, events int }

func (o *observer) Decided(time.Time, *sluice.Decision) { o.decisions++ }

func (o *observer) Noted(f *sluice.Feedback, a *sluice.Alert, e *sluice.TrainingEvent) {
	switch {
	case f != nil:
		o.feedback++
	case a != nil:
		o.alerts++
	case e != nil:
		o.events++
	}
}

func message(t *testing.T, m streams.Message, err error) streams.Message {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	m.StoredAt, m.Deliveries = noon, 1
	return m
}

func made(t *testing.T, n int) []streams.Message {
	t.Helper()
	msgs, err := decided.New(1, noon.Add(-time.Hour), time.Second).Messages(n)
	if err != nil {
		t.Fatal(err)
	}
	return msgs
}

func TestEveryFactIsStoredAndHeardOfOnceHoweverOftenItIsDelivered(t *testing.T) {
	s, o := &store{ids: map[string]bool{}}, &observer{}
	h := New(s, o, func() time.Time { return noon })
	batch := made(t, 10)
	m, err := streams.FeedbackFact(sluice.Feedback{ID: "f1", DecisionID: "later", Source: "client"})
	batch = append(batch, message(t, m, err))
	m, err = streams.RaisedFact(sluice.Alert{ID: "a1", Rule: "drift"})
	batch = append(batch, message(t, m, err))
	m, err = streams.ToldFact(sluice.TrainingEvent{JobID: "j1", Kind: "started", Attempt: 1, Sequence: 1})
	batch = append(batch, message(t, m, err))
	for range 3 {
		for i, r := range h.HandleBatch(t.Context(), batch) {
			if r.Err != nil || len(r.Out) > 0 {
				t.Errorf("%s: %v, %d outputs", batch[i].Subject, r.Err, len(r.Out))
			}
		}
	}
	if o.decisions != 10 || o.feedback != 1 || o.alerts != 1 || o.events != 3 || len(s.ids) != 12 {
		t.Errorf("heard %+v, stored %d", o, len(s.ids))
	}
}

func TestWhatIsNoFactIsPoisonAndHarmsNobody(t *testing.T) {
	s, o := &store{ids: map[string]bool{}}, &observer{}
	h := New(s, o, func() time.Time { return noon })
	good := made(t, 2)
	bad := []streams.Message{
		{Subject: "decisions.taken.x", Data: []byte{0xc1}},
		{Subject: "decisions.taken.other", Data: good[0].Data},
		{Subject: "queries.accepted.normal.k", Data: good[0].Data},
		{Subject: "nonsense"},
	}
	for _, at := range []time.Time{{}, noon.Add(72 * time.Hour), time.Unix(0, 0)} {
		m, err := streams.TakenFact(sluice.Decision{ID: "d", DecidedAt: at})
		bad = append(bad, message(t, m, err))
	}
	results := h.HandleBatch(t.Context(), append(append([]streams.Message{}, good...), bad...))
	for i, r := range results {
		if poison := sluice.ClassOf(r.Err) == sluice.ClassPoison; r.Err != nil != (i >= len(good)) || i >= len(good) && !poison {
			t.Errorf("message %d: %v", i, r.Err)
		}
	}
	if o.decisions != 2 {
		t.Errorf("%d decisions heard of", o.decisions)
	}
}

// paid is a decision with two attempts.
func paid(t *testing.T, id string, at time.Time, change func(*sluice.Decision)) streams.Message {
	t.Helper()
	d := sluice.Decision{ID: id, DecidedAt: at, Calls: []sluice.Call{
		{ID: id + "-1", Stage: sluice.StageGateway, StartedAt: noon, Cost: 3, Outcome: sluice.OutcomeServerError},
		{ID: id + "-2", Stage: sluice.StageGateway, StartedAt: noon, Cost: 40, Outcome: sluice.OutcomeOK},
	}}
	if change != nil {
		change(&d)
	}
	m, err := streams.TakenFact(d)
	return message(t, m, err)
}

func TestTheLinesOfADecisionEnterTheLedgerWhateverBecomesOfItsRow(t *testing.T) {
	s := &store{ids: map[string]bool{}, never: "never"}
	h := New(s, &observer{}, func() time.Time { return noon })
	batch := []streams.Message{
		paid(t, "stored", noon, nil), paid(t, "never", noon, nil), paid(t, "ahead", noon.Add(72*time.Hour), nil),
		made(t, 1)[0], // brings none
	}
	check := func(when string) {
		t.Helper()
		for i, r := range h.HandleBatch(t.Context(), batch) {
			if i == 3 {
				if len(r.Out) > 0 {
					t.Errorf("%s: %d lines of a decision without calls", when, len(r.Out))
				}
				continue
			}
			at, _ := streams.PlaceOf(batch[i].Subject)
			if len(r.Out) != 2 || r.Out[0].Subject != "calls.billed.gateway."+at.ID+"-1" || r.Out[1].Subject != "calls.billed.gateway."+at.ID+"-2" {
				t.Errorf("%s: %s: outputs %v", when, at.ID, r.Out)
				continue
			}
			if line, err := streams.Decode[sluice.Call](r.Out[1].Data); err != nil || line.Cost != 40 || !line.StartedAt.Equal(noon) {
				t.Errorf("%s: %s: the line %+v, %v", when, at.ID, line, err)
			}
		}
	}
	check("at first")
	check("once more")
	s.away = errors.New("connection refused")
	check("without tables")
}

func TestALineThatIsNoGatewaysIsPoison(t *testing.T) {
	s := &store{ids: map[string]bool{}}
	h := New(s, &observer{}, func() time.Time { return noon })
	batch := []streams.Message{
		paid(t, "judges", noon, func(d *sluice.Decision) { d.Calls[1].Stage = "judge" }),
		paid(t, "nameless", noon, func(d *sluice.Decision) { d.Calls[0].ID = "" }),
		paid(t, "wild", noon, func(d *sluice.Decision) { d.Calls[0].ID = "a.>" }),
	}
	batch = append(batch, paid(t, "right", noon, nil))
	batch[3].Subject = "decisions.taken.wrong"
	for i, r := range h.HandleBatch(t.Context(), batch) {
		if r.Err == nil || sluice.ClassOf(r.Err) != sluice.ClassPoison || len(r.Out) > 0 {
			t.Errorf("%s: %v, %d outputs", batch[i].Subject, r.Err, len(r.Out))
		}
	}
	if len(s.ids) > 0 {
		t.Errorf("stored: %v", s.ids)
	}
}

func TestOneFactThatNoTableTakesDiesAlone(t *testing.T) {
	batch := made(t, 33)
	place, _ := streams.PlaceOf(batch[20].Subject)
	s, o := &store{ids: map[string]bool{}, never: place.ID}, &observer{}
	results := New(s, o, func() time.Time { return noon }).HandleBatch(t.Context(), batch)
	for i, r := range results {
		if want := i == 20; (sluice.ClassOf(r.Err) == sluice.ClassTerminal && r.Err != nil) != want {
			t.Errorf("message %d: %v", i, r.Err)
		}
	}
	if o.decisions != 32 {
		t.Errorf("%d decisions stored, want 32", o.decisions)
	}
}

func TestTablesThatAreAwayMakeTheBatchWaitAndSpendNoAttempt(t *testing.T) {
	s, o := &store{ids: map[string]bool{}, away: errors.New("connection refused")}, &observer{}
	h := New(s, o, func() time.Time { return noon })
	batch := made(t, 4)
	batch[3].Deliveries = 40
	for i, r := range h.HandleBatch(t.Context(), batch) {
		want := 250 * time.Millisecond
		if i == 3 {
			want = 15 * time.Second
		}
		if sluice.ClassOf(r.Err) != sluice.ClassWait || sluice.DelayOf(r.Err) != want {
			t.Errorf("message %d: %v after %v", i, sluice.ClassOf(r.Err), sluice.DelayOf(r.Err))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range h.HandleBatch(ctx, batch) {
		if sluice.ClassOf(r.Err) != sluice.ClassInterrupted {
			t.Errorf("while stopping: %v", r.Err)
		}
	}
}

func TestALineADecisionWithTheAnswerAsConfigured(t *testing.T) {
	for mode, want := range map[string]string{LogOff: "", LogRedacted: Redacted, LogFull: "It is about water."} {
		var b bytes.Buffer
		o := &observer{}
		l := Lines{Observer: o, Log: slog.New(slog.NewJSONHandler(&b, nil)), Answers: mode}
		d := decided.New(1, noon, time.Second).Next()
		l.Decided(noon, &d)
		if o.decisions != 1 {
			t.Errorf("%s: not passed on", mode)
		}
		if mode == LogOff {
			if b.Len() > 0 {
				t.Errorf("off: %s", b.String())
			}
			continue
		}
		var line map[string]any
		if err := json.Unmarshal(b.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		for _, key := range strings.Fields("timestamp query policy model reasoning latency_ms cost_usd answer") {
			if _, there := line[key]; !there {
				t.Errorf("%s: no %s in %s", mode, key, b.String())
			}
		}
		if line["answer"] != want || line["timestamp"] != "2026-11-20T12:00:00Z" || line["cost_usd"] != float64(d.Cost)/1e6 {
			t.Errorf("%s: %s", mode, b.String())
		}
	}
}
