package spool

import (
	"fmt"

	"sluice/streams"
)

// readBytes bounds what is read, and published, at once.
const readBytes = 1 << 20

// batch is what lies between two places.
type batch struct {
	from, next position
	msgs       []streams.Message
	ends       int64
}

// scratch is memory that one reader uses again for every batch.
type scratch struct {
	bytes []byte
	msgs  []streams.Message
}

// Unpublished yields the facts that have ended and are not known to be published, oldest first: what an
// earlier process left. Call it before [Spool.Run]; yield must not keep a message's data.
func (s *Spool) Unpublished(yield func(streams.Message)) error {
	var buf scratch
	for at := s.published(); ; {
		b, err := s.read(at, &buf)
		if err != nil {
			return fmt.Errorf("spool: read: %w", err)
		}
		if b.next == b.from {
			return nil
		}
		for _, m := range b.msgs {
			yield(m)
		}
		at = b.next
	}
}

// read reads the next ends behind a place. A batch whose next is its from has nothing; its messages last until
// the next one is read.
func (s *Spool) read(from position, buf *scratch) (batch, error) {
	s.mu.Lock()
	b := batch{from: from, next: from, msgs: buf.msgs[:0]}
	defer func() { buf.msgs = b.msgs }()
	g, last := s.at(from.segment), s.segments[len(s.segments)-1]
	end := g.written
	s.mu.Unlock()
	if from.offset >= end {
		if g != last {
			b.next = position{segment: g.number + 1}
		}
		return b, nil
	}
	n := min(end-from.offset, readBytes)
	for {
		if int64(cap(buf.bytes)) < n {
			buf.bytes = make([]byte, n)
		}
		data := buf.bytes[:n]
		if _, err := g.file.ReadAt(data, from.offset); err != nil {
			return b, err
		}
		if err := b.take(data); err != nil {
			return b, err
		}
		if b.next != from {
			return b, nil
		}
		if n == end-from.offset { // what is written begins with no frame
			size, ends, err := s.skip(g, from.offset, data)
			b.next.offset, b.ends = b.next.offset+int64(size), ends
			return b, err
		}
		n = min(2*n, end-from.offset) // a frame longer than the buffer
	}
}

// at finds the segment of a number, or the first one behind it. The caller holds mu.
func (s *Spool) at(number uint64) *segment {
	for _, g := range s.segments {
		if g.number >= number {
			return g
		}
	}
	return s.segments[len(s.segments)-1]
}

// take reads whole frames.
func (b *batch) take(data []byte) error {
	for len(data) > 0 {
		k, body, size, err := readFrame(data)
		if err != nil || size == 0 {
			return nil //nolint:nilerr // the rest comes with the next batch
		}
		data = data[size:]
		b.next.offset += int64(size)
		if k != kindEnd && k != kindTraced {
			continue
		}
		b.ends++
		rest, ok := skipText(body)
		trace := ""
		if ok && k == kindTraced {
			trace, rest, ok = cutText(rest)
		}
		if !ok {
			return errTorn
		}
		before := len(b.msgs)
		if b.msgs, err = appendMessages(b.msgs, rest); err != nil {
			return err
		}
		for i := before; i < len(b.msgs); i++ {
			b.msgs[i] = b.msgs[i].Continue(trace)
		}
	}
	return nil
}
