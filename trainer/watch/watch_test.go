package watch_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
	"sluice/trainer/board"
	"sluice/trainer/watch"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// tables are examples in memory, the i-th stored i seconds after noon.
type tables struct {
	mu       sync.Mutex
	rows     []sluice.TrainingExample
	admitted map[string]int
}

func (f *tables) add(n int, policy sluice.Policy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		i := len(f.rows)
		r := sluice.TrainingExample{ID: fmt.Sprint("e", i), Key: fmt.Sprintf("k%06d", i), Split: sluice.Train, Text: fmt.Sprint("Question ", i), Policy: policy}
		if i%5 == 4 {
			r.Split = sluice.Test
		}
		f.rows = append(f.rows, r)
	}
}

func madeAt(i int) time.Time { return noon.Add(time.Duration(i) * time.Second) }

func (f *tables) Accrued(_ context.Context, _ string, after time.Time) (map[sluice.Policy]int, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, oldest := map[sluice.Policy]int{}, time.Time{}
	for i, r := range f.rows {
		if r.Split == sluice.Train && madeAt(i).After(after) {
			if n[r.Policy]++; oldest.IsZero() {
				oldest = madeAt(i)
			}
		}
	}
	return n, oldest, nil
}

func (f *tables) Examples(_ context.Context, _ string, most int) ([]sluice.TrainingExample, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]sluice.TrainingExample(nil), f.rows...), madeAt(len(f.rows) - 1), nil
}

func (f *tables) Admit(_ context.Context, run string, rows []sluice.TrainingExample) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rows {
		if r.Split != sluice.Train {
			return errors.New("no train row")
		}
	}
	if f.admitted == nil {
		f.admitted = map[string]int{}
	}
	f.admitted[run] = len(rows)
	return nil
}

// shelf keeps snapshots in memory.
type shelf struct{ sync.Map }

func (s *shelf) PutSnapshot(_ context.Context, name string, file []byte) error {
	s.Store(name, file)
	return nil
}

func (s *shelf) Delete(_ context.Context, name string) error {
	s.Map.Delete(name)
	return nil
}

func options() watch.Options {
	return watch.Options{
		NewExamples: 100, MinTrain: 10, MinTest: 2, MaxTrain: 1000, Alarms: []string{"drift"}, Pair: "p1", Medium: "m", Large: "l",
		Policies: sluice.DefaultPolicies(), Recipe: "default", Backend: "go", Seed: 1,
	}
}

