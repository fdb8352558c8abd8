package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxSpares bounds the files that are kept to be written to again. A gateway whose log keeps up needs one.
const maxSpares = 2

// spareSuffix ends the names of files whose content is nobody's.
const spareSuffix = ".spare"

// retire keeps a segment of which everything is published for later, or removes it. The first writing to a page of a
// new file costs the operating system some ten microseconds (it finds the page its place on the disk, empties it and
// notes both in the journal), which is more than all of a request's other accounting; the second costs a tenth of it.
// The caller holds mu.
func (s *Spool) retire(g *segment) error {
	path := filepath.Join(s.o.Dir, fmt.Sprintf("%016d%s", g.number, spareSuffix))
	if g.room == nil || len(s.spares) == maxSpares || os.Rename(g.path, path) != nil {
		return errors.Join(g.close(), os.Remove(g.path))
	}
	g.path = path
	s.spares = append(s.spares, g)
	return nil
}

// reuse makes a spare the segment of a number; nil where none has so many bytes. The caller holds mu.
func (s *Spool) reuse(number uint64, size int64) *segment {
	n := len(s.spares)
	if n == 0 || s.spares[n-1].size < size {
		return nil
	}
	g := s.spares[n-1]
	s.spares = s.spares[:n-1]
	path := segmentPath(s.o.Dir, number, true)
	if g.set(0, noFrame[:]) != nil || os.Rename(g.path, path) != nil {
		_ = errors.Join(g.close(), os.Remove(g.path)) // nothing is in it
		return nil
	}
	g.number, g.path, g.seal, g.written = number, path, sealOf(number), 0
	return g
}

// sealOf is what the checksums of a file that is written to again are mixed with: where a loss of power leaves the
// frames of its earlier life behind the last one of this, none of them is taken for one of this.
func sealOf(number uint64) uint32 { return uint32(number) * 0x9e3779b1 }

// removeSpares removes those of an earlier process.
func removeSpares(dir string) error {
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), spareSuffix) {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
