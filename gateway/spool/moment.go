package spool

import "time"

// moment is what was written within an eighth of [Options.SyncEvery]. It needs no force once a loss of power would take
// nothing with it: what began in it has ended, and what ended in it is the log's and is booked. Most of it is forgotten
// before it ever sees the disk.
type moment struct {
	since time.Time
	// open counts requests of which an intent is in it and no end is written; end is behind its last end.
	open int
	end  position
	// must says that it has the end of a slow request, whose intent is on the disk and would be settled without it, or
	// the intent of one whose end is in memory alone.
	must bool
	// forced says that it is on the disk, or about to be, and slow that it was due then: others went along.
	forced, slow bool
}

// begun is a request without an end.
type begun struct {
	home *segment // of its first intent
	at   *moment  // of its first intent that is not forced; nil where nobody asks
	slow bool     // an intent before that one was due
}

// moment is the one to write in; nil where nobody asks when something was written. The caller holds mu.
func (s *Spool) moment() *moment {
	if s.o.Sync != SyncBatch {
		return nil
	}
	now := time.Now()
	if n := len(s.moments); n > 0 && now.Sub(s.moments[n-1].since) < s.o.SyncEvery/8 {
		return s.moments[n-1]
	}
	m := &moment{since: now}
	s.moments = append(s.moments, m)
	return m
}

// leftUnforced notes that whoever wrote the segments may have forced none of them.
func (s *Spool) leftUnforced() {
	n := len(s.segments)
	if n == 0 {
		return
	}
	s.dirty = append(s.dirty, s.segments[:n-1]...) // the last one follows with the first that is made
	if m := s.moment(); m != nil && s.ended > 0 {
		m.end = position{segment: s.segments[n-1].number + 1}
	}
}

// noteBegun notes an intent. The caller holds mu.
func (s *Spool) noteBegun(id string, g *segment, now *moment) {
	b, again := s.begun[id]
	if !again {
		b.home = g
		g.open++
	}
	if now != nil && (b.at == nil || b.at.forced) {
		b.slow = b.isSlow() && again
		b.at = now
		now.open++
	}
	s.begun[id] = b
}

// noteEnded notes that a request has ended, if it had begun; now is nil where nobody asks when, or its end is in memory
// alone: then its intent is forced, which is all that a loss of power would leave of it. The caller holds mu.
func (s *Spool) noteEnded(id string, now *moment) {
	b, ok := s.begun[id]
	if !ok {
		return
	}
	b.home.open--
	if b.at != nil {
		b.at.open--
		b.at.must = b.at.must || now == nil
	}
	if now != nil && b.isSlow() {
		now.must = true
	}
	delete(s.begun, id)
}

// isSlow says whether an intent of it was forced for its own sake, or is of an earlier process. Ends of those that only
// went along are not forced for that: there are always some, and the next force would go on for ever.
func (b begun) isSlow() bool { return b.slow || b.at == nil || b.at.slow }

// due is how long nothing need be forced: until the oldest moment that would be missed is SyncEvery old.
func (s *Spool) due(now time.Time) time.Duration {
	safe := s.published()
	owed := s.o.Owed != nil && s.o.Owed() // after it: what is published was booked before
	s.mu.Lock()
	defer s.mu.Unlock()
	if owed {
		safe = s.marked
	}
	for len(s.moments) > 0 {
		m := s.moments[0]
		if m.open > 0 || m.must || safe.before(m.end) {
			return m.since.Add(s.o.SyncEvery).Sub(now)
		}
		s.moments[0] = nil
		s.moments = s.moments[1:]
	}
	return s.o.SyncEvery
}

// forcing takes the moments that are about to be forced. The caller holds mu.
func (s *Spool) forcing() []*moment {
	taken := s.moments
	s.moments = nil
	now := time.Now()
	for _, m := range taken {
		m.forced, m.slow = true, now.Sub(m.since) >= s.o.SyncEvery
	}
	return taken
}

// unforced puts moments back whose force failed. Those in which no request is open become a part of the one before
// them, so that a disk which fails for hours gathers no more of them than there are requests. The caller holds mu.
func (s *Spool) unforced(moments []*moment) {
	kept := moments[:0]
	for _, m := range moments {
		m.forced, m.slow = false, false
		n := len(kept)
		if n == 0 || m.open > 0 {
			kept = append(kept, m)
			continue
		}
		into := kept[n-1]
		into.must = into.must || m.must
		if into.end.before(m.end) {
			into.end = m.end
		}
	}
	s.moments = append(kept, s.moments...)
}

// before says whether p is nearer to the spool's beginning.
func (p position) before(q position) bool {
	return p.segment < q.segment || p.segment == q.segment && p.offset < q.offset
}
