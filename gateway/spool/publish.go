package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"sluice/streams"
)

// Publisher stores facts in the log; [streams.Publisher] is one.
type Publisher interface {
	Publish(ctx context.Context, msgs []streams.Message) ([]streams.Ack, error)
}

// publishBytes bounds what is read, and published, at once.
const publishBytes = 1 << 20

// Run publishes what ends, and removes files all of whose facts are published, until ctx is done. It may be
// called again. One call at a time.
func (s *Spool) Run(ctx context.Context, p Publisher) error {
	var forcing sync.WaitGroup
	defer forcing.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.o.Sync == SyncBatch {
		forcing.Go(func() { s.forceOften(ctx) })
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.grown:
		}
		if sleep(ctx, s.o.Linger) != nil {
			s.grow() // for the next Run
			return nil
		}
		if err := s.publishAll(ctx, p); err != nil {
			s.grow()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// Flush waits until everything that has ended is published; Run must be running.
func (s *Spool) Flush(ctx context.Context) error {
	for {
		s.mu.Lock()
		idle, n := s.idle, s.ended
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("%d requests' facts are not published yet; the next gateway of this directory publishes them: %w", n, context.Cause(ctx))
		}
	}
}

func (s *Spool) grow() {
	select {
	case s.grown <- struct{}{}:
	default:
	}
}

func (s *Spool) forceOften(ctx context.Context) {
	last := uint64(0)
	for sleep(ctx, s.o.SyncEvery) == nil {
		s.mu.Lock()
		frames := s.frames
		s.mu.Unlock()
		if frames == last {
			continue
		}
		if _, err := s.force(); err != nil {
			s.o.Log.Error("the spool can't be forced to the disk", "error", err)
			continue
		}
		last = frames
	}
}

// publishAll publishes until the reader is where the writer is.
func (s *Spool) publishAll(ctx context.Context, p Publisher) error {
	if err := s.publishHeld(ctx, p); err != nil {
		return err
	}
	var buf []byte
	for {
		b, err := s.read(&buf)
		if err != nil {
			return fmt.Errorf("spool: read: %w", err)
		}
		if b.next == b.from {
			return nil
		}
		if len(b.msgs) > 0 {
			if err := s.publish(ctx, p, b.msgs); err != nil {
				return err
			}
		}
		if err := s.advance(b); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
	}
}

// publish stores facts; those that the log will never take are told to operators and left out.
func (s *Spool) publish(ctx context.Context, p Publisher, msgs []streams.Message) error {
	_, err := p.Publish(ctx, msgs)
	var refused *streams.RefusedError
	if err == nil || !errors.As(err, &refused) {
		return err
	}
	for _, m := range msgs { // alone, since nothing follows a refused line of the ledger
		if _, err := p.Publish(ctx, []streams.Message{m}); errors.As(err, &refused) {
			s.o.Log.Error("the log refuses a fact; it is left out", "subject", m.Subject, "bytes", len(m.Data), "error", err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// batch is what lies between two places.
type batch struct {
	from, next position
	msgs       []streams.Message
	ends       int64
}

// read reads the next ends behind the reader. A batch whose next is its from has nothing.
func (s *Spool) read(buf *[]byte) (batch, error) {
	s.mu.Lock()
	b := batch{from: s.reader}
	g, last := s.at(b.from.segment), s.segments[len(s.segments)-1]
	end := g.written
	s.mu.Unlock()
	b.next = b.from
	if b.from.offset >= end {
		if g != last {
			b.next = position{segment: g.number + 1}
		}
		return b, nil
	}
	n := min(end-b.from.offset, publishBytes)
	for {
		if int64(cap(*buf)) < n {
			*buf = make([]byte, n)
		}
		data := (*buf)[:n]
		if _, err := g.file.ReadAt(data, b.from.offset); err != nil {
			return b, err
		}
		if err := b.take(data); err != nil {
			return b, err
		}
		if b.next != b.from || n == end-b.from.offset {
			return b, nil
		}
		n = min(2*n, end-b.from.offset) // a frame longer than the buffer
	}
}

// at finds the segment of a number, or the first one behind it. The caller holds mu.
func (s *Spool) at(number uint64) *segment {
	for _, g := range s.segments {
		if g.number >= number {
			return g
		}
	}
	return s.segments[len(s.segments)-1]
}

// take reads whole frames.
func (b *batch) take(data []byte) error {
	for len(data) > 0 {
		k, body, size, err := readFrame(data)
		if err != nil || size == 0 {
			return nil // the rest comes with the next batch
		}
		data = data[size:]
		b.next.offset += int64(size)
		if k != kindEnd {
			continue
		}
		b.ends++
		_, rest, ok := cutText(body)
		if !ok {
			return errTorn
		}
		msgs, err := cutMessages(rest)
		if err != nil {
			return err
		}
		b.msgs = append(b.msgs, msgs...)
	}
	return nil
}

// advance moves the reader, writes the mark that spares publishing again after a restart, and removes the
// files that nobody needs any more.
func (s *Spool) advance(b batch) error {
	if b.ends > 0 {
		// A mark that can't be written costs a second publishing, which changes nothing (Invariant 2).
		_, _ = s.write(appendMark(nil, b.next), 0, func(*segment) {})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reader = b.next
	s.ended -= b.ends
	if s.ended == 0 && b.ends > 0 {
		close(s.idle)
		s.idle = make(chan struct{})
	}
	return s.trim()
}

// trim removes segments from the oldest on. The caller holds mu.
func (s *Spool) trim() error {
	for len(s.segments) > 1 {
		g := s.segments[0]
		if g.open > 0 || g.number >= s.reader.segment {
			return nil
		}
		if err := errors.Join(g.file.Close(), os.Remove(g.path)); err != nil {
			return fmt.Errorf("remove a published segment: %w", err)
		}
		s.segments = s.segments[1:]
		s.dirty = without(s.dirty, g)
	}
	return nil
}

func without(list []*segment, g *segment) []*segment {
	var out []*segment
	for _, o := range list {
		if o != g {
			out = append(out, o)
		}
	}
	return out
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hold keeps facts in memory that the disk has no room for.
func (s *Spool) hold(id string, facts []streams.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.begun[id]; g != nil {
		g.open--
		delete(s.begun, id)
	}
	s.held = append(s.held, facts...)
	s.grow()
}

// publishHeld publishes what is in memory alone.
func (s *Spool) publishHeld(ctx context.Context, p Publisher) error {
	s.mu.Lock()
	held := s.held
	s.mu.Unlock()
	if len(held) == 0 {
		return nil
	}
	if err := s.publish(ctx, p, held); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = s.held[len(held):]
	return nil
}
