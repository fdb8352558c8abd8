package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/mapped"
	"sluice/streams"
)

// disk counts the forces of files, and fails them where it is told to.
type disk struct {
	forces atomic.Int64
	err    atomic.Pointer[error]
}

func (d *disk) sync(*os.File) error {
	d.forces.Add(1)
	if err := d.err.Load(); err != nil {
		return *err
	}
	return nil
}

// gated is a log that confirms once the gate is open.
type gated chan struct{}

func (g gated) Publish(ctx context.Context, msgs []streams.Message) ([]streams.Ack, error) {
	select {
	case <-g:
		return make([]streams.Ack, len(msgs)), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// forced runs a spool in a bubble of time, with a log that confirms once it is closed.
func forced(t *testing.T, happens func(s *Spool, d *disk, log gated)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d, log := &disk{}, make(gated)
		s, _ := open(t, Options{Dir: dir, sync: d.sync})
		stop := run(t, s, log)
		happens(s, d, log)
		stop()
		must(t, s.Close())
	})
}

// after lets time pass, and wants so many forces since the spool was opened.
func (d *disk) after(t *testing.T, wait time.Duration, want int64, what string) {
	t.Helper()
	<-time.After(wait)
	synctest.Wait()
	if n := d.forces.Load(); n != want {
		t.Errorf("%s: %d forces, want %d", what, n, want)
	}
}

func TestWhatTheLogConfirmsInTimeIsNotForced(t *testing.T) {
	t.Parallel()
	forced(t, func(s *Spool, d *disk, log gated) {
		close(log)
		for range 50 {
			must(t, s.Begin("a", []byte("intent")), s.End("a", fact("a")))
			<-time.After(20 * time.Millisecond)
		}
		d.after(t, 2*time.Second, 0, "a second of requests, confirmed within 50 ms each")
	})
}

func TestWhatTheLogDoesNotConfirmIsForcedInTime(t *testing.T) {
	t.Parallel()
	forced(t, func(s *Spool, d *disk, log gated) {
		<-time.After(30 * time.Millisecond)
		must(t, s.End("a", fact("a")))
		d.after(t, 99*time.Millisecond, 0, "99 ms after an end")
		d.after(t, time.Millisecond, 1, "100 ms after an end, the log away")
		d.after(t, time.Second, 1, "nothing more has ended")
		for range 60 { // of those that are not forced, the oldest is 100 ms old when the next four are forced with it
			must(t, s.End("b", fact("b")))
			<-time.After(30 * time.Millisecond)
		}
		d.after(t, time.Second, 16, "a request every 30 ms, the log away")
		close(log)
		<-time.After(time.Second)
		must(t, s.End("c", fact("c")))
		d.after(t, time.Second, 16, "the log is back")
	})
}

// Whoever publishes pauses after a log that is away: what ends meanwhile can't wait for that.
func TestWhatEndsWhileNobodyPublishesIsForcedInTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		s, _ := open(t, Options{Dir: dir, sync: d.sync})
		ctx, stop := context.WithCancel(t.Context())
		var working sync.WaitGroup
		working.Go(func() { s.ForceInTime(ctx) })
		working.Go(func() {
			for ctx.Err() == nil {
				if err := s.Run(ctx, refusing{}); err != nil {
					_ = streams.Pause(ctx, time.Second)
				}
			}
		})
		must(t, s.End("a", fact("a")))
		d.after(t, 100*time.Millisecond, 1, "100 ms after an end, the log away")
		must(t, s.End("b", fact("b")))
		d.after(t, 99*time.Millisecond, 1, "99 ms after the next one, in the publisher's pause")
		d.after(t, time.Millisecond, 2, "100 ms after it")
		stop()
		working.Wait()
		must(t, s.Close())
	})
}

// refusing is a log that is away.
type refusing struct{}

func (refusing) Publish(context.Context, []streams.Message) ([]streams.Ack, error) {
	return nil, errors.New("away")
}

func TestAnIntentThatNothingEndsIsForcedInTime(t *testing.T) {
	t.Parallel()
	forced(t, func(s *Spool, d *disk, log gated) {
		close(log)
		must(t, s.Begin("slow", []byte("first")))
		d.after(t, 50*time.Millisecond, 0, "50 ms after an intent")
		must(t, s.Begin("slow", []byte("second")), s.Begin("quick", nil), s.End("quick", fact("quick")))
		d.after(t, 49*time.Millisecond, 0, "99 ms after an intent")
		d.after(t, time.Millisecond, 1, "100 ms after an intent that nothing ended")
		d.after(t, time.Second, 1, "all its intents are forced")
		must(t, s.Begin("slow", []byte("third")))
		d.after(t, 99*time.Millisecond, 1, "99 ms after one more intent")
		d.after(t, time.Millisecond, 2, "100 ms after one more intent")
		must(t, s.Begin("slow", []byte("fourth")), s.End("slow", fact("slow")))
		d.after(t, 99*time.Millisecond, 2, "99 ms after its end")
		d.after(t, time.Millisecond, 3, "its end, which is confirmed, and without which its intents would be settled")
		must(t, s.Begin("never", nil))
		<-time.After(20 * time.Millisecond)
		must(t, s.End("never", nil))
		d.after(t, time.Second, 3, "an intent that was ended in time")
	})
}

