package board_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
	"sluice/trainer/board"
)

func open(t *testing.T, js jetstream.JetStream) *board.Board {
	t.Helper()
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	must(t, err)
	t.Cleanup(func() { _ = p.Close() })
	b, err := board.Open(t.Context(), js, p, time.Now)
	must(t, err)
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAJobIsAskedForOnceAndItsLastEventIsItsProgress(t *testing.T) {
	b := open(t, natstest.Log(t))
	ctx := t.Context()
	for i := range 3 {
		asked, err := b.Ask(ctx, sluice.TrainingJob{ID: "j1", Trigger: "hand", Seed: uint64(i)})
		if err != nil || asked != (i == 0) {
			t.Errorf("round %d: asked %v, %v", i, asked, err)
		}
	}
	if _, ok, err := b.Progress(ctx, "j1"); ok || err != nil {
		t.Errorf("progress before anything was told: %v, %v", ok, err)
	}
	must(t, b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: "started", Attempt: 1, Sequence: 1}))
	must(t, b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: "refused", Attempt: 1, Sequence: 2}, sluice.TrainingEvent{JobID: "j2", Kind: "queued", Sequence: 1}))
	e, ok, err := b.Progress(ctx, "j1")
	if err != nil || !ok || !board.Ended(e.Kind) {
		t.Errorf("progress %+v, %v", e, err)
	}
	job, err := b.Job(ctx, "j1")
	if err != nil || job.Trigger != "hand" {
		t.Errorf("job %+v, %v", job, err)
	}
	if _, err := b.Job(ctx, "j2"); !errors.Is(err, board.ErrNoJob) {
		t.Errorf("no job: %v", err)
	}
	all, err := b.Jobs(ctx, time.Minute)
	if err != nil || len(all) != 1 || all[0].Last.Kind != "refused" {
		t.Errorf("jobs %+v, %v", all, err)
	}
}

// A model that the gate refused may be promoted by hand; its training was refused all the same.
func TestWhatIsDoneByHandLaterIsNotTheJobsEnd(t *testing.T) {
	b := open(t, natstest.Log(t))
	must(t, b.Tell(t.Context(),
		sluice.TrainingEvent{JobID: "j1", Kind: "queued", Sequence: 1},
		sluice.TrainingEvent{JobID: "j1", Kind: "refused", Attempt: 1, Sequence: 2, Message: "not surely better"},
		sluice.TrainingEvent{JobID: "j1", Kind: "promoted", Sequence: 9, Message: "I know better"},
		sluice.TrainingEvent{JobID: "j1", Kind: "promoted", Sequence: 10, Message: "again"},
	))
	if e, ok, err := b.Progress(t.Context(), "j1"); err != nil || !ok || e.Kind != "refused" || e.Message != "not surely better" {
		t.Errorf("progress %+v, %v, %v", e, ok, err)
	}
}

// A worker that was suspended, and wakes to find that its job was another's and is over, may say a word before it
// hears of that. Trainers would wait for such a job for ever.
func TestWhatASupersededWorkerStillSaysIsNotTheJobsProgress(t *testing.T) {
	b := open(t, natstest.Log(t))
	must(t, b.Tell(t.Context(),
		sluice.TrainingEvent{JobID: "j1", Kind: "queued", Sequence: 1},
		sluice.TrainingEvent{JobID: "j1", Kind: "progress", Attempt: 1, Sequence: 2},
		sluice.TrainingEvent{JobID: "j1", Kind: "refused", Attempt: 2, Sequence: 3, Message: "not surely better"},
		sluice.TrainingEvent{JobID: "j1", Kind: "promoted", Sequence: 9, Message: "I know better"},
		sluice.TrainingEvent{JobID: "j1", Kind: "checkpoint", Attempt: 1, Sequence: 3},
	))
	if e, ok, err := b.Progress(t.Context(), "j1"); err != nil || !ok || e.Kind != "refused" {
		t.Errorf("progress %+v, %v, %v", e, ok, err)
	}
	must(t, b.Tell(t.Context(),
		sluice.TrainingEvent{JobID: "j2", Kind: "started", Attempt: 2, Sequence: 2},
		sluice.TrainingEvent{JobID: "j2", Kind: "progress", Attempt: 2, Sequence: 3},
		sluice.TrainingEvent{JobID: "j2", Kind: "checkpoint", Attempt: 1, Sequence: 7},
	))
	if e, ok, err := b.Progress(t.Context(), "j2"); err != nil || !ok || e.Kind != "progress" || e.Attempt != 2 {
		t.Errorf("progress %+v, %v, %v", e, ok, err)
	}
}

