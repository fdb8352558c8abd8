//go:build weights

package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestGemma3Tokenizer needs SLUICE_GEMMA_TOKENIZER, the path of Gemma 3's tokenizer.json, gzipped or not.
func TestGemma3Tokenizer(t *testing.T) {
	data, err := os.ReadFile(os.Getenv("SLUICE_GEMMA_TOKENIZER"))
	if err != nil {
		t.Fatalf("set SLUICE_GEMMA_TOKENIZER to Gemma 3's tokenizer.json: %v", err)
	}
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		if data, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	tok, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d tokens read in %v", tok.Size(), time.Since(begin))
	known, err := os.ReadFile("testdata/gemma3.encodings.json")
	if err != nil {
		t.Fatal(err)
	}
	var encodings []encoding
	if err := json.Unmarshal(known, &encodings); err != nil {
		t.Fatal(err)
	}
	for _, e := range encodings {
		if got := tok.EncodeTemplate(e.Text); !slices.Equal(got, e.IDs) {
			t.Errorf("%q\n gives %v\n known %v", e.Text, got, e.IDs)
		}
		if got := tok.Decode(tok.Encode(e.Text)); got != strings.ReplaceAll(e.Text, spaceMark, " ") {
			t.Errorf("%q came back as %q", e.Text, got)
		}
	}
}
