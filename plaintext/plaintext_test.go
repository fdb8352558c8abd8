package plaintext

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestATextIsReadHoweverItIsStored(t *testing.T) {
	const mark = "\ufeff"
	for name, c := range map[string]struct{ stored, want string }{
		"as it is":            {"a\nb", "a\nb"},
		"nothing":             {"", ""},
		"one byte":            {"\x1f", "\x1f"},
		"with a mark":         {mark + "a", "a"},
		"a mark alone":        {mark, ""},
		"zipped":              {zipped(t, "a"), "a"},
		"zipped with a mark":  {zipped(t, mark+"a"), "a"},
		"a mark further back": {"a" + mark, "a" + mark},
	} {
		r, err := Reader(strings.NewReader(c.stored))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for want, stored := range map[string]string{"UTF-16": "\xff\xfea\x00", "the file is UTF-16": "\xfe\xff\x00a", "gzip": "\x1f\x8bnonsense"} {
		if _, err := Reader(strings.NewReader(stored)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", stored, err, want)
		}
	}
}
