package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/mapped"
	"sluice/streams"
)

// ledger is a log that remembers what it was given.
type ledger struct {
	mu     sync.Mutex
	got    []string
	refuse func([]streams.Message) error
}

func (l *ledger) Publish(_ context.Context, msgs []streams.Message) ([]streams.Ack, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil {
		if err := l.refuse(msgs); err != nil {
			return nil, err
		}
	}
	for _, m := range msgs {
		l.got = append(l.got, m.Subject+"="+string(m.Data))
	}
	return make([]streams.Ack, len(msgs)), nil
}

func (l *ledger) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

func fact(id string) []streams.Message {
	return []streams.Message{{Subject: "decisions.taken." + id, Data: []byte("d" + id)}, {Subject: "calls.billed.gateway." + id, Data: []byte("c" + id)}}
}

func open(t *testing.T, o Options) (*Spool, []Leftover) {
	t.Helper()
	s, left, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, left
}

// run publishes and forces until stop.
func run(t *testing.T, s *Spool, p Publisher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var forcing sync.WaitGroup
	forcing.Go(func() { s.ForceInTime(ctx) })
	go func() { done <- s.Run(ctx, p) }() // owned by stop
	return func() {
		cancel()
		forcing.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestWhatEndsIsPublishedInOrderAndItsFilesGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, left := open(t, Options{Dir: dir, SegmentBytes: 4 << 10, Linger: time.Millisecond})
	if len(left) > 0 {
		t.Fatalf("left over in a new spool: %v", left)
	}
	log := &ledger{}
	stop := run(t, s, log)
	var want []string
	pad := make([]byte, 100<<10) // a megabyte of headroom makes a segment of about ten
	for i := range 60 {
		id := fmt.Sprint(i)
		must(t, s.Begin(id, pad), s.End(id, fact(id)))
		for _, m := range fact(id) {
			want = append(want, m.Subject+"="+string(m.Data))
		}
	}
	must(t, s.Flush(t.Context()))
	stop()
	if got := log.all(); !slices.Equal(got, want) {
		t.Errorf("published %d of %d, or in another order", len(got), len(want))
	}
	numbers, err := segmentNumbers(dir)
	must(t, err)
	if len(numbers) > 2 || numbers[0] == 1 {
		t.Errorf("segments %v are left, of which all facts are published", numbers)
	}
	if st := s.Stats(); st.Open != 0 || st.Unpublished != 0 {
		t.Errorf("stats %+v", st)
	}
	must(t, s.Close())
}

func TestAKilledProcessLeavesItsIntentsAndItsFacts(t *testing.T) {
	t.Parallel()
	for _, how := range []Sync{SyncNone, SyncBatch, SyncAlways} {
		dir := t.TempDir()
		s, _ := open(t, Options{Dir: dir, Sync: how})
		must(t, s.Begin("a", []byte("a1")), s.Begin("b", []byte("b1")), s.Begin("b", []byte("b2")), s.Begin("c", []byte("c1")))
		must(t, s.End("a", fact("a")))
		// Killed: neither closed nor published.
		again, left := open(t, Options{Dir: dir, Linger: time.Millisecond})
		if len(left) != 2 || left[0].ID != "b" || left[1].ID != "c" || len(left[0].Intents) != 2 || string(left[0].Intents[1]) != "b2" {
			t.Fatalf("%s: left over %v", how, left)
		}
		log := &ledger{}
		stop := run(t, again, log)
		must(t, again.End("b", fact("b")), again.End("c", fact("c")), again.Flush(t.Context()))
		stop()
		if len(log.all()) != 6 {
			t.Errorf("%s: published %v", how, log.all())
		}
		must(t, again.Close())
		third, left := open(t, Options{Dir: dir})
		if st := third.Stats(); len(left) != 0 || st.Unpublished != 0 {
			t.Errorf("%s: settled and published, but left %v, %+v", how, left, st)
		}
		must(t, third.Close())
	}
}

func TestATornTailIsToleratedWhereverItIsTorn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := open(t, Options{Dir: dir})
	must(t, s.Begin("a", []byte("payload")), s.End("a", fact("a")), s.Begin("b", []byte("payload")))
	written := s.segments[0].written
	whole, err := os.ReadFile(s.segments[0].path)
	must(t, err, s.Close())
	for cut := range int(written) {
		for _, garbage := range []byte{0, 0xff} {
			torn := slices.Clone(whole[:written+16])
			for i := cut; i < len(torn); i++ {
				torn[i] = garbage
			}
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, filepath.Base(segmentPath("", 1))), torn, 0o600))
			sparse := Options{Dir: dir, Sync: SyncNone, SegmentBytes: 1 << 10, allocate: unmapped}
			s, left := open(t, sparse)
			if len(left) > 1 || len(left) == 1 && left[0].ID == "b" && s.Stats().Unpublished != 1 {
				t.Fatalf("cut at %d: left over %v, %+v", cut, left, s.Stats())
			}
			must(t, s.Begin("new", nil), s.Close())
			if s, left = open(t, sparse); left[len(left)-1].ID != "new" {
				t.Fatalf("cut at %d: what was written behind the tear is lost: %v", cut, left)
			}
			must(t, s.Close())
		}
	}
}

