package producers

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

var piece = append(bytes.Repeat([]byte("a"), 4000), '\n')

// endless is text without an end; it tells how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read > 4*maxLine {
		return 0, io.EOF
	}
	n := copy(p, piece)
	e.read += n
	return n, nil
}

func TestAQuoteThatNobodyClosesDoesNotReadTheRestOfAFileIntoMemory(t *testing.T) {
	for _, begin := range []string{"metadata,problem,answer\n{},one?,1\n{},\"", "\"", "metadata,problem,answer\n{},one?,1\n" + strings.Repeat("a", 10)} {
		rest := &endless{}
		var fault error
		for _, err := range simpleQA(io.MultiReader(strings.NewReader(begin), rest), "f") {
			fault = err
		}
		quoted := strings.Contains(begin, `"`)
		if quoted && (rest.read > 2*maxLine || fault == nil || !strings.Contains(fault.Error(), "is a quote missing?")) {
			t.Errorf("%q: %d bytes read, %v", begin, rest.read, fault)
		}
		if !quoted && rest.read <= 2*maxLine {
			t.Errorf("%q: a file of many records ends after %d bytes: %v", begin, rest.read, fault)
		}
	}
}
