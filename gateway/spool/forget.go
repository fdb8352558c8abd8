package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
)

// mark forgets what is published: it tells [Options.BeforeForget], writes down how far publishing came, so
// that a restart need not do it again, and removes the files that nobody needs any more.
func (s *Spool) mark(ctx context.Context) error {
	at := s.published()
	s.mu.Lock()
	same := at == s.marked
	s.mu.Unlock()
	if same {
		return nil
	}
	if s.o.BeforeForget != nil {
		if err := s.o.BeforeForget(ctx); err != nil {
			s.o.Log.Warn("the spool keeps what is published a little longer", "error", err)
			return nil
		}
	}
	// A mark that can't be written costs a second publishing, which changes nothing (Invariant 2).
	_, _ = s.write(appendMark(nil, at), 0, func(*segment, *moment) {})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marked = at
	return s.trim()
}

// trim removes segments from the oldest on. The caller holds mu.
func (s *Spool) trim() error {
	for len(s.segments) > 1 {
		g := s.segments[0]
		if g.open > 0 || g.number >= s.marked.segment {
			return nil
		}
		if err := errors.Join(g.close(), os.Remove(g.path)); err != nil {
			return fmt.Errorf("spool: remove a published segment: %w", err)
		}
		s.segments = s.segments[1:]
		s.dirty = slices.DeleteFunc(slices.Clone(s.dirty), func(o *segment) bool { return o == g })
	}
	return nil
}