// unmapped is a file system that allocates nothing ahead.
func unmapped(f *os.File, n int64) ([]byte, error) { return nil, f.Truncate(n) }

func TestADiskThatFailsUnderAFileIsAFullOne(t *testing.T) {
	t.Parallel()
	s, _ := open(t, Options{Dir: t.TempDir()})
	must(t, s.Begin("a", []byte("before")))
	if s.segments[0].room == nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the file system maps no files, and CI's must")
		}
		t.Skip("the file system maps no files")
	}
	must(t, s.segments[0].file.Truncate(0))
	if err := s.Begin("b", []byte("after")); !errors.Is(err, ErrFull) {
		t.Errorf("writing where there is no disk: %v", err)
	}
	if err := s.End("a", fact("a")); !errors.Is(err, ErrFull) {
		t.Errorf("ending where there is no disk: %v", err)
	}
	log := &ledger{}
	must(t, s.publishHeld(t.Context(), log), s.Close())
	if len(log.all()) != 2 {
		t.Errorf("published %v, want the facts that found no disk", log.all())
	}
}

func TestNothingIsLostWhileTheLogIsAway(t *testing.T) {
	t.Parallel()
	s, _ := open(t, Options{Dir: t.TempDir(), SegmentBytes: 1 << 10, Linger: time.Millisecond})
	away := errors.New("away")
	tried := make(chan struct{}, 1)
	log := &ledger{refuse: func([]streams.Message) error {
		select {
		case tried <- struct{}{}:
		default:
		}
		return away
	}}
	must(t, s.End("0", fact("0")))
	if err := s.Run(t.Context(), log); !errors.Is(err, away) {
		t.Fatalf("run with the log away: %v", err)
	}
	<-tried
	for i := 1; i < 50; i++ {
		must(t, s.End(fmt.Sprint(i), fact(fmt.Sprint(i))))
	}
	log.refuse = nil
	stop := run(t, s, log)
	must(t, s.Flush(t.Context()))
	stop()
	if n := len(log.all()); n != 100 {
		t.Errorf("%d facts, want 100", n)
	}
	must(t, s.Close())
}

func TestAFactThatTheLogRefusesIsLeftOutAlone(t *testing.T) {
	t.Parallel()
	s, _ := open(t, Options{Dir: t.TempDir(), Linger: time.Millisecond})
	log := &ledger{refuse: func(msgs []streams.Message) error {
		for _, m := range msgs {
			if m.Subject == "decisions.taken.1" {
				return &streams.RefusedError{Subject: m.Subject, TooLarge: true, Err: errors.New("too large")}
			}
		}
		return nil
	}}
	for i := range 3 {
		must(t, s.End(fmt.Sprint(i), fact(fmt.Sprint(i))))
	}
	stop := run(t, s, log)
	must(t, s.Flush(t.Context()))
	stop()
	if n := len(log.all()); n != 5 {
		t.Errorf("published %v, want all but one", log.all())
	}
	must(t, s.Close())
}