func TestOfManyProposalsOneWins(t *testing.T) {
	js := natstest.Log(t)
	boards := []*board.Board{open(t, js), open(t, js), open(t, js), open(t, js)}
	var last board.Proposal
	for round := range 5 {
		var mu sync.Mutex
		var wg sync.WaitGroup
		won, was := 0, last
		for i, b := range boards {
			wg.Go(func() {
				p, err := b.Propose(t.Context(), was, board.Proposal{Job: sluice.TrainingJob{ID: string(rune('a' + i))}})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
					last = p
				case !errors.Is(err, board.ErrLost):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, err := boards[0].Latest(t.Context()); won != 1 || err != nil || got.Job.ID != last.Job.ID {
			t.Fatalf("round %d: %d won, the last is %q, %v", round, won, got.Job.ID, err)
		}
	}
}

func TestALeaseIsOneWorkersUntilItFallsSilent(t *testing.T) {
	b := open(t, natstest.Log(t))
	ctx := t.Context()
	first, err := b.Lease(ctx, "j1", "w1", time.Minute)
	must(t, err)
	var held *board.HeldError
	if _, err := b.Lease(ctx, "j1", "w2", time.Minute); !errors.As(err, &held) || held.Worker != "w1" {
		t.Errorf("a lease beside another: %v", err)
	}
	must(t, first.Beat(ctx))
	second, err := b.Lease(ctx, "j1", "w2", 0) // no patience at all
	must(t, err)
	if second.Attempt != 2 || second.Spent != 1 || second.After != "w1" {
		t.Errorf("after a worker that never let go: %+v", second)
	}
	if err := first.Beat(ctx); !errors.Is(err, board.ErrLost) {
		t.Errorf("the first worker goes on: %v", err)
	}
	must(t, second.Release(ctx))
	third, err := b.Lease(ctx, "j1", "w3", time.Hour)
	if err != nil || third.Attempt != 3 || third.Spent != 1 || third.After != "" {
		t.Errorf("after a release: %+v, %v", third, err)
	}
	if who, _, err := b.Holder(ctx, "j1"); who != "w3" || err != nil {
		t.Errorf("held by %q, %v", who, err)
	}
	must(t, third.Beat(ctx))
	must(t, third.Spend(ctx))
	fourth, err := b.Lease(ctx, "j1", "w4", time.Hour)
	if err != nil || fourth.Spent != 2 || fourth.After != "" {
		t.Errorf("after an attempt that was spent: %+v, %v", fourth, err)
	}
	again, err := b.Lease(ctx, "j1", "w4", time.Hour) // it could not let go, and lives
	if err != nil || again.Attempt != 5 || again.Spent != 2 {
		t.Errorf("the same worker once more: %+v, %v", again, err)
	}
}

func TestALeaseThatCantBeReadHoldsUntilItFallsSilentAndIsNamed(t *testing.T) {
	for _, spoiled := range []string{"{", "", "{}", `{"worker":"w1","attempt":-4}`} {
		js := natstest.Log(t)
		b, ctx := open(t, js), t.Context()
		first, err := b.Lease(ctx, "j1", "w1", time.Minute)
		must(t, err)
		must(t, b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: "started", Attempt: 3, Sequence: 1}))
		kv, err := js.KeyValue(ctx, streams.BucketTraining)
		must(t, err)
		_, err = kv.PutString(ctx, "lease.j1", spoiled)
		must(t, err)
		held := new(board.HeldError)
		if _, err := b.Lease(ctx, "j1", "w2", time.Minute); !errors.As(err, &held) {
			t.Errorf("%q: a lease at once: %v", spoiled, err)
		}
		if who, _, err := b.Holder(ctx, "j1"); who == "" || err != nil {
			t.Errorf("%q: held by %q, %v", spoiled, who, err)
		}
		if err := first.Beat(ctx); !errors.Is(err, board.ErrLost) {
			t.Errorf("%q: the worker whose lease it was goes on: %v", spoiled, err)
		}
		second, err := b.Lease(ctx, "j1", "w2", 0)
		if err != nil || second.Attempt != 4 || second.Spent != 1 || !strings.Contains(second.After, "can't be read") {
			t.Errorf("%q: after it fell silent: %+v, %v", spoiled, second, err)
		}
	}
}

// The server that stored it went away before it could say so.
func TestASignOfLifeWhoseConfirmationWasLostLosesNoLease(t *testing.T) {
	js := natstest.Log(t)
	b := open(t, js)
	lease, err := b.Lease(t.Context(), "j1", "w1", time.Hour)
	must(t, err)
	kv, err := js.KeyValue(t.Context(), streams.BucketTraining)
	must(t, err)
	entry, err := kv.Get(t.Context(), "lease.j1")
	must(t, err)
	_, err = kv.Update(t.Context(), "lease.j1", entry.Value(), entry.Revision())
	must(t, err)
	must(t, lease.Beat(t.Context()))
	must(t, lease.Release(t.Context()))
}

func TestAJobThatCantBeReadHidesNoOther(t *testing.T) {
	js := natstest.Log(t)
	b := open(t, js)
	ctx := t.Context()
	_, err := js.Publish(ctx, streams.JobSubject("junk"), []byte("no job"))
	must(t, err)
	_, err = b.Ask(ctx, sluice.TrainingJob{ID: "j1"})
	must(t, err)
	must(t, b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: "started", Attempt: 1, Sequence: 1}))
	_, err = js.Publish(ctx, streams.ToldSubject("j1", 1, 2), []byte("no event"))
	must(t, err)
	jobs, err := b.Jobs(ctx, time.Minute)
	if err != nil || len(jobs) != 2 || jobs[0].Job.ID != "junk" || jobs[0].Last.Kind != "undecodable" || jobs[1].Last.Kind != "started" {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
}

