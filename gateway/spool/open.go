package spool

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// Open opens the spool of a directory that the caller holds, makes the first segment, and tells which
// requests were begun and never ended. The caller ends them with what they are to be settled at.
func Open(o Options) (*Spool, []Leftover, error) {
	s := &Spool{
		o: o.withDefaults(), begun: map[string]begun{}, grown: make(chan struct{}, 1), hurried: make(chan struct{}, 1),
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
	r := replay{begun: map[string]*Leftover{}, home: map[string]*segment{}}
	err := r.readAll(s)
	if err != nil {
		return nil, err
	}
	for id, g := range r.home {
		s.begun[id] = begun{home: g}
		g.open++
	}
	if s.broken, err = countBroken(s.o.Dir); err != nil {
		return nil, err
	}
	s.reader, s.ended = r.mark, r.unpublished()
	if len(s.segments) > 0 && s.reader.segment < s.segments[0].number {
		s.reader = position{segment: s.segments[0].number}
	}
	s.leftUnforced()
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

// readAll reads the segments that there are, and hands them to the spool.
func (r *replay) readAll(s *Spool) error {
	numbers, err := segmentNumbers(s.o.Dir)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		f, err := os.OpenFile(segmentPath(s.o.Dir, n), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		g := &segment{number: n, path: f.Name(), file: f}
		s.segments = append(s.segments, g)
		if err := r.read(s, g); err != nil {
			return err
		}
	}
	return nil
}

// read reads one segment. Damage is stepped over: only a loss of power or of the disk can make any, but for the
// frame that a killed process was writing, behind which there is none.
func (r *replay) read(s *Spool, g *segment) error {
	data, err := io.ReadAll(g.file)
	if err != nil {
		return err
	}
	g.size = int64(len(data))
	end := int64(len(bytes.TrimRight(data, "\x00"))) // the rest was never written
	for at := int64(0); at < end; {
		k, body, size, err := readFrame(data[at:])
		if err != nil || size == 0 {
			if size, _, err = s.setAside(g, at, data[at:]); err != nil {
				return err
			}
			at += int64(size)
			continue
		}
		r.frame(g, at, k, body)
		at += int64(size)
		g.written = at
	}
	return nil
}

// frame notes what a frame at a place of a segment says.
func (r *replay) frame(g *segment, at int64, k kind, body []byte) {
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
		}
		l.Intents = append(l.Intents, rest)
	case kindEnd, kindTraced:
		delete(r.begun, id)
		delete(r.home, id)
		r.ends = append(r.ends, position{g.number, at})
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
