package llm

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxEvent bounds, in bytes, one server-sent event.
const maxEvent = 4 << 20

// events reads the data of server-sent events. Comments and other fields are passed over; lines end with
// LF or CRLF.
type events struct {
	r    *bufio.Reader
	data []byte
}

func newEvents(r io.Reader) *events { return &events{r: bufio.NewReaderSize(r, 4096)} }

// next is the next event's data, valid until the next call. At the end of the body it is [io.EOF]; what
// stands there without the blank line that ends an event is an event still.
func (e *events) next() ([]byte, error) {
	e.data = e.data[:0]
	some := false
	for {
		line, err := e.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		end := err != nil
		field, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case string(field) == "data":
			value = bytes.TrimPrefix(value, []byte(" "))
			if some {
				e.data = append(e.data, '\n')
			}
			some = true
			if len(e.data)+len(value) > maxEvent {
				return nil, errAPI
			}
			e.data = append(e.data, value...)
		case len(line) == 0 && some:
			return e.data, nil
		}
		if end && some {
			return e.data, nil
		}
		if end {
			return nil, io.EOF
		}
	}
}

// line is the next line without its end. The last one comes with io.EOF.
func (e *events) line() ([]byte, error) {
	line, err := e.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := append([]byte(nil), line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = e.r.ReadSlice('\n')
			if long = append(long, line...); len(long) > maxEvent {
				return nil, errAPI
			}
		}
		line = long
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), err
}
