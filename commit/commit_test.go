package commit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/streams"
)

type forever struct{ error }

func (forever) Permanent() bool { return true }

// settle runs Settle over n messages with a store that refuses some for ever, and counts its batches.
func settle(ctx context.Context, n int, never ...int) (results []streams.Result, batches int) {
	in := make([]streams.Message, n)
	refs := make([]int, n)
	for i := range in {
		in[i], refs[i] = streams.Message{Subject: fmt.Sprintf("s.%d", i), Deliveries: 1 + i}, i
	}
	results = make([]streams.Result, n)
	Settle(ctx, in, refs, results, func(_ context.Context, refs []int) error {
		batches++
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, ref := range refs {
			if slices.Contains(never, ref) {
				return fmt.Errorf("store: %w", forever{errors.New("too long")})
			}
		}
		return nil
	})
	return results, batches
}

func TestWhatCanNeverBeStoredDiesAloneAndTheRestIsStored(t *testing.T) {
	results, batches := settle(t.Context(), 64, 3, 40)
	for i, r := range results {
		if dead := r.Err != nil && sluice.ClassOf(r.Err) == sluice.ClassTerminal; dead != (i == 3 || i == 40) {
			t.Errorf("message %d: %v", i, r.Err)
		}
	}
	if batches > 30 {
		t.Errorf("%d batches to find two of 64", batches)
	}
}

func TestAStoreThatIsAwayMakesAllWait(t *testing.T) {
	in := []streams.Message{{Deliveries: 1}, {Deliveries: 3}, {Deliveries: 1000}}
	results := make([]streams.Result, 3)
	Settle(t.Context(), in, []int{0, 1, 2}, results, func(context.Context, []int) error { return errors.New("away") })
	for i, want := range []time.Duration{250 * time.Millisecond, time.Second, 15 * time.Second} {
		if sluice.ClassOf(results[i].Err) != sluice.ClassWait || sluice.DelayOf(results[i].Err) != want {
			t.Errorf("message %d: %v after %v, want %v", i, results[i].Err, sluice.DelayOf(results[i].Err), want)
		}
	}
}

func TestAnEndedContextGivesAllBack(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, _ := settle(ctx, 3)
	for i, r := range results {
		if sluice.ClassOf(r.Err) != sluice.ClassInterrupted {
			t.Errorf("message %d: %v", i, r.Err)
		}
	}
}

func TestNothingIsNoBatch(t *testing.T) {
	if _, batches := settle(t.Context(), 0); batches != 0 {
		t.Errorf("%d batches of nothing", batches)
	}
}

func TestTablesThatTakeTooLongAreSaidToBeSlow(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	results, _ := settle(ctx, 2)
	for _, r := range results {
		if sluice.ClassOf(r.Err) != sluice.ClassWait || !errors.Is(r.Err, context.DeadlineExceeded) || !strings.Contains(r.Err.Error(), "somebody holds a lock") {
			t.Errorf("%v", r.Err)
		}
	}
}
