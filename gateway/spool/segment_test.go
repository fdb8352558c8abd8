package spool

import (
	"bytes"
	"os"
	"testing"

	"sluice/mapped"
)

func TestPagesAreMadeReadyBeforeWhatIsWrittenAndNeverOverIt(t *testing.T) {
	t.Parallel()
	g, err := newSegment(t.TempDir(), 1, 3*int64(len(zeros)), mapped.Allocate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.close() })
	var want []byte
	for i := range byte(5) { // each but the first begins in what is ready, and some end behind it
		frames := bytes.Repeat([]byte{'a' + i}, len(zeros)/2+7)
		if err := g.put(frames); err != nil {
			t.Fatal(err)
		}
		g.written += int64(len(frames))
		want = append(want, frames...)
		if g.room != nil && (g.ready < g.written || g.ready > g.size) {
			t.Fatalf("%d bytes are written, %d of %d are ready", g.written, g.ready, g.size)
		}
	}
	data, err := os.ReadFile(g.path)
	if err != nil || int64(len(data)) != g.size || !bytes.Equal(data[:len(want)], want) || len(bytes.Trim(data[len(want):], "\x00")) > 0 {
		t.Errorf("the file has not what was written, and nothing behind it (%v)", err)
	}
}

func TestAFileThatTakesNoPagesTakesNoFrame(t *testing.T) {
	t.Parallel()
	g, err := newSegment(t.TempDir(), 1, 2*int64(len(zeros)), mapped.Allocate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.close() })
	if err := g.put([]byte("first")); err != nil {
		t.Fatal(err)
	}
	g.written = int64(len(zeros))
	_ = g.file.Close() // as a disk that fails
	if err := g.put([]byte("second")); err == nil {
		t.Error("a frame is taken that no page was there for")
	}
}
