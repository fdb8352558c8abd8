package chaos

import (
	"context"
	"testing"
	"time"

	emu "sluice/llm/emulator"
	"sluice/streams"
)

// Four answer processes share the work by themselves: four times the queries take about the time that one
// process takes for its share, and no question is asked twice. (How close to four times is measured by
// `sluice bench answer`; here other tests may have the cores.)
func TestFourAnswerProcessesShareTheWork(t *testing.T) {
	quick(t)
	const (
		latency     = 400 * time.Millisecond
		concurrency = 8
		waves       = 6
	)
	r := startRig(t, shape{
		nodes: 1, concurrency: concurrency, copies: map[string]int{"answer": 4},
		emulator: []string{"--latency", latency.String()}, idle: true,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	asked := 0
	perSecond := func(copies int) float64 {
		more := copies * concurrency * waves
		var running []*worker
		for _, w := range r.workers {
			if w.stage == "answer" && len(running) < copies {
				w.start(t)
				running = append(running, w)
			}
		}
		for _, w := range running { // how long a busy machine takes to start them is not measured
			if err := w.child.WaitFor(ctx, "consuming"); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for range more {
			if err := r.publish(ctx, asked); err != nil {
				t.Fatal(err)
			}
			asked++
		}
		r.stored(ctx, streams.StreamAnswers, 2*asked)
		took := time.Since(began)
		for _, w := range running {
			if err := w.child.Stop(); err != nil {
				t.Error(err)
			}
		}
		return float64(more) / took.Seconds()
	}
	r.workers[0].start(t) // intake
	one, four := perSecond(1), perSecond(4)
	t.Logf("one process %.1f queries/s, four %.1f: %.2f times as many", one, four, four/one)
	if four < 2.5*one {
		t.Errorf("four processes are %.2f times as fast as one", four/one)
	}
	if got := r.emulator.books(t, emu.KindAnswer).Successes; got != int64(2*asked) {
		t.Errorf("%d answers were bought for %d queries", got, asked)
	}
}

// accepted has n queries published and accepted.
func (r *rig) accepted(ctx context.Context, n int) {
	r.t.Helper()
	r.workers[0].start(r.t) // intake
	for i := range n {
		if err := r.publish(ctx, i); err != nil {
			r.t.Fatal(err)
		}
	}
	r.stored(ctx, streams.StreamAccepted, n)
}

// stored waits until a stream has taken n messages.
func (r *rig) stored(ctx context.Context, stream string, n int) {
	r.t.Helper()
	for {
		s, err := r.js.Stream(ctx, stream)
		if err != nil {
			r.t.Fatal(err)
		}
		if s.CachedInfo().State.LastSeq >= uint64(n) {
			return
		}
		r.after(ctx, 10*time.Millisecond)
	}
}