func watcher(t *testing.T, js jetstream.JetStream, f *tables, o watch.Options) *watch.Watcher {
	t.Helper()
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	b, err := board.Open(t.Context(), js, p, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	clock := noon.Add(time.Hour)
	return &watch.Watcher{
		Tables: f, Board: b, Store: &shelf{}, Options: o, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { clock = clock.Add(2 * time.Minute); return clock },
	}
}

func jobs(t *testing.T, js jetstream.JetStream) []sluice.TrainingJob {
	t.Helper()
	var all []sluice.TrainingJob
	for m, err := range streams.Scan(t.Context(), js, streams.StreamJobs, streams.Window{}) {
		if err != nil {
			t.Fatal(err)
		}
		job, err := streams.Decode[sluice.TrainingJob](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, job)
	}
	return all
}

func look(t *testing.T, w *watch.Watcher) *sluice.TrainingJob {
	t.Helper()
	job, err := w.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func end(t *testing.T, w *watch.Watcher, job *sluice.TrainingJob) {
	t.Helper()
	if err := w.Board.Tell(t.Context(), sluice.TrainingEvent{JobID: job.ID, Kind: "refused", Attempt: 1, Sequence: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestHoweverManyTrainersLookItIsOneJob(t *testing.T) {
	js, f, kept := natstest.Log(t), &tables{}, &shelf{}
	var all []*watch.Watcher
	for range 6 {
		w := watcher(t, js, f, options())
		w.Store = kept
		all = append(all, w)
	}
	random := rand.New(rand.NewPCG(3, 5))
	for round := range 15 {
		f.add(125+random.IntN(75), sluice.Standard)
		copies := 2 + random.IntN(5)
		won := race(t, all[:copies], f)
		if got := jobs(t, js); len(got) != round+1 || len(won) != 1 {
			t.Fatalf("round %d, %d copies: %d jobs, %d trainers asked", round, copies, len(got), len(won))
		}
		if _, there := kept.Load(won[0].Snapshot); !there {
			t.Fatalf("round %d: the job's snapshot is gone", round)
		}
		end(t, all[0], won[0])
	}
	kept.Range(func(name, _ any) bool {
		if !slices.ContainsFunc(jobs(t, js), func(j sluice.TrainingJob) bool { return j.Snapshot == name }) {
			t.Errorf("%v is kept, and no job names it", name)
		}
		return true
	})
}

// race lets every trainer look twice, while other examples come in.
func race(t *testing.T, all []*watch.Watcher, f *tables) (won []*sluice.TrainingJob) {
	t.Helper()
	var mu sync.Mutex
	for range 2 {
		var wg sync.WaitGroup
		for _, w := range all {
			wg.Go(func() {
				job, err := w.Look(t.Context())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if job != nil {
					won = append(won, job)
				}
			})
		}
		wg.Go(func() { f.add(3, sluice.Complex) })
		wg.Wait()
	}
	return won
}

func TestEveryTriggerFiresAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		options func(*watch.Options)
		before  func(*testing.T, *tables, jetstream.JetStream)
		trigger string
	}{
		"too few":       {func(*watch.Options) {}, func(_ *testing.T, f *tables, _ jetstream.JetStream) { f.add(50, sluice.Standard) }, ""},
		"count":         {func(*watch.Options) {}, func(_ *testing.T, f *tables, _ jetstream.JetStream) { f.add(130, sluice.Standard) }, "count"},
		"one policy":    {func(o *watch.Options) { o.NewExamples, o.PerPolicy = 0, 10 }, func(_ *testing.T, f *tables, _ jetstream.JetStream) { f.add(130, sluice.Standard) }, ""},
		"every policy":  {func(o *watch.Options) { o.NewExamples, o.PerPolicy = 0, 10 }, everyPolicy, "per_policy"},
		"young":         {func(o *watch.Options) { o.MaxAge = 48 * time.Hour }, everyPolicy, ""},
		"old":           {func(o *watch.Options) { o.MaxAge = time.Hour }, everyPolicy, "age"},
		"alarm":         {func(*watch.Options) {}, alarmed, "drift"},
		"alarm, no new": {func(o *watch.Options) { o.MinTrain = 0 }, onlyAlarmed, ""},
		"floor":         {func(o *watch.Options) { o.MinTest = 50 }, func(_ *testing.T, f *tables, _ jetstream.JetStream) { f.add(130, sluice.Standard) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			js, f, o := natstest.Log(t), &tables{}, options()
			c.options(&o)
			c.before(t, f, js)
			job := look(t, watcher(t, js, f, o))
			if (job == nil) != (c.trigger == "") || job != nil && (job.Trigger != c.trigger || job.Reason == "") {
				t.Errorf("job %+v, want trigger %q", job, c.trigger)
			}
		})
	}
}

func everyPolicy(_ *testing.T, f *tables, _ jetstream.JetStream) {
	for _, p := range sluice.DefaultPolicies() {
		f.add(20, p.Name)
	}
}

func alarmed(t *testing.T, f *tables, js jetstream.JetStream) {
	t.Helper()
	f.add(30, sluice.Standard)
	raise(t, js)
}

func onlyAlarmed(t *testing.T, _ *tables, js jetstream.JetStream) {
	t.Helper()
	raise(t, js)
}

func raise(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	m, err := streams.RaisedFact(sluice.Alert{ID: "a1", Rule: "drift", Subject: "words", Message: "queries are longer", RaisedAt: noon})
	if err == nil {
		_, err = js.Publish(t.Context(), m.Subject, m.Data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhileAJobIsAtWorkNoneIsAskedForAndItsExamplesCountOnce(t *testing.T) {
	js, f := natstest.Log(t), &tables{}
	w := watcher(t, js, f, options())
	f.add(130, sluice.Standard)
	first := look(t, w)
	f.add(200, sluice.Complex)
	if job := look(t, w); job != nil {
		t.Errorf("a second job while the first is at work: %+v", job)
	}
	end(t, w, first)
	second := look(t, w)
	if second == nil || second.TrainExamples != first.TrainExamples+160 {
		t.Fatalf("after the first: %+v", second)
	}
	end(t, w, second)
	if job := look(t, w); job != nil {
		t.Errorf("the same examples again: %+v", job)
	}
	if f.admitted[second.ID] != second.TrainExamples {
		t.Errorf("admitted %v", f.admitted)
	}
}

// Facts leave the log by their age; what the trainers agreed on stays.
func TestAJobWhoseFactsHaveLeftTheLogKeepsNobodyWaiting(t *testing.T) {
	js, f := natstest.Log(t), &tables{}
	w := watcher(t, js, f, options())
	f.add(130, sluice.Standard)
	first := look(t, w)
	end(t, w, first)
	for _, name := range []string{streams.StreamTraining, streams.StreamJobs} {
		s, err := js.Stream(t.Context(), name)
		if err == nil {
			err = s.Purge(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		f.add(100, sluice.Complex)
		job := look(t, w)
		if gone := name == streams.StreamJobs; (job != nil) != gone {
			t.Errorf("after %s was purged: job %+v", name, job)
		}
	}
}

func TestAProposalWhoseTrainerDiedIsFinishedByAnother(t *testing.T) {
	js, f := natstest.Log(t), &tables{}
	w := watcher(t, js, f, options())
	f.add(20, sluice.Standard)
	dead := sluice.TrainingJob{ID: "left-behind", Reason: "it died", AskedAt: noon}
	if _, err := w.Board.Propose(t.Context(), board.Proposal{}, board.Proposal{Job: dead}); err != nil {
		t.Fatal(err)
	}
	look(t, watcher(t, js, f, options()))
	look(t, w)
	if got := jobs(t, js); len(got) != 1 || got[0].ID != "left-behind" {
		t.Errorf("jobs %+v", got)
	}
}

func TestAJobByHandIsTheSameJobTheSecondTime(t *testing.T) {
	js, f := natstest.Log(t), &tables{}
	w := watcher(t, js, f, options())
	var few *watch.FewError
	if _, _, err := w.Hand(t.Context(), "try"); !errors.As(err, &few) {
		t.Errorf("from nothing: %v", err)
	}
	f.add(50, sluice.Standard)
	first, asked, err := w.Hand(t.Context(), "try")
	if err != nil || !asked || first.Trigger != "hand" {
		t.Fatalf("%+v, %v, %v", first, asked, err)
	}
	again, asked, err := w.Hand(t.Context(), "once more")
	if err != nil || asked || again.ID != first.ID {
		t.Errorf("%+v, %v, %v", again, asked, err)
	}
	w.Options.Seed = 2
	if other, asked, err := w.Hand(t.Context(), "another seed"); err != nil || !asked || other.ID == first.ID {
		t.Errorf("another seed: %+v, %v, %v", other, asked, err)
	}
}

// disturbed are tables of which somebody does something while examples are admitted.
type disturbed struct {
	*tables
	admitting func() error
}

func (d disturbed) Admit(context.Context, string, []sluice.TrainingExample) error {
	return d.admitting()
}

// Trainers that see the same examples make the same job, with the same snapshot. One of them fails, or is late.
func TestATrainerThatGivesUpLeavesTheOthersTheirSnapshot(t *testing.T) {
	js, f, kept := natstest.Log(t), &tables{}, &shelf{}
	f.add(130, sluice.Standard)
	hand := func(seed uint64) *sluice.TrainingJob {
		w := watcher(t, js, f, options())
		w.Store, w.Options.Seed = kept, seed
		job, asked, err := w.Hand(t.Context(), "by hand")
		if err != nil || !asked {
			t.Fatalf("asked %t, %v", asked, err)
		}
		return job
	}
	away := errors.New("the tables are away")
	for what, end := range map[string]struct {
		first, then uint64
		err         error
	}{"it fails": {11, 0, away}, "it fails, and another is asked for since": {12, 13, away}, "another is asked for since": {14, 15, nil}} {
		late := watcher(t, js, f, options())
		var job *sluice.TrainingJob
		late.Store, late.Options.Seed = kept, end.first
		late.Tables = disturbed{f, func() error {
			job = hand(end.first)
			if end.then > 0 {
				hand(end.then)
			}
			return end.err
		}}
		if _, _, err := late.Hand(t.Context(), "late"); !errors.Is(err, cmp.Or(end.err, board.ErrLost)) {
			t.Errorf("%s: %v", what, err)
		}
		if _, there := kept.Load(job.Snapshot); !there {
			t.Errorf("%s: the snapshot of the job is gone", what)
		}
	}
}
