package training_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/training"
	"sluice/streams"
)

// store takes everything, or fails as it is told.
type store struct {
	jobs, events int
	err          error
	poison       string
}

type permanent struct{ error }

func (permanent) Permanent() bool { return true }

func (s *store) RecordTraining(_ context.Context, jobs []sluice.Fact[sluice.TrainingJob], events []sluice.Fact[sluice.TrainingEvent]) error {
	for _, e := range events {
		if e.Value.Message == s.poison && s.poison != "" {
			return permanent{errors.New("no column takes it")}
		}
	}
	if s.err != nil {
		return s.err
	}
	s.jobs, s.events = s.jobs+len(jobs), s.events+len(events)
	return nil
}

func messages(t *testing.T) []streams.Message {
	t.Helper()
	job, err := streams.JobFact(sluice.TrainingJob{ID: "j1", AskedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	all := []streams.Message{job}
	for i, words := range []string{"good", "bad", "good", "good"} {
		m, err := streams.ToldFact(sluice.TrainingEvent{JobID: "j1", Attempt: 1, Sequence: i + 1, Kind: "progress", Message: words})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func TestJobsAndEventsAreStoredTogether(t *testing.T) {
	s := &store{}
	for _, r := range training.New(s).HandleBatch(t.Context(), messages(t)) {
		if r.Err != nil || len(r.Out) > 0 {
			t.Errorf("%+v", r)
		}
	}
	if s.jobs != 1 || s.events != 4 {
		t.Errorf("%d jobs, %d events", s.jobs, s.events)
	}
}

func TestOneBadFactDoesNotHoldTheOthersBack(t *testing.T) {
	s, in := &store{poison: "bad"}, messages(t)
	in = append(in, streams.Message{Subject: "training.told.j1.1.9", Data: []byte("\xff")}, in[3])
	in[len(in)-1].Subject = "training.told.j1.1.8"
	in = append(in, streams.Message{Subject: "queries.asked.web"})
	for i, r := range training.New(s).HandleBatch(t.Context(), in) {
		want := map[int]sluice.Class{2: sluice.ClassTerminal, 5: sluice.ClassPoison, 6: sluice.ClassPoison, 7: sluice.ClassPoison}[i]
		if want == "" && r.Err != nil || want != "" && sluice.ClassOf(r.Err) != want {
			t.Errorf("message %d: %v, want %q", i, r.Err, want)
		}
	}
	if s.jobs != 1 || s.events != 3 {
		t.Errorf("%d jobs, %d events", s.jobs, s.events)
	}
}

func TestAStoreThatIsAwayIsWaitedFor(t *testing.T) {
	for _, r := range training.New(&store{err: errors.New("away")}).HandleBatch(t.Context(), messages(t)) {
		if sluice.ClassOf(r.Err) != sluice.ClassWait {
			t.Errorf("%v", r.Err)
		}
	}
}