func TestAForceBringsNoOtherAlong(t *testing.T) {
	t.Parallel()
	forced(t, func(s *Spool, d *disk, log gated) {
		close(log)
		must(t, s.Begin("slow", nil))
		for i := range 100 { // requests of 20 ms, one of which is always under way
			id := fmt.Sprint(i)
			must(t, s.Begin(id, nil))
			<-time.After(10 * time.Millisecond)
			if i > 0 {
				id = fmt.Sprint(i - 1)
				must(t, s.End(id, fact(id)))
			}
		}
		d.after(t, time.Second, 2, "a slow request, the last of the others, which has no end, and a hundred quick ones")
		must(t, s.End("slow", nil), s.End("99", nil))
	})
}

func TestWhatIsConfirmedAndNotBookedIsForced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var owed, away atomic.Bool
		store := func(context.Context) error {
			if away.Load() {
				return errors.New("away")
			}
			owed.Store(false)
			return nil
		}
		d := &disk{}
		s, _ := open(t, Options{Dir: dir, sync: d.sync, Owed: owed.Load, BeforeForget: store})
		stop := run(t, s, &ledger{})
		owed.Store(true)
		must(t, s.End("a", fact("a")))
		d.after(t, 99*time.Millisecond, 0, "99 ms after an end that is confirmed")
		d.after(t, time.Millisecond, 1, "what it cost is stored nowhere else")
		<-time.After(2820 * time.Millisecond) // at 2.92 s: published at 2.97, booked at 3 s
		owed.Store(true)
		must(t, s.End("b", fact("b")))
		d.after(t, time.Second, 1, "booked in time")
		away.Store(true)
		owed.Store(true)
		must(t, s.End("c", fact("c")))
		d.after(t, 5*time.Second, 2, "the books are away")
		away.Store(false)
		stop()
		must(t, s.Close())
	})
}

func TestAForceThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	forced(t, func(s *Spool, d *disk, _ gated) {
		failed := errors.New("a bad disk")
		d.err.Store(&failed)
		must(t, s.Begin("a", nil))
		d.after(t, 100*time.Millisecond, 1, "a force that fails")
		d.after(t, 100*time.Millisecond, 2, "once more")
		d.err.Store(nil)
		d.after(t, 100*time.Millisecond, 3, "the disk is well again")
		d.after(t, time.Second, 3, "it is forced")
		must(t, s.End("a", nil))
	})
}

func TestAForceThatFailsLeavesNoFileOut(t *testing.T) {
	t.Parallel()
	d := &disk{}
	s, _ := open(t, Options{Dir: t.TempDir(), SegmentBytes: 1, sync: d.sync})
	big := make([]byte, headroom*2/3)
	must(t, s.End("a", []streams.Message{{Subject: "a", Data: big}}), s.End("b", []streams.Message{{Subject: "b", Data: big}}))
	failed := errors.New("a bad disk")
	d.err.Store(&failed)
	if _, err := s.force(); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	d.err.Store(nil)
	if _, err := s.force(); err != nil || d.forces.Load() != 4 {
		t.Errorf("%v: %d forces, want 4: both files, twice", err, d.forces.Load())
	}
	must(t, s.Close())
}

func TestADiskThatFailsForLongGathersNothing(t *testing.T) {
	t.Parallel()
	forced(t, func(s *Spool, d *disk, _ gated) {
		failed := errors.New("a bad disk")
		d.err.Store(&failed)
		for range 1000 {
			must(t, s.Begin("a", nil), s.End("a", fact("a")))
			<-time.After(20 * time.Millisecond)
		}
		synctest.Wait() // for a force under way
		s.mu.Lock()
		n := len(s.moments)
		s.mu.Unlock()
		if n > 10 {
			t.Errorf("%d moments after 20 seconds, want those of the last tenth", n)
		}
		d.err.Store(nil)
		before := d.forces.Load()
		d.after(t, 200*time.Millisecond, before+1, "the disk is well again")
	})
}

func TestAnIntentWhoseEndFoundNoRoomIsForced(t *testing.T) {
	t.Parallel()
	made := 0
	once := func(f *os.File, n int64) ([]byte, error) {
		if made++; made > 1 {
			return nil, errors.New("no room")
		}
		return mapped.Allocate(f, n)
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		s, _ := open(t, Options{Dir: dir, SegmentBytes: 1 << 10, sync: d.sync, allocate: once})
		stop := run(t, s, make(gated))
		must(t, s.Begin("a", nil))
		if err := s.End("a", []streams.Message{{Subject: "a", Data: make([]byte, 2*headroom)}}); !errors.Is(err, ErrFull) {
			t.Error(err)
		}
		d.after(t, 100*time.Millisecond, 1, "an intent whose end is in memory alone")
		d.after(t, time.Second, 1, "it is forced")
		stop()
		must(t, s.Close())
	})
}

func TestWhatAKilledProcessLeftIsForcedUnlessItIsConfirmed(t *testing.T) {
	t.Parallel()
	for _, away := range []bool{true, false} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			killed, _ := open(t, Options{Dir: dir})
			must(t, killed.End("a", fact("a")))
			d, log := &disk{}, make(gated)
			if !away {
				close(log)
			}
			s, _ := open(t, Options{Dir: dir, sync: d.sync})
			stop := run(t, s, log)
			want := int64(0)
			if away {
				want = 2 // the file of the killed one, and its own
			}
			d.after(t, time.Second, want, "another's facts")
			stop()
			must(t, s.Close(), killed.Close())
		})
	}
}
