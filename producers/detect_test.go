package producers

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestDetect(t *testing.T) {
	for content, want := range map[string]Format{
		"metadata,problem,answer\n{},q,a\n":                         SimpleQA,
		"Answer, Problem\r\n":                                       SimpleQA,
		"\n\n" + `{"question": "q", "answer": ["a"]}` + "\n":        NQOpen,
		`{"question": "q", "gold": "g", "answer": "a", "runs": {}}`: Recorded,
		`{"query": "q", "question": "r"}`:                           Custom,
	} {
		for _, name := range []string{"f.txt", "f.gz"} {
			stored := content
			if name == "f.gz" {
				stored = gzipped(t, content)
			}
			if got, err := Detect(write(t, name, stored)); got != want || err != nil {
				t.Errorf("%s %q: %q, %v; want %q", name, content, got, err, want)
			}
		}
	}
}

func TestDetectSaysWhatItWouldTake(t *testing.T) {
	for content, want := range map[string]string{
		"":                        "is empty",
		"hello\n":                 `format not recognized from "hello"`,
		`{"prompt": 1, "uid": 2}`: "jsonl with the fields prompt, uid: sluice publish takes it with --map",
		`{"prompt": `:             "not JSON",
		"a\xff\n":                 "f:1: not valid UTF-8: want a text file, one of",
	} {
		_, err := Detect(write(t, "f", content))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
		if content != `{"prompt": ` && (err == nil || !strings.Contains(err.Error(), "simpleqa  csv with the columns")) {
			t.Errorf("%q: the error does not list the formats: %v", content, err)
		}
	}
	if _, err := Detect("no-such-file"); err == nil {
		t.Error("a missing file was detected")
	}
	if _, err := Detect(t.TempDir()); err == nil || !strings.Contains(err.Error(), "it is a directory; name a file") {
		t.Errorf("a directory: %v", err)
	}
	for _, f := range formats {
		if got, err := ParseFormat(string(f.name)); got != f.name || err != nil {
			t.Errorf("ParseFormat(%q) = %q, %v", f.name, got, err)
		}
	}
	if _, err := ParseFormat("csv"); err == nil || !strings.Contains(err.Error(), "nq ") {
		t.Errorf("ParseFormat(csv): %v", err)
	}
}

// What a pipe held is gone once its format was told: the rest of the command would find no row, and say nothing of it.
func TestAPipeIsNoDataSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	if _, err := writer.WriteString(`{"query": "q"}` + "\n"); err != nil {
		t.Fatal(err)
	}
	if format, err := Detect(path); err == nil || !strings.Contains(err.Error(), "save it as a file first") {
		t.Errorf("%q, %v: want a refusal", format, err)
	}
}
