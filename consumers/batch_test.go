package consumers_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

func copyAll(_ context.Context, in []streams.Message) []streams.Result {
	results := make([]streams.Result, len(in))
	for i := range in {
		results[i].Out = []streams.Message{copyOf(in[i])}
	}
	return results
}

func TestABatchIsAsLargeAsWhatIsThereAndNeverLarger(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 100)
	var mu sync.Mutex
	var sizes []int
	s := batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(in))
		return copyAll(ctx, in)
	})
	s.Concurrency = 32
	r := start(t, js, s)
	r.acked(100)
	mu.Lock()
	defer mu.Unlock()
	if slices.Max(sizes) != 32 || len(sizes) > 8 {
		t.Errorf("batches of %v", sizes)
	}
	if n := count(t, js, streams.StreamAnswers); n != 100 {
		t.Errorf("%d outputs", n)
	}
}

func TestABatchThatLingersGathersWhatComesLater(t *testing.T) {
	js := natstest.Log(t)
	var mu sync.Mutex
	var sizes []int
	s := batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(in))
		return copyAll(ctx, in)
	})
	s.Linger, s.Concurrency = time.Hour, 50
	r := start(t, js, s)
	for range 5 {
		ask(t, js, 10)
	}
	r.acked(50)
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(sizes, []int{50}) {
		t.Errorf("batches of %v", sizes)
	}
}

func TestABatchLingersNoLongerThanItMay(t *testing.T) {
	js := natstest.Log(t)
	s := batchStage(copyAll)
	s.Linger, s.Concurrency = 50*time.Millisecond, 100
	r := start(t, js, s)
	for range 2 {
		ask(t, js, 10)
		r.acked(10)
	}
}

func TestABatchThatLingersIsHandedOverAtTheEnd(t *testing.T) {
	js := natstest.Log(t)
	s := batchStage(copyAll)
	s.Linger, s.Concurrency = time.Hour, 100
	r := start(t, js, s)
	ask(t, js, 10)
	for r.runner.Stats().InFlight < 10 {
		runtime.Gosched()
	}
	r.stop()
	if got := r.runner.Stats().Acked; got != 10 {
		t.Errorf("%d of 10 messages were acknowledged", got)
	}
}

func TestEachMessageOfABatchHasItsOwnFate(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 5)
	r := start(t, js, batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		results := copyAll(ctx, in)
		for i, m := range in {
			switch {
			case m.Sequence == 2 && m.Deliveries == 1:
				results[i] = streams.Result{Err: errBad}
			case m.Sequence == 3 && m.Deliveries < 4:
				results[i] = streams.Result{Err: sluice.RetryAfter(errBad, time.Millisecond)}
			case m.Sequence == 4:
				results[i].Err = sluice.Terminal(sluice.ReasonExpired, errBad)
			}
		}
		return results
	}))
	classes := map[uint64][]sluice.Class{}
	for range 4 + 5 {
		s := r.next()
		classes[s.Sequence] = append(classes[s.Sequence], s.Class)
	}
	want := map[uint64][]sluice.Class{
		1: {""}, 2: {sluice.ClassRetryable, ""}, 3: {sluice.ClassWait, sluice.ClassWait, sluice.ClassWait, ""},
		4: {sluice.ClassTerminal}, 5: {""},
	}
	for seq, w := range want {
		if !slices.Equal(classes[seq], w) {
			t.Errorf("message %d: %v, want %v", seq, classes[seq], w)
		}
	}
	if dead := letters(t, js); len(dead) != 1 || dead[0].Envelope.Sequence != 4 {
		t.Errorf("letters %+v", dead)
	}
	if n := count(t, js, streams.StreamAnswers); n != 5 {
		t.Errorf("%d outputs", n)
	}
}

func TestAPanicInABatchIsTheFaultOfOneMessage(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 20)
	r := start(t, js, batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		for _, m := range in {
			if m.Sequence == 7 {
				panic("seven")
			}
		}
		return copyAll(ctx, in)
	}))
	fates := map[sluice.Class]int{}
	for range 20 {
		fates[r.next().Class]++
	}
	dead := letters(t, js)
	if fates[""] != 19 || fates[sluice.ClassPoison] != 1 || len(dead) != 1 || dead[0].Envelope.Sequence != 7 {
		t.Errorf("fates %v, letters %+v", fates, dead)
	}
}

func TestABatchStageThatLosesCountIsNotTrusted(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 3)
	r := start(t, js, batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		if len(in) > 1 {
			return copyAll(ctx, in)[1:]
		}
		return copyAll(ctx, in)
	}))
	r.acked(3)
}

func TestAnOutputOfABatchThatCanNeverBeStoredIsOneMessagesFate(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 5)
	r := start(t, js, batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		results := copyAll(ctx, in)
		for i, m := range in {
			if m.Sequence == 3 {
				results[i].Out[0].Data = make([]byte, 2<<20)
			}
		}
		return results
	}))
	fates := map[sluice.Class]int{}
	for range 5 {
		fates[r.next().Class]++
	}
	if fates[""] != 4 || fates[sluice.ClassTerminal] != 1 || count(t, js, streams.StreamAnswers) != 4 {
		t.Errorf("fates %v", fates)
	}
}

func TestBatchesAreHandledOneAtATime(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 200)
	var inside, most atomic.Int64
	s := batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		most.Store(max(most.Load(), inside.Add(1)))
		defer inside.Add(-1)
		return copyAll(ctx, in)
	})
	r := start(t, js, s)
	r.acked(200)
	if most.Load() != 1 {
		t.Errorf("%d batches at once", most.Load())
	}
}

func TestABatchStageStopsInTimeAndGivesBackWhatItHolds(t *testing.T) {
	js := natstest.Log(t)
	ask(t, js, 20)
	began := make(chan struct{})
	var once sync.Once
	s := batchStage(func(ctx context.Context, in []streams.Message) []streams.Result {
		once.Do(func() { close(began) })
		<-ctx.Done()
		results := make([]streams.Result, len(in))
		for i := range results {
			results[i].Err = ctx.Err()
		}
		return results
	})
	r := start(t, js, s, func(c *consumers.Config) { c.Grace = time.Millisecond })
	<-began
	r.stop()
	r = start(t, js, batchStage(copyAll))
	r.acked(20)
	if len(letters(t, js)) != 0 || count(t, js, streams.StreamAnswers) != 20 {
		t.Error("something was lost or buried")
	}
}
