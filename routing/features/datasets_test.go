package features

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// dataset opens a file of the data sets beside the project. Where there are none the test is skipped; where
// the folder is there and the file is not, that is a fault in CI.
func dataset(t *testing.T, name string) io.Reader {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("no data sets: ../shared/data is not there")
	}
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestFactualQuestionsAreHardlyTakenForMathematics(t *testing.T) {
	rows, err := csv.NewReader(dataset(t, "simple_qa_test_set.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column, found := slices.Index(rows[0], "problem"), 0
	for _, row := range rows[1:] {
		if Of(row[column]).HasMath() {
			found++
		}
	}
	t.Logf("%d of %d", found, len(rows)-1)
	if len(rows) < 4000 || found > 20 {
		t.Fatalf("%d of %d questions of SimpleQA hold mathematics, want 20 at most", found, len(rows)-1)
	}
}

func TestProblemsInWordsAreMostlyTakenForMathematics(t *testing.T) {
	unzipped, err := gzip.NewReader(dataset(t, "routellm_gsm8k.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	all, found := 0, 0
	for lines := bufio.NewScanner(unzipped); lines.Scan(); all++ {
		var row struct{ Prompt string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if Of(row.Prompt).HasMath() {
			found++
		}
	}
	t.Logf("%d of %d", found, all)
	if all < 1000 || found < all*8/10 {
		t.Fatalf("%d of %d problems of GSM8K hold mathematics, want four fifths", found, all)
	}
}