func TestACancellationIsHeardBeforeAndDuringTheWork(t *testing.T) {
	b := open(t, natstest.Log(t))
	heard := make(chan string)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		reason, _, _ := b.AwaitCancel(ctx, "j1")
		heard <- reason
	}()
	lease, err := b.Lease(ctx, "j1", "w1", time.Minute)
	must(t, err)
	if over, err := b.Cancel(ctx, "j1", "me", "enough", time.Minute); over || err != nil {
		t.Errorf("a worker has it in hand: over %v, %v", over, err)
	}
	if got := <-heard; got != "enough" {
		t.Errorf("heard %q", got)
	}
	if reason, yes, err := b.Canceled(ctx, "j1"); !yes || reason != "enough" || err != nil {
		t.Errorf("%q, %v, %v", reason, yes, err)
	}
	must(t, lease.Release(ctx))
	if over, err := b.Cancel(ctx, "j1", "me", "more than enough", time.Minute); !over || err != nil {
		t.Errorf("nobody has it in hand: over %v, %v", over, err)
	}
	if e, _, err := b.Progress(ctx, "j1"); e.Kind != "canceled" || e.Message != "canceled: enough" || err != nil {
		t.Errorf("end %+v, %v; want the first reason", e, err)
	}
	if _, yes, err := b.Canceled(ctx, "j2"); yes || err != nil {
		t.Errorf("another job: %v, %v", yes, err)
	}
}

