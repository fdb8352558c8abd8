package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sluice/mapped"
)

const suffix = ".spool"

// segment is one file of the spool. Its room is allocated when it is made, so that what was begun can
// be ended on a full disk.
type segment struct {
	number uint64
	path   string
	file   *os.File
	size   int64 // allocated
	// room is the file in memory; nil where it can't be, and where nothing more is written. ready is how much of it
	// has pages.
	room  []byte
	ready int64
	// written is where the next frame goes. open counts the requests whose first intent is here and that
	// have no end yet. Both are guarded by Spool.mu.
	written int64
	open    int
}

func segmentPath(dir string, number uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016d%s", number, suffix))
}

// segmentNumbers lists the segments of a directory, oldest first.
func segmentNumbers(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if n, err := strconv.ParseUint(name, 10, 64); ok && err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// newSegment makes a segment of so many bytes. A disk without room for it leaves nothing behind.
func newSegment(dir string, number uint64, size int64, allocate func(*os.File, int64) ([]byte, error)) (*segment, error) {
	path := segmentPath(dir, number)
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

// put writes frames behind what is written.
func (g *segment) put(frames []byte) (err error) {
	if g.room == nil {
		_, err = g.file.WriteAt(frames, g.written)
		return err
	}
	if err := g.prepare(g.written + int64(len(frames))); err != nil {
		return err
	}
	return mapped.Copy(g.room[g.written:g.size], frames)
}

// prepare gives a file pages up to end. Those of one write are found their places together, and come into memory
// together: to touch them one by one costs four times as much.
func (g *segment) prepare(end int64) error {
	for g.ready < end {
		n := min(int64(len(zeros)), g.size-g.ready)
		if _, err := g.file.WriteAt(zeros[:n], g.ready); err != nil {
			return err
		}
		g.ready += n
	}
	return nil
}

// zeros are what is there already: pages of a file that were allocated and never written.
var zeros [256 << 10]byte

func (g *segment) close() error {
	room := g.room
	g.room = nil
	return errors.Join(mapped.Release(room), g.file.Close())
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
