package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"sluice/mapped"
	"sluice/streams"
)

// Sync says when what was written is forced to the disk. A killed process loses nothing with any of them.
type Sync string

// The ways to sync.
const (
	// SyncNone leaves it to the operating system: a loss of power may take the last half minute.
	SyncNone Sync = "none"
	// SyncBatch forces, beside the requests, what is [Options.SyncEvery] old and not the log's yet: intents that nothing
	// has ended, and facts that it has not confirmed, or that are not booked. A loss of power may take what is younger;
	// what the log has confirmed is as safe as the log is.
	SyncBatch Sync = "batch"
	// SyncAlways lets every request wait until its own intent and end are forced; those that wait at the
	// same time share one force.
	SyncAlways Sync = "always"
)

// Options describe a spool. Dir is required; its owner is one process at a time (see [Acquire]).
type Options struct {
	Dir string
	// Sync is [SyncBatch] where empty; SyncEvery is 100 ms where 0.
	Sync      Sync
	SyncEvery time.Duration
	// SegmentBytes is the size of one file; 8 MiB where 0. Files are removed once all of theirs is published.
	SegmentBytes int64
	// Linger is how long facts are gathered before they are published together, unless somebody waits for them; 50 ms
	// where 0. Each publishing takes the processors away from requests for about a millisecond: so often, fewer than
	// one request in a hundred notices.
	Linger time.Duration
	// BeforeForget, where set, is called before published facts are forgotten; an error keeps them. Whoever
	// books what calls cost stores its books here: see [Spool.Unpublished].
	BeforeForget func(ctx context.Context) error
	// Owed, where set, says whether BeforeForget has something to store. As long as it has, the spool alone knows it.
	Owed func() bool
	// OnBroken hears of damage that publishing came to, in Run's goroutine: what is behind it waits. Damage that
	// Open finds it tells the log, and its leftovers hold what was lost.
	OnBroken func(Broken)
	// Log hears of damage and of facts that the log refuses; nil: nobody does.
	Log *slog.Logger

	allocate func(*os.File, int64) ([]byte, error) // mapped.Allocate outside of tests
	sync     func(*os.File) error                  // (*os.File).Sync outside of tests
}

// headroom is the part of a segment that ends may use and intents may not.
const headroom = 1 << 20

// ErrFull says that the disk has no room for another intent: nothing may be begun.
var ErrFull = errors.New("the spool's disk has no room")

// Leftover is a request that was begun and never ended: its process was killed.
type Leftover struct {
	ID string
	// Intents are the payloads of its Begins, in order.
	Intents [][]byte
}

// Spool is an open spool. It is safe for concurrent use.
type Spool struct {
	o Options

	mu       sync.Mutex
	segments []*segment // oldest first; the last one is written to
	begun    map[string]begun
	reader   position // everything before it is published
	marked   position // everything before it is forgotten
	ended    int64    // ends written and not yet published
	frames   uint64   // frames written, for the group commit
	dirty    []*segment
	renamed  bool      // files have been made whose names are not forced
	moments  []*moment // with SyncBatch: what may have to be forced, oldest first
	tried    uint64    // the number of the latest segment, made or not
	// held are facts that found no room on the disk: they are published from memory.
	held   []streams.Message
	closed bool
	broken int64 // parts of files that were damaged and are set aside
	// idle is closed and made anew whenever ended falls to zero.
	idle chan struct{}

	grown   chan struct{} // holds one element where the publisher has something to read
	hurried chan struct{} // holds one element where somebody waits for the publisher
	commit  commit
}

func (o Options) withDefaults() Options {
	if o.Sync == "" {
		o.Sync = SyncBatch
	}
	if o.SyncEvery <= 0 {
		o.SyncEvery = 100 * time.Millisecond
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 8 << 20
	}
	if o.Linger <= 0 {
		o.Linger = 50 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.allocate == nil {
		o.allocate = mapped.Allocate
	}
	if o.sync == nil {
		o.sync = (*os.File).Sync
	}
	return o
}

// buffers are reused between calls.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// Begin writes an intent of a request; a request may have several, one before each attempt. When it
// returns nil the intent survives the process. [ErrFull] means that the model must not be called.
func (s *Spool) Begin(id string, intent []byte) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	*buf = appendIntent((*buf)[:0], id, intent)
	frame, err := s.write(*buf, headroom, func(g *segment, now *moment) { s.noteBegun(id, g, now) })
	if err != nil {
		return fmt.Errorf("spool: begin %s: %w", id, err)
	}
	return s.settle(frame)
}

// End writes the facts that came of a request and closes its intents, if it has any. When it returns nil
// the facts survive the process and will be published; when it returns an error they will be published if the
// process lives, and otherwise the intents are settled. The messages are facts of package streams.
func (s *Spool) End(id string, facts []streams.Message) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	*buf = appendEnd((*buf)[:0], id, facts)
	frame, err := s.write(*buf, 0, func(g *segment, now *moment) {
		s.ended++
		s.noteEnded(id, now)
		if now != nil {
			now.end = position{g.number, g.written}
		}
	})
	if err != nil {
		s.hold(id, facts)
		return fmt.Errorf("spool: end %s: %w", id, err)
	}
	s.grow()
	return s.settle(frame)
}

// write appends frames, of which so much room must be left behind them, and notes them under the lock. It
// returns the number of frames written so far.
func (s *Spool) write(frames []byte, room int64, note func(*segment, *moment)) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, os.ErrClosed
	}
	g := s.segments[len(s.segments)-1]
	// The last eight bytes stay zero: they end the written part.
	if g.written+int64(len(frames))+room+frameHead > g.size {
		var err error
		if g, err = s.rotate(int64(len(frames))); err != nil {
			return 0, err
		}
	}
	if err := g.put(frames); err != nil {
		return 0, errors.Join(ErrFull, err)
	}
	g.written += int64(len(frames))
	note(g, s.moment())
	s.frames++
	return s.frames, nil
}

// rotate adds a segment with room for a frame of so many bytes. The caller holds mu.
func (s *Spool) rotate(frame int64) (*segment, error) {
	n := len(s.segments)
	if n > 0 {
		s.tried = max(s.tried, s.segments[n-1].number)
	}
	s.tried++
	g, err := newSegment(s.o.Dir, s.tried, max(s.o.SegmentBytes, frame)+headroom+frameHead, s.o.allocate)
	if err != nil {
		return nil, errors.Join(ErrFull, err)
	}
	s.renamed = true
	if n > 0 {
		s.dirty = append(s.dirty, s.segments[n-1])
	}
	s.segments = append(s.segments, g)
	return g, nil
}

// settle waits as long as the way to sync asks for.
func (s *Spool) settle(frame uint64) error {
	if s.o.Sync != SyncAlways {
		return nil
	}
	return s.commit.wait(frame, s.force)
}

// Stats is what a spool holds now.
type Stats struct {
	// Open counts the requests that are begun and not ended, Unpublished the ends that JetStream has not
	// confirmed, Bytes what the segments have on disk.
	Open, Unpublished, Bytes int64
	// Broken counts the damaged parts that were set aside, as long as nobody takes their files away.
	Broken int64
}

// Stats reads the figures.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Open: int64(len(s.begun)), Unpublished: s.ended, Broken: s.broken}
	for _, g := range s.segments {
		st.Bytes += g.size
	}
	return st
}

// Close forces and closes the files. No other call may be under way; what is unpublished stays.
func (s *Spool) Close() error {
	_, err := s.force()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	errs := []error{err}
	for _, g := range s.segments {
		errs = append(errs, g.close())
	}
	return errors.Join(errs...)
}
