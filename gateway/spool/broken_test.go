package spool

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/streams"
)

// rot flips all bits of one byte of a segment's file.
func rot(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(t, err)
	_, err = f.WriteAt([]byte{^b[0]}, at)
	must(t, err, f.Close())
}

// Wherever a byte of a file rots, whether it is found while publishing or at the next start: the other requests' facts
// are published, and every request is published, settled or, where its only trace rotted, set aside.
func TestDamageInTheMiddleOfAFileStopsNothing(t *testing.T) {
	t.Parallel()
	for _, live := range []bool{true, false} {
		for at := int64(0); ; at += 7 {
			dir := t.TempDir()
			var log bytes.Buffer
			var told []Broken
			o := Options{Dir: dir, Sync: SyncNone, SegmentBytes: 1 << 10, Linger: time.Microsecond, Log: slog.New(slog.NewTextHandler(&log, nil)), allocate: unmapped}
			o.OnBroken = func(b Broken) { told = append(told, b) }
			s, _ := open(t, o)
			must(t, s.Begin("a", []byte("a1")), s.Begin("b", []byte("b1")), s.End("a", fact("a")), s.End("b", fact("b")), s.Begin("c", []byte("c1")))
			must(t, s.Begin("d", []byte("d1")), s.End("d", fact("d")))
			path, written := s.segments[0].path, s.segments[0].written
			if at >= written {
				must(t, s.Close())
				break
			}
			rot(t, path, at)
			var left []Leftover
			if !live {
				must(t, s.Close())
				s, left = open(t, o)
			}
			ledger := &ledger{}
			stop := run(t, s, ledger)
			must(t, s.Flush(t.Context()))
			stop()
			for _, b := range told {
				left = append(left, b.Lost...)
			}
			check(t, fmt.Sprintf("byte %d, live %t", at, live), live, ledger.all(), left)
			kept, err := filepath.Glob(filepath.Join(dir, "*"+brokenSuffix))
			must(t, err)
			if len(kept) != 1 || s.Stats().Broken != 1 || strings.Count(log.String(), "damaged") != 1 || !strings.Contains(log.String(), filepath.Base(path)) || live != (len(told) == 1) {
				t.Fatalf("byte %d, live %t: kept %v, %+v, told %+v, log %s", at, live, kept, s.Stats(), told, log.String())
			}
			must(t, s.Close())
			if s, _ = open(t, o); s.Stats().Broken != 1 {
				t.Fatalf("byte %d: the next start says %+v", at, s.Stats())
			}
			must(t, s.Close())
		}
	}
}

// check says whether a and b and d are each published whole or left to be settled, and no more than one of them is left
// beside c, whose gateway was killed.
func check(t *testing.T, what string, live bool, got []string, left []Leftover) {
	t.Helper()
	missing := 0
	for _, id := range []string{"a", "b", "d"} {
		published := 0
		for _, m := range fact(id) {
			if slices.Contains(got, m.Subject+"="+string(m.Data)) {
				published++
			}
		}
		lost := slices.ContainsFunc(left, func(l Leftover) bool { return l.ID == id && len(l.Intents) == 1 })
		if published != 2 {
			missing++
		}
		if (published == 2) == lost || published == 1 {
			t.Fatalf("%s: of %s %d facts are published, and it is left over: %t", what, id, published, lost)
		}
	}
	c := slices.ContainsFunc(left, func(l Leftover) bool { return l.ID == "c" })
	if missing > 1 || live && c {
		t.Fatalf("%s: published %v, left over %v", what, got, left)
	}
}

func TestAHoleThatALossOfPowerLeavesIsSteppedOver(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), Sync: SyncNone}
	s, _ := open(t, o)
	must(t, s.Begin("a", []byte("a1")))
	from := s.segments[0].written
	must(t, s.End("a", fact("a")))
	to := s.segments[0].written
	must(t, s.Begin("b", []byte("b1")), s.End("b", []streams.Message{{Subject: "s", Data: []byte("d")}}), s.Close())
	f, err := os.OpenFile(segmentPath(o.Dir, 1), os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, to-from), from)
	must(t, err, f.Close())
	s, left := open(t, o)
	if len(left) != 1 || left[0].ID != "a" || s.Stats().Unpublished != 1 || s.Stats().Broken != 1 {
		t.Errorf("left over %v, %+v", left, s.Stats())
	}
	must(t, s.Close())
}