func TestAFullDiskRefusesIntentsAndKeepsTheFactsOfWhatIsBegun(t *testing.T) {
	t.Parallel()
	full := false
	s, _ := open(t, Options{Dir: t.TempDir(), SegmentBytes: 64 << 10, Linger: time.Millisecond, allocate: func(f *os.File, n int64) ([]byte, error) {
		if full {
			return nil, syscall.ENOSPC
		}
		return mapped.Allocate(f, n)
	}})
	full = true
	begun := 0
	var err error
	for ; err == nil; begun++ {
		err = s.Begin(fmt.Sprint(begun), make([]byte, 8<<10))
	}
	begun--
	if !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) || begun == 0 {
		t.Fatalf("after %d intents: %v", begun, err)
	}
	if err := s.Room(); !errors.Is(err, ErrFull) {
		t.Errorf("the disk is full, but there is room: %v", err)
	}
	big := []streams.Message{{Subject: "big", Data: make([]byte, 300<<10)}}
	for i := range begun { // more than the headroom
		if err := s.End(fmt.Sprint(i), big); err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	log := &ledger{}
	stop := run(t, s, log)
	must(t, s.Flush(t.Context()))
	stop()
	must(t, s.publishHeld(t.Context(), log))
	if len(log.all()) != begun || s.Stats().Open != 0 {
		t.Errorf("%d facts of %d requests, %+v", len(log.all()), begun, s.Stats())
	}
	full = false
	must(t, s.Room(), s.Begin("after", nil), s.Close())
}

func TestADirectoryThatCannotBeOpenedForAMomentIsForcedLater(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "0")
	s, _ := open(t, Options{Dir: dir, Sync: SyncAlways})
	must(t, os.Rename(dir, dir+"-away"))
	if err := s.Begin("a", nil); !errors.Is(err, ErrFull) {
		t.Errorf("begun in a file whose name is not on the disk: %v", err)
	}
	if err := s.Begin("b", nil); !errors.Is(err, ErrFull) {
		t.Errorf("a second time: %v", err)
	}
	must(t, os.Rename(dir+"-away", dir), s.Begin("c", nil), s.Close())
}

func TestWhoeverWaitsForTheLogNeedNotWaitForMoreToPublish(t *testing.T) {
	t.Parallel()
	s, _ := open(t, Options{Dir: t.TempDir(), Linger: time.Hour})
	log := &ledger{}
	stop := run(t, s, log)
	must(t, s.End("a", fact("a")), s.Flush(t.Context()))
	stop()
	if n := len(log.all()); n != 2 {
		t.Errorf("%d facts are published, want 2", n)
	}
	must(t, s.Close())
}

func TestManyWhoWaitForTheDiskShareOneForce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := open(t, Options{Dir: dir, Sync: SyncAlways})
	var g sync.WaitGroup
	for i := range 64 {
		g.Go(func() {
			id := fmt.Sprint(i)
			if err := errors.Join(s.Begin(id, []byte(id)), s.End(id, fact(id))); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if s.commit.forced != 128 {
		t.Errorf("%d frames are forced, want 128", s.commit.forced)
	}
	must(t, s.Close())
}

func TestASlotBelongsToOneProcess(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	a, err := Acquire(root)
	must(t, err)
	b, err := Acquire(root)
	must(t, err)
	if a.Dir == b.Dir {
		t.Fatalf("both hold %s", a.Dir)
	}
	must(t, a.Release())
	c, err := Acquire(root)
	must(t, err)
	if c.Dir != a.Dir {
		t.Errorf("the freed %s was passed over for %s", a.Dir, c.Dir)
	}
	must(t, b.Release(), c.Release())
}

func BenchmarkBeginAndEnd(b *testing.B) {
	for _, how := range []Sync{SyncNone, SyncBatch, SyncAlways} {
		b.Run(string(how), func(b *testing.B) {
			s, _, err := Open(Options{Dir: b.TempDir(), Sync: how})
			if err != nil {
				b.Fatal(err)
			}
			payload := make([]byte, 600)
			msgs := []streams.Message{{Subject: "decisions.taken.x", Data: payload}, {Subject: "calls.billed.gateway.x", Data: payload[:300]}}
			b.ReportAllocs()
			for b.Loop() {
				if err := errors.Join(s.Begin("abcdefghijklmnopqrstuvwxyz", payload), s.End("abcdefghijklmnopqrstuvwxyz", msgs)); err != nil {
					b.Fatal(err)
				}
			}
			_ = s.Close()
		})
	}
}
