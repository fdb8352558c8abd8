package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/streams"
)

// Publisher stores facts in the log and keeps none of their memory; [streams.Publisher] is one.
type Publisher interface {
	Publish(ctx context.Context, msgs []streams.Message) ([]streams.Ack, error)
}

// markEvery is how often the spool forgets what is published; lastMark bounds the last time.
const (
	markEvery = time.Second
	lastMark  = 3 * time.Second
)

// Run publishes what ends, and removes files all of whose facts are published, until ctx is done. It may be
// called again. One call at a time. What is to be on the disk meanwhile [Spool.ForceInTime] sees to.
func (s *Spool) Run(ctx context.Context, p Publisher) error {
	err := s.publishAlways(ctx, p)
	if ctx.Err() != nil {
		err = nil
	}
	last, done := context.WithTimeout(context.WithoutCancel(ctx), lastMark)
	defer done()
	return errors.Join(err, s.mark(last))
}

func (s *Spool) publishAlways(ctx context.Context, p Publisher) error {
	marks := time.NewTicker(markEvery)
	defer marks.Stop()
	var buf scratch
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-marks.C:
			err = s.mark(ctx)
		case <-s.grown:
			if err = s.linger(ctx); err == nil {
				err = s.publishAll(ctx, p, &buf)
			}
			if err != nil {
				s.grow() // for the next Run
			}
		}
		if err != nil {
			return err
		}
	}
}

// linger waits until there is enough to be worth the log's while, or somebody waits for it.
func (s *Spool) linger(ctx context.Context) error {
	t := time.NewTimer(s.o.Linger)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.hurried:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// hurry has what is gathered published now; asked for too early, it cuts the next gathering short.
func (s *Spool) hurry() {
	select {
	case s.hurried <- struct{}{}:
	default:
	}
}

// Flush has everything that has ended published without delay, and waits for it; Run must be running.
func (s *Spool) Flush(ctx context.Context) error {
	for {
		s.mu.Lock()
		idle, n := s.idle, s.ended
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		s.hurry()
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

// ForceInTime forces what has waited long enough for the log, until ctx is done: with [SyncBatch], which promises it,
// whether or not Run is running. One call at a time.
func (s *Spool) ForceInTime(ctx context.Context) {
	if s.o.Sync != SyncBatch {
		return
	}
	for {
		wait := s.due(time.Now())
		if wait <= 0 {
			_, err := s.force()
			if err == nil {
				continue
			}
			s.o.Log.Error("the spool can't be forced to the disk", "error", err)
			wait = s.o.SyncEvery
		}
		if streams.Pause(ctx, wait) != nil {
			return
		}
	}
}

// publishAll publishes until the reader is where the writer is.
func (s *Spool) publishAll(ctx context.Context, p Publisher, buf *scratch) error {
	if err := s.publishHeld(ctx, p); err != nil {
		return err
	}
	marked := time.Now()
	for {
		b, err := s.read(s.published(), buf)
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
		s.advance(b)
		if time.Since(marked) > markEvery { // a long backlog
			if err := s.mark(ctx); err != nil {
				return err
			}
			marked = time.Now()
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

// hold keeps facts in memory that the disk has no room for.
func (s *Spool) hold(id string, facts []streams.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteEnded(id, nil)
	for _, m := range facts {
		m.Data = bytes.Clone(m.Data) // the caller's
		s.held = append(s.held, m)
	}
	s.grow()
	s.hurry() // the disk keeps none of it
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

func (s *Spool) published() position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reader
}

// advance moves the reader.
func (s *Spool) advance(b batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reader = b.next
	s.ended -= b.ends
	if s.ended == 0 && b.ends > 0 {
		close(s.idle)
		s.idle = make(chan struct{})
	}
}
