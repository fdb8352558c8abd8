package spool

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// suffix ends the names of files, again those of files that are written to again.
const suffix, again = ".spool", ".again.spool"

// segment is one file of the spool. Its room is allocated when it is made, so that what was begun can
// be ended on a full disk.
type segment struct {
	number uint64
	path   string
	file   *os.File
	size   int64 // allocated
	// seal is mixed into the checksums of a file that is written to again; 0 in others.
	seal uint32
	// room is the file in memory; nil where it can't be, and where nothing more is written.
	room []byte
	// written is where the next frame goes. open counts the requests whose first intent is here and that
	// have no end yet. Both are guarded by Spool.mu.
	written int64
	open    int
}

func segmentPath(dir string, number uint64, reused bool) string {
	if reused {
		return filepath.Join(dir, fmt.Sprintf("%016d%s", number, again))
	}
	return filepath.Join(dir, fmt.Sprintf("%016d%s", number, suffix))
}

// findSegments lists the segments of a directory, oldest first. No file is opened.
func findSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []segment
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		name, reused := strings.CutSuffix(name, strings.TrimSuffix(again, suffix))
		n, err := strconv.ParseUint(name, 10, 64)
		if !ok || err != nil {
			continue
		}
		g := segment{number: n, path: filepath.Join(dir, e.Name())}
		if reused {
			g.seal = sealOf(n)
		}
		found = append(found, g)
	}
	slices.SortFunc(found, func(a, b segment) int { return cmp.Compare(a.number, b.number) })
	return found, nil
}

// newSegment makes a segment of so many bytes. A disk without room for it leaves nothing behind.
func newSegment(dir string, number uint64, size int64, allocate func(*os.File, int64) ([]byte, error)) (*segment, error) {
	path := segmentPath(dir, number, false)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	room, err := allocate(f, size)
	if err != nil {
		_ = f.Close()
		_ = os.Remove(path)
		return nil, err
	}
	return &segment{number: number, path: path, file: f, size: size, room: room}, nil
}

// put writes a frame behind what is written.
func (g *segment) put(frame []byte) error {
	if g.room == nil {
		_, err := g.file.WriteAt(frame, g.written)
		return err
	}
	if g.seal != 0 {
		mix(frame, g.seal)
		// First of all, so that at no instant a frame of the file's earlier life follows.
		if err := g.set(g.written+int64(len(frame)), noFrame[:]); err != nil {
			return err
		}
	}
	return g.set(g.written, frame)
}

// noFrame is where the written part ends.
var noFrame [frameHead]byte

// set copies into the file's room. A disk that can't take a page, though it was allocated, faults.
func (g *segment) set(at int64, b []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			err = errFault
		}
	}()
	copy(g.room[at:g.size], b)
	return nil
}

var errFault = errors.New("the disk failed under a file of the spool")

func (g *segment) close() error {
	room := g.room
	g.room = nil
	return errors.Join(unmap(room), g.file.Close())
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
