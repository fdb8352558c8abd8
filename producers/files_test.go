package producers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"testing"
)

// shared finds a file of the shared data folder. Where there is no such folder the test is skipped and
// says so; where the folder lacks the file the test fails in CI.
func shared(tb testing.TB, name string) string {
	tb.Helper()
	dir := filepath.Join("..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("no shared data folder at %s", dir)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("the shared data folder lacks %s", name)
		}
		tb.Skipf("the shared data folder lacks %s", name)
	}
	return path
}

// write puts content into a new file of that name.
func write(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func gzipped(tb testing.TB, content string) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// gather reads all rows, those left out, and the error that ended the reading.
func gather(rows iter.Seq2[Row, error]) (kept []Row, out []*RowError, end error) {
	for row, err := range rows {
		fault, leftOut := errors.AsType[*RowError](err)
		switch {
		case leftOut:
			out = append(out, fault)
		case err != nil:
			end = err
		default:
			kept = append(kept, row)
		}
	}
	return kept, out, end
}

// must is gather for a file without an error at its end.
func must(tb testing.TB, rows iter.Seq2[Row, error]) ([]Row, []*RowError) {
	tb.Helper()
	kept, out, end := gather(rows)
	if end != nil {
		tb.Fatal(end)
	}
	return kept, out
}
