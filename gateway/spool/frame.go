package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"sluice/streams"
)

// kind is what a frame holds.
type kind byte

const (
	kindIntent kind = 'i' // id, payload
	kindEnd    kind = 'e' // id, messages
	kindTraced kind = 't' // an end in a trace: id, traceparent, messages
	kindMark   kind = 'm' // segment, offset: everything before it is published
)

// A frame is its length (of kind and body), the CRC-32C of both, the kind and the body, little-endian. A
// length of zero is where a segment's written part ends.
const (
	frameHead = 8
	// maxFrame bounds what a length is believed: a longer one is damage.
	maxFrame = 64 << 20
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
	errTorn    = errors.New("the frame is torn")
)

// openFrame begins a frame at the end of b; closeFrame fills in its head.
func openFrame(b []byte, k kind) []byte {
	return append(append(b, make([]byte, frameHead)...), byte(k))
}

// closeFrame completes the frame that begins at start.
func closeFrame(b []byte, start int) {
	body := b[start+frameHead:]
	le.PutUint32(b[start:], uint32(len(body)))
	le.PutUint32(b[start+4:], crc32.Checksum(body, castagnoli))
}

// readFrame reads the frame that b begins with, and its whole size; errTorn where b ends within it or it is
// damaged. A size of 0 is the end of the written part.
func readFrame(b []byte) (k kind, body []byte, size int, err error) {
	if len(b) < frameHead {
		return 0, nil, 0, errTorn
	}
	n := int(le.Uint32(b))
	if n == 0 {
		return 0, nil, 0, nil
	}
	if n > maxFrame || n > len(b)-frameHead {
		return 0, nil, 0, errTorn
	}
	inner := b[frameHead : frameHead+n]
	if crc32.Checksum(inner, castagnoli) != le.Uint32(b[4:]) {
		return 0, nil, 0, errTorn
	}
	return kind(inner[0]), inner[1:], frameHead + n, nil
}

func appendText(b []byte, s string) []byte {
	return append(le.AppendUint16(b, uint16(len(s))), s...)
}

// cutText takes a text of appendText off b; nil rest with ok false where b is too short.
func cutText(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 2 || len(b)-2 < int(le.Uint16(b)) {
		return "", nil, false
	}
	n := 2 + int(le.Uint16(b))
	return string(b[2:n]), b[n:], true
}

func appendIntent(b []byte, id string, payload []byte) []byte {
	start := len(b)
	b = append(appendText(openFrame(b, kindIntent), id), payload...)
	closeFrame(b, start)
	return b
}

func appendEnd(b []byte, id string, msgs []streams.Message) []byte {
	start := len(b)
	if trace := traceOf(msgs); trace != "" {
		b = appendText(appendText(openFrame(b, kindTraced), id), trace)
	} else {
		b = appendText(openFrame(b, kindEnd), id)
	}
	for _, m := range msgs {
		b = appendText(b, m.Subject)
		b = append(le.AppendUint32(b, uint32(len(m.Data))), m.Data...)
	}
	closeFrame(b, start)
	return b
}

// traceOf is the trace that the facts of a request are in; empty for none.
func traceOf(msgs []streams.Message) string {
	if len(msgs) == 0 {
		return ""
	}
	return msgs[0].Header[streams.HeaderTraceParent]
}

func appendMark(b []byte, at position) []byte {
	start := len(b)
	b = le.AppendUint64(le.AppendUint64(openFrame(b, kindMark), at.segment), uint64(at.offset))
	closeFrame(b, start)
	return b
}

// skipText steps over a text of appendText; ok is false where b is too short.
func skipText(b []byte) (rest []byte, ok bool) {
	if len(b) < 2 || len(b)-2 < int(le.Uint16(b)) {
		return nil, false
	}
	return b[2+int(le.Uint16(b)):], true
}

// appendMessages reads the facts of an end. They are facts of the log: the subject is the id. Their data is
// that of b.
func appendMessages(msgs []streams.Message, b []byte) ([]streams.Message, error) {
	for len(b) > 0 {
		subject, rest, ok := cutText(b)
		if !ok || len(rest) < 4 || len(rest)-4 < int(le.Uint32(rest)) {
			return msgs, errTorn
		}
		n := 4 + int(le.Uint32(rest))
		msgs = append(msgs, streams.Message{Subject: subject, ID: subject, ContentType: streams.MsgPack, Data: rest[4:n:n]})
		b = rest[n:]
	}
	return msgs, nil
}

// position is a place in the spool.
type position struct {
	segment uint64
	offset  int64
}

func cutMark(b []byte) (position, bool) {
	if len(b) != 16 {
		return position{}, false
	}
	return position{segment: le.Uint64(b), offset: int64(le.Uint64(b[8:]))}, true
}
