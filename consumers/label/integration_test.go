package label_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/consumers/label"
	"sluice/internal/natstest"
	"sluice/streams"
)

// Four copies on one log, verdicts in random order while they run, every verdict replayed once besides:
// one label a query.
func TestCopiesOnARealLogLabelEachQueryOnce(t *testing.T) {
	const queries, copies = 400, 4
	js, key, matrix := natstest.Log(t), armKey(t), sluice.DefaultMatrix()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	settled := make(chan consumers.Settled, 16*queries)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for range copies {
		latest, err := streams.NewLatest(js)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = latest.Close() })
		runner, err := consumers.New(consumers.Config{
			JS: js, Observe: func(s consumers.Settled) { settled <- s },
			Stage: consumers.Stage{
				Name: label.Name, Version: "v1", Batch: newStage(t, latest, key, matrix), Concurrency: 16, Deadline: 10 * time.Second, Attempts: 3,
				Inputs: []consumers.Input{{Stream: streams.StreamVerdicts, Durable: "label-v1"}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if err := runner.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	want := publishVerdicts(ctx, t, js, key, matrix, rng, queries)

	handled := 0
	for handled < 2*2*queries { // every verdict by its stream and by way of RETRIES
		select {
		case s := <-settled:
			if s.Err == nil {
				handled++
			} else if s.Class != sluice.ClassStale {
				t.Fatalf("%s: %v", s.Subject, s.Err)
			}
		case <-ctx.Done():
			t.Fatalf("%d of %d deliveries handled", handled, 4*queries)
		}
	}
	checkLabels(ctx, t, js, want)
}

// publishVerdicts publishes both verdicts of each query in random order, and each once more by way of
// RETRIES; it returns the policy that each query must get.
func publishVerdicts(ctx context.Context, t *testing.T, js jetstream.JetStream, key sluice.ArmKey, matrix sluice.Matrix, rng *rand.Rand, queries int) map[string]sluice.Policy {
	t.Helper()
	want := map[string]sluice.Policy{}
	var given []streams.Message
	for i := range queries {
		text := fmt.Sprintf("question %d?", i)
		medium, large := sluice.Grades()[rng.IntN(3)], sluice.Grades()[rng.IntN(3)]
		cell, err := matrix.Cell(medium, large)
		if err != nil {
			t.Fatal(err)
		}
		want[query(text).Key] = cell.Policy
		given = append(given, verdict(t, key, text, sluice.Medium, medium), verdict(t, key, text, sluice.Large, large))
	}
	rng.Shuffle(len(given), func(i, j int) { given[i], given[j] = given[j], given[i] })
	publisher, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = publisher.Close() }()
	if _, err := publisher.Publish(ctx, given); err != nil {
		t.Fatal(err)
	}
	var again []streams.Message
	for m, err := range streams.Scan(ctx, js, streams.StreamVerdicts, streams.Window{}) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := streams.RetryMessage(label.Name, "test", streams.Seal(m))
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, r)
	}
	rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	if _, err := publisher.Publish(ctx, again); err != nil {
		t.Fatal(err)
	}
	return want
}

// checkLabels compares the log's labels with the policies wanted: one a query, none else.
func checkLabels(ctx context.Context, t *testing.T, js jetstream.JetStream, want map[string]sluice.Policy) {
	t.Helper()
	got := map[string]sluice.Policy{}
	for m, err := range streams.Scan(ctx, js, streams.StreamLabels, streams.Window{}) {
		if err != nil {
			t.Fatal(err)
		}
		l := labels(t, []streams.Message{m})[0]
		if _, twice := got[l.Query.Key]; twice {
			t.Errorf("%s is labelled twice", l.Query.Key)
		}
		got[l.Query.Key] = l.Policy
	}
	if len(got) != len(want) {
		t.Errorf("%d labels for %d queries", len(got), len(want))
	}
	for key, policy := range want {
		if got[key] != policy {
			t.Errorf("%s: %q, want %q", key, got[key], policy)
		}
	}
}
