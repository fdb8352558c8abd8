package llm

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxEvent bounds, in bytes, one server-sent event.
const maxEvent = 4 << 20

// events reads the data of server-sent events, as the WHATWG's event streams have them: lines end with LF, CR or CRLF,
// a byte order mark may stand before the first, and comments and other fields are passed over. So are events whose data
// is blank, with which servers keep a connection alive.
type events struct {
	r     *bufio.Reader
	data  []byte
	long  []byte // a line that came in pieces
	begun bool
	// cr is set where the last line ended with CR: a LF that follows belongs to that end, and nobody waits for it.
	cr bool
}

func newEvents(r io.Reader) *events { return &events{r: bufio.NewReaderSize(r, 4096)} }

// next is the next event's data, valid until the next call. At the end of the body it is [io.EOF]; what
// stands there without the blank line that ends an event is an event still.
func (e *events) next() ([]byte, error) {
	for {
		data, err := e.event()
		if err != nil || len(bytes.TrimSpace(data)) > 0 {
			return data, err
		}
	}
}

// event is the next event's data, blank or not.
func (e *events) event() ([]byte, error) {
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

// line is the next line without its end, valid until the next call. The last one comes with io.EOF.
func (e *events) line() ([]byte, error) {
	e.long = e.long[:0]
	for {
		if _, err := e.r.Peek(1); err != nil {
			return e.first(e.long), err
		}
		here, _ := e.r.Peek(e.r.Buffered())
		if e.cr && here[0] == '\n' {
			_, _ = e.r.Discard(1)
			e.cr = false
			continue
		}
		e.cr = false
		at, ends := endOf(here)
		if !ends {
			if e.long = append(e.long, here...); len(e.long) > maxEvent {
				return nil, errAPI
			}
			_, _ = e.r.Discard(len(here))
			continue
		}
		e.cr = here[at] == '\r'
		_, _ = e.r.Discard(at + 1)
		if len(e.long) > 0 {
			return e.first(append(e.long, here[:at]...)), nil
		}
		return e.first(here[:at]), nil
	}
}

// endOf is where a line ends.
func endOf(text []byte) (at int, ends bool) {
	if at = bytes.IndexByte(text, '\n'); at >= 0 {
		text = text[:at]
	}
	if cr := bytes.IndexByte(text, '\r'); cr >= 0 {
		at = cr
	}
	return at, at >= 0
}

// first takes the byte order mark off the first line.
func (e *events) first(line []byte) []byte {
	if e.begun {
		return line
	}
	e.begun = true
	return bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
}