func TestAJobGoesToOneWorkerAndComesBackIfThatFallsSilent(t *testing.T) {
	b := open(t, natstest.Log(t))
	ctx := t.Context()
	q, err := b.Queue(ctx, time.Second)
	must(t, err)
	if _, err := q.Next(ctx, 50*time.Millisecond); !errors.Is(err, board.ErrIdle) {
		t.Errorf("an empty queue: %v", err)
	}
	_, err = b.Ask(ctx, sluice.TrainingJob{ID: "j1"})
	must(t, err)
	first, err := q.Next(ctx, 5*time.Second)
	must(t, err)
	if first.Job.ID != "j1" {
		t.Errorf("took %q", first.Job.ID)
	}
	if _, err := q.Next(ctx, 50*time.Millisecond); !errors.Is(err, board.ErrIdle) {
		t.Errorf("a job in hand was handed out: %v", err)
	}
	second, err := q.Next(ctx, 10*time.Second) // the first says nothing
	must(t, err)
	must(t, second.Back(0))
	third, err := q.Next(ctx, 5*time.Second)
	must(t, err)
	must(t, third.Done(ctx))
	if _, err := q.Next(ctx, 1500*time.Millisecond); !errors.Is(err, board.ErrIdle) {
		t.Errorf("a job that is done was handed out: %v", err)
	}
}

// A log that was set up anew, or an operator who tidied, takes the consumer away from waiting workers.
func TestAQueueWhoseConsumerIsGoneIsMadeAnew(t *testing.T) {
	js := natstest.Log(t)
	b := open(t, js)
	q, err := b.Queue(t.Context(), time.Minute)
	must(t, err)
	must(t, js.DeleteConsumer(t.Context(), streams.StreamJobs, streams.DurableTrain))
	_, err = b.Ask(t.Context(), sluice.TrainingJob{ID: "j1"})
	must(t, err)
	taken, err := q.Next(t.Context(), 10*time.Second)
	if err != nil || taken.Job.ID != "j1" {
		t.Fatalf("%+v, %v", taken, err)
	}
}

func TestAlarmsAreThoseThatWereNotCleared(t *testing.T) {
	js := natstest.Log(t)
	b := open(t, js)
	at := time.Now().UTC().Truncate(time.Millisecond)
	for _, a := range []sluice.Alert{
		{ID: "1", Rule: "drift", Subject: "words", RaisedAt: at.Add(-time.Hour)},
		{ID: "2", Rule: "drift", Subject: "length", Message: "length drifts", RaisedAt: at.Add(time.Second)},
		{ID: "3", Rule: "drift", Subject: "digits", RaisedAt: at.Add(time.Second)},
		{ID: "4", Rule: "drift", Subject: "digits", Cleared: true, RaisedAt: at.Add(2 * time.Second)},
		{ID: "5", Rule: "latency_p99", Subject: "flash", RaisedAt: at.Add(time.Second)},
	} {
		m, err := streams.RaisedFact(a)
		must(t, err)
		_, err = js.Publish(t.Context(), m.Subject, m.Data)
		must(t, err)
	}
	alarms, err := b.Alarms(t.Context(), "drift", at)
	if err != nil || len(alarms) != 1 || alarms[0].Message != "length drifts" {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
}

func TestAJobWaitsOnceItsWorkerGaveItBackOrFellSilentUntilItIsOver(t *testing.T) {
	b, ctx := open(t, natstest.Log(t)), t.Context()
	_, err := b.Ask(ctx, sluice.TrainingJob{ID: "j1"})
	must(t, err)
	waits := func(when string, patience time.Duration, want bool) {
		t.Helper()
		jobs, err := b.Jobs(ctx, patience)
		if err != nil || len(jobs) != 1 || jobs[0].Waiting != want {
			t.Errorf("%s: %+v, %v; want waiting %t", when, jobs, err, want)
		}
	}
	waits("that nobody had", time.Minute, false)
	lease, err := b.Lease(ctx, "j1", "w1", time.Minute)
	must(t, err)
	must(t, b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: "progress", Attempt: 1, Sequence: 1}))
	waits("in hand", time.Minute, false)
	waits("of a silent worker", 0, true)
	must(t, lease.Release(ctx))
	waits("given back", time.Minute, true)
	lease, err = b.Lease(ctx, "j1", "w2", time.Minute)
	must(t, err)
	waits("in hand again", time.Minute, false)
	must(t, b.Tell(ctx, sluice.TrainingEvent{JobID: "j1", Kind: "refused", Attempt: 2, Sequence: 1}))
	must(t, lease.Release(ctx))
	waits("that is over", 0, false)
}
