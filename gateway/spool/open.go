package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Open opens the spool of a directory that the caller holds, makes the first segment, and tells which
// requests were begun and never ended. The caller ends them with what they are to be settled at.
func Open(o Options) (*Spool, []Leftover, error) {
	s := &Spool{
		o: o.withDefaults(), begun: map[string]*segment{}, grown: make(chan struct{}, 1), hurried: make(chan struct{}, 1),
		idle: make(chan struct{}),
	}
	left, err := s.open()
	if err != nil {
		for _, g := range s.segments {
			_ = g.close()
		}
		return nil, nil, fmt.Errorf("spool: open %s: %w", o.Dir, err)
	}
	return s, left, nil
}

func (s *Spool) open() ([]Leftover, error) {
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := removeSpares(s.o.Dir); err != nil {
		return nil, err
	}
	found, err := findSegments(s.o.Dir)
	if err != nil {
		return nil, err
	}
	r := replay{begun: map[string]*Leftover{}, home: s.begun}
	for i := range found {
		g := &found[i]
		if g.file, err = os.OpenFile(g.path, os.O_RDWR, 0); err != nil {
			return nil, err
		}
		s.segments = append(s.segments, g)
		if err := r.read(g, s.o.Log.Warn); err != nil {
			return nil, err
		}
	}
	s.reader, s.ended = r.mark, r.unpublished()
	if len(s.segments) > 0 && s.reader.segment < s.segments[0].number {
		s.reader = position{segment: s.segments[0].number}
	}
	// A new segment, so that nothing is written behind a torn frame.
	if _, err := s.rotate(0); err != nil {
		return nil, err
	}
	if s.reader == (position{}) {
		s.reader.segment = s.segments[0].number
	}
	s.marked = s.reader
	if s.ended > 0 {
		s.grown <- struct{}{}
	}
	return r.leftovers(), nil
}

// replay is what the frames of old segments come to.
type replay struct {
	begun map[string]*Leftover
	order []string
	home  map[string]*segment
	mark  position
	ends  []position
}

// read reads one segment up to its end or to damage, which only a loss of power or of the disk can make
// anywhere but at the end of the last one.
func (r *replay) read(g *segment, warn func(string, ...any)) error {
	data, err := io.ReadAll(g.file)
	if err != nil {
		return err
	}
	g.size = int64(len(data))
	for {
		k, body, size, err := readFrame(data[g.written:], g.seal)
		if errors.Is(err, errTorn) && len(data)-int(g.written) >= frameHead {
			warn("the spool has a torn frame; what is behind it in the file is lost", "file", g.path, "offset", g.written)
		}
		if err != nil || size == 0 {
			return nil //nolint:nilerr // a torn frame ends the file
		}
		r.frame(g, k, body)
		g.written += int64(size)
	}
}

func (r *replay) frame(g *segment, k kind, body []byte) {
	if k == kindMark {
		if at, ok := cutMark(body); ok {
			r.mark = at
		}
		return
	}
	id, rest, ok := cutText(body)
	if !ok {
		return
	}
	switch k {
	case kindIntent:
		l := r.begun[id]
		if l == nil {
			l = &Leftover{ID: id}
			r.begun[id], r.home[id] = l, g
			r.order = append(r.order, id)
			g.open++
		}
		l.Intents = append(l.Intents, rest)
	case kindEnd, kindTraced:
		if r.begun[id] != nil {
			r.home[id].open--
			delete(r.begun, id)
			delete(r.home, id)
		}
		r.ends = append(r.ends, position{g.number, g.written})
	}
}

// unpublished counts the ends behind the mark.
func (r *replay) unpublished() int64 {
	n := int64(0)
	for _, e := range r.ends {
		if e.segment > r.mark.segment || e.segment == r.mark.segment && e.offset >= r.mark.offset {
			n++
		}
	}
	return n
}

func (r *replay) leftovers() []Leftover {
	var out []Leftover
	for _, id := range r.order {
		if l := r.begun[id]; l != nil {
			out = append(out, *l)
			delete(r.begun, id) // an id that was begun twice is in order twice
		}
	}
	return out
}
