package producers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// maxLine bounds one line of a jsonl file, in bytes. Recorded answers make long lines; a longer one
// than this is some other kind of file.
const maxLine = 16 << 20

// line is one line of a file that holds something.
type line struct {
	number int
	data   []byte // valid until the next line is asked for
}

// lines yields the lines of r that are not blank, without "\n" or "\r\n". A line that is too long or
// not UTF-8 is a [RowError]; an error of r itself ends the iteration.
func lines(r io.Reader, file string) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		br := bufio.NewReaderSize(r, 64<<10)
		var buf []byte
		for number := 1; ; number++ {
			data, long, err := readLine(br, buf[:0])
			buf = data
			if err != nil && !errors.Is(err, io.EOF) {
				yield(line{}, fmt.Errorf("read %s:%d: %w", file, number, err))
				return
			}
			data = bytes.TrimSpace(data)
			at := line{number: number, data: data}
			var fault error
			switch {
			case long:
				fault = invalidf(file, number, "line longer than %d MiB", maxLine>>20)
			case !utf8.Valid(data):
				fault = invalidf(file, number, "not valid UTF-8")
			}
			if (fault != nil || len(data) > 0) && !yield(at, fault) {
				return
			}
			if err != nil {
				return
			}
		}
	}
}

// readLine appends the next line to buf; long says that it was cut at maxLine and the rest passed over.
func readLine(br *bufio.Reader, buf []byte) (data []byte, long bool, err error) {
	for {
		part, err := br.ReadSlice('\n')
		if len(buf)+len(part) > maxLine {
			long = true
		} else {
			buf = append(buf, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, long, err
		}
	}
}
