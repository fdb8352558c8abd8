package streams

import (
	"log/slog"
	"sync"
	"time"
)

// outagesEvery is how often an outage is told at most: it may last for hours, and comes and goes in a stream at its brim.
const outagesEvery = time.Minute

// outages tells a log of what can't be confirmed: as it begins, then each minute, and when nobody waits for it any more.
type outages struct {
	log *slog.Logger
	now func() time.Time

	mu sync.Mutex
	of map[trouble]*outage
}

// trouble is what keeps a message from being confirmed: a stream, which has no room, or whatever else; the stream is
// empty where none said so.
type trouble struct {
	stream string
	full   bool
}

// outage is how a trouble stands.
type outage struct {
	since time.Time     // when the first of those that wait came to it
	last  time.Time     // when it was last told that it is there
	told  bool          // since those that wait came to it
	waits map[*wave]int // messages
}

func newOutages(log *slog.Logger, now func() time.Time) *outages {
	return &outages{log: log, now: now, of: map[trouble]*outage{}}
}

// hear hears of a wave that was not confirmed. The first two rounds may be over in a moment, and are no outage.
func (s *outages) hear(w *wave, o Outage) {
	if o.Round < 3 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	why, now := trouble{o.Stream, o.Full}, s.now()
	at := s.of[why]
	if at == nil {
		at = &outage{waits: map[*wave]int{}}
		s.of[why] = at
	}
	if len(at.waits) == 0 {
		at.since = now
	}
	at.waits[w], w.waited = o.Unconfirmed, true
	if now.Sub(at.last) < outagesEvery {
		return
	}
	at.last, at.told = now, true
	unconfirmed := 0
	for _, n := range at.waits {
		unconfirmed += n
	}
	lasts := now.Sub(at.since).Round(time.Second)
	if o.Full {
		s.log.Warn("stream is full; publishing waits for room and loses nothing",
			"stream", o.Stream, "unconfirmed", unconfirmed, "for", lasts, "error", &FullError{Stream: o.Stream, Err: o.Err})
		return
	}
	s.log.Warn("publishing is not confirmed; trying again", "stream", o.Stream, "subject", o.Subject,
		"unconfirmed", unconfirmed, "for", lasts, "error", o.Err)
}

// leave hears that a wave is over, through or given up.
func (s *outages) leave(w *wave) {
	if !w.waited {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for why, at := range s.of {
		if _, there := at.waits[w]; !there {
			continue
		}
		delete(at.waits, w)
		if len(at.waits) > 0 {
			continue
		}
		if at.told && w.through {
			s.log.Info("publishing is confirmed again", "stream", why.stream, "after", s.now().Sub(at.since).Round(time.Second))
		}
		at.told = false
	}
}
