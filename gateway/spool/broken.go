package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// brokenSuffix is that of what was damaged and is kept for a person to look at.
const brokenSuffix = ".broken"

// Broken is a part of a file that was damaged: bits rotted, or a loss of power took a page of it.
type Broken struct {
	File   string
	Offset int64
	Bytes  int
	// Kept is the file that holds what stood there.
	Kept string
	// Lost are requests whose facts were in it, with their intents: the caller ends them with what they are to be
	// settled at.
	Lost []Leftover
}

// nextFrame is where the next whole frame begins behind a broken one; the length of b where there is none.
func nextFrame(b []byte) int {
	if len(b) >= frameHead { // the length may well be what it was
		if n := int64(le.Uint32(b)) + frameHead; n < int64(len(b)) && isFrame(b[n:]) {
			return int(n)
		}
	}
	for n := 1; n < len(b); n++ {
		if isFrame(b[n:]) {
			return n
		}
	}
	return len(b)
}

func isFrame(b []byte) bool {
	if len(b) <= frameHead || bytes.IndexByte([]byte{byte(kindIntent), byte(kindEnd), byte(kindTraced), byte(kindMark)}, b[frameHead]) < 0 {
		return false // most of what is none, for less than a checksum
	}
	_, _, size, err := readFrame(b)
	return err == nil && size > 0
}

// setAside keeps a copy of the broken frame that a part of a file begins with, and says how long it is. It is told
// of once, however often it is read.
func (s *Spool) setAside(g *segment, at int64, part []byte) (size int, told *Broken, err error) {
	size = nextFrame(part)
	part = bytes.TrimRight(part[:size], "\x00") // which may never have been written
	b := Broken{File: g.path, Offset: at, Bytes: len(part), Kept: fmt.Sprintf("%s.%d%s", g.path, at, brokenSuffix)}
	f, err := os.OpenFile(b.Kept, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return size, nil, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("%s is damaged at %d, and the damage can't be set aside: %w", g.path, at, err)
	}
	_, err = f.Write(part)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, nil, fmt.Errorf("%s is damaged at %d, and the damage can't be set aside: %w", g.path, at, errors.Join(err, os.Remove(b.Kept)))
	}
	s.mu.Lock()
	s.broken++
	s.mu.Unlock()
	s.o.Log.Error("the spool is damaged; the broken part is set aside, and what follows it is published", "file", b.File, "offset", at, "bytes", b.Bytes, "kept", b.Kept)
	return size, &b, nil
}

// skip steps over a broken frame that publishing came to, and tells of what was lost with it.
func (s *Spool) skip(g *segment, at int64, part []byte) (size int, ends int64, _ error) {
	size, b, err := s.setAside(g, at, part)
	if err != nil || b == nil {
		return size, 0, err
	}
	if b.Lost, ends, err = s.lost(position{g.number, at}); err != nil {
		return 0, 0, errors.Join(err, os.Remove(b.Kept)) // told of at the next try
	}
	if s.o.OnBroken != nil {
		s.o.OnBroken(*b)
	}
	return size, ends, nil
}

// lost lists the requests of which there are intents and no end, though they ended, and counts the ends behind what
// is published that can't be read any more.
func (s *Spool) lost(published position) (_ []Leftover, ends int64, _ error) {
	r := replay{begun: map[string]*Leftover{}, home: map[string]*segment{}, mark: published}
	s.mu.Lock()
	segments := append([]*segment(nil), s.segments...)
	ends = s.ended
	sizes := make([]int64, len(segments))
	for i, g := range segments {
		sizes[i] = g.written
	}
	open := make(map[string]bool, len(s.begun))
	for id := range s.begun {
		open[id] = true
	}
	s.mu.Unlock()
	for i, g := range segments {
		data := make([]byte, sizes[i])
		if _, err := g.file.ReadAt(data, 0); err != nil {
			return nil, 0, err
		}
		for at := 0; at < len(data); {
			k, body, size, err := readFrame(data[at:])
			if err != nil || size == 0 {
				at += nextFrame(data[at:])
				continue
			}
			if k != kindMark {
				r.frame(g, int64(at), k, body)
			}
			at += size
		}
	}
	for id := range open {
		delete(r.begun, id)
	}
	return r.leftovers(), ends - r.unpublished(), nil
}

// countBroken counts what earlier owners of a directory set aside and nobody has taken away.
func countBroken(dir string) (int64, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+brokenSuffix))
	return int64(len(names)), err
}
