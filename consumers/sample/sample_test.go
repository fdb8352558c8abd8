package sample

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sluice/online"
	"sluice/streams"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// tables chooses what it is told, and remembers what was asked.
type tables struct {
	chosen  []online.Candidate
	unasked []online.Sample
	asked   []string
	plan    online.Plan
}

func (t *tables) Sample(_ context.Context, p online.Plan, keyOf func(online.Candidate) string) ([]online.Sample, online.Labelling, error) {
	t.plan = p
	for _, c := range t.chosen {
		t.unasked = append(t.unasked, online.Sample{QueryKey: keyOf(c), ChosenBy: c.ChosenBy, Candidate: c})
	}
	t.chosen = nil
	return nil, online.Labelling{Chosen: 3}, nil
}

func (t *tables) Unasked(context.Context, int) ([]online.Sample, error) {
	return slices.Clone(t.unasked), nil
}

func (t *tables) Asked(_ context.Context, keys []string, _ time.Time) error {
	t.asked, t.unasked = append(t.asked, keys...), nil
	return nil
}

// publisher keeps messages, unless it fails.
type publisher struct {
	fail error
	msgs []streams.Message
}

func (p *publisher) Publish(_ context.Context, msgs []streams.Message) ([]streams.Ack, error) {
	if p.fail != nil {
		return nil, p.fail
	}
	p.msgs = append(p.msgs, msgs...)
	return make([]streams.Ack, len(msgs)), nil
}

func sampler(t *tables, p *publisher, heard *int) *Sampler {
	return New(t, p, online.Plan{Share: 0.1}, func() time.Time { return noon }, func(s []online.Sample, _ online.Labelling) { *heard += len(s) })
}

// slow chooses for a while.
type slow struct {
	tables
	takes  time.Duration
	now    *time.Time
	rounds int
}

func (s *slow) Sample(context.Context, online.Plan, func(online.Candidate) string) ([]online.Sample, online.Labelling, error) {
	s.rounds++
	*s.now = s.now.Add(s.takes)
	return nil, online.Labelling{}, nil
}

func TestALongRoundIsFollowedByALongerRest(t *testing.T) {
	now := noon
	s := &slow{takes: 6 * time.Second, now: &now}
	r := New(s, &publisher{}, online.Plan{Share: 0.1}, func() time.Time { return now }, func([]online.Sample, online.Labelling) {})
	rounds := func(wait time.Duration) int {
		t.Helper()
		now = now.Add(wait)
		if err := r.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.rounds
	}
	if n := rounds(0); n != 1 {
		t.Fatalf("%d rounds at first", n)
	}
	if n := rounds(time.Minute); n != 1 {
		t.Errorf("a round of six seconds, and the next a minute later: %d", n)
	}
	if n := rounds(time.Minute); n != 2 {
		t.Errorf("two minutes later: %d rounds, want 2", n)
	}
}

func TestWhatIsChosenIsAskedOnceAlsoAfterAFailure(t *testing.T) {
	heard := 0
	tb := &tables{chosen: []online.Candidate{{Text: "Who is Ann?", Tenant: "x", ChosenBy: online.Evenly}}}
	p := &publisher{fail: errors.New("away")}
	s := sampler(tb, p, &heard)
	if err := s.Round(t.Context()); err == nil || len(tb.asked) > 0 || heard > 0 {
		t.Fatalf("%v, asked %v", err, tb.asked)
	}
	p.fail = nil
	for range 2 {
		if err := s.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.msgs) != 1 || len(tb.asked) != 1 || heard != 1 || p.msgs[0].Subject != "queries.asked.online" {
		t.Errorf("%d messages, asked %v, heard of %d", len(p.msgs), tb.asked, heard)
	}
	if !tb.plan.Now.Equal(noon) {
		t.Errorf("the plan is of %v", tb.plan.Now)
	}
}

func TestASampleContinuesTheTraceOfItsRequest(t *testing.T) {
	heard := 0
	tb := &tables{chosen: []online.Candidate{{DecisionID: "d1", Text: "Who is Ann?"}, {DecisionID: "d2", Text: "Who is Bob?"}}}
	p := &publisher{}
	s := sampler(tb, p, &heard)
	s.Follow(func(_ context.Context, id string) string { return map[string]string{"d1": "00-1-2-01"}[id] })
	if err := s.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.msgs) != 2 || p.msgs[0].Header[streams.HeaderTraceParent] != "00-1-2-01" || p.msgs[1].Header != nil {
		t.Errorf("%+v", p.msgs)
	}
}

func TestAQueryWhoseIDIsPersonalIsNotAsked(t *testing.T) {
	if key := Key(online.Candidate{Text: "Who?", QueryID: "ann@example.com"}); key != "" {
		t.Errorf("key %s", key)
	}
}
