package inflight

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"sluice"
)

// A slot is the length of its body and the body's CRC-32C, little-endian, and the body: the fields of a line
// that are known before its call is made, texts with their length, numbers as varints. A length of zero is a
// free slot. Behind the body comes, once the call has ended, what its end made of the line, in the same manner; its
// CRC goes on from the body's, so that neither half an end nor one that another line left there is taken for this one's.
const (
	slotHead  = 8
	slotBytes = 512
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
	errTorn    = errors.New("torn")
)

// appendLine writes the body of a line.
func appendLine(b []byte, c *sluice.Call) []byte {
	for _, s := range texts(c) {
		b = appendText(b, *s)
	}
	b = binary.AppendVarint(b, int64(c.Attempt))
	b = binary.AppendVarint(b, c.StartedAt.UnixMicro())
	return binary.AppendVarint(b, int64(c.Cost))
}

// texts are a line's, in the order of the body.
func texts(c *sluice.Call) [10]*string {
	return [...]*string{
		&c.ID, &c.Stage, &c.QueryKey, &c.Tenant, &c.Pair, (*string)(&c.Arm), (*string)(&c.Tier), &c.Provider, &c.Model, &c.PriceVersion,
	}
}

// appendEnd writes what the end of a call made of its line. Of a long error as much is kept as room, in bytes, has
// place for.
func appendEnd(b []byte, c *sluice.Call, room int) []byte {
	room += len(b)
	u := c.Usage
	estimated := int64(0)
	if c.CostEstimated {
		estimated = 1
	}
	for _, n := range [...]int64{int64(c.Cost), estimated, c.LatencyMS, u.Prompt, u.Cached, u.Output, u.Thoughts} {
		b = binary.AppendVarint(b, n)
	}
	b = appendText(b, string(c.Outcome))
	return appendText(b, sluice.CleanText(c.Error, max(1, room-len(b)-binary.MaxVarintLen16)))
}

// readEnd reads what appendEnd wrote into a line; without an end it changes nothing.
func readEnd(b []byte, c *sluice.Call) (ended bool) {
	r := reader{rest: b}
	var n [7]int64
	for i := range n {
		n[i] = r.number()
	}
	outcome, failed := r.text(), r.text()
	if r.bad {
		return false
	}
	c.Cost, c.CostEstimated, c.LatencyMS = sluice.MicroUSD(n[0]), n[1] != 0, n[2]
	c.Usage = sluice.Usage{Prompt: n[3], Cached: n[4], Output: n[5], Thoughts: n[6]}
	c.Outcome, c.Error = sluice.Outcome(outcome), failed
	return true
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// sealed fills in the head of a body that is behind it. seed is the CRC of what it belongs to, 0 where it stands alone.
func sealed(b []byte, seed uint32) []byte {
	le.PutUint32(b, uint32(len(b)-slotHead))
	le.PutUint32(b[4:], crc32.Update(seed, castagnoli, b[slotHead:]))
	return b
}

// body is what is sealed at the beginning of b: nothing where that is free.
func body(b []byte, seed uint32) ([]byte, error) {
	if len(b) < slotHead || le.Uint32(b) == 0 {
		return nil, nil
	}
	n := le.Uint32(b)
	if int64(n) > int64(len(b)-slotHead) {
		return nil, errTorn
	}
	found := b[slotHead : slotHead+int(n)]
	if crc32.Update(seed, castagnoli, found) != le.Uint32(b[4:]) {
		return nil, errTorn
	}
	return found, nil
}

// readSlot reads the line that a slot holds, and whether its call had ended. A slot that is free has none.
func readSlot(slot []byte) (c sluice.Call, ended bool, err error) {
	b, err := body(slot, 0)
	if b == nil || err != nil {
		return c, false, err
	}
	if c, err = readLine(b); err != nil {
		return c, false, err
	}
	if end, err := body(slot[slotHead+len(b):], le.Uint32(slot[4:])); err == nil && end != nil {
		ended = readEnd(end, &c)
	}
	return c, ended, nil
}

// readLine reads what appendLine wrote.
func readLine(b []byte) (c sluice.Call, err error) {
	r := reader{rest: b}
	for _, s := range texts(&c) {
		*s = r.text()
	}
	c.Attempt = int(r.number())
	c.StartedAt = time.UnixMicro(r.number()).UTC()
	c.Cost = sluice.MicroUSD(r.number())
	if r.bad || c.ID == "" || c.Stage == "" {
		return c, errTorn
	}
	return c, nil
}

// reader reads a body's fields one by one.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) text() string {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > uint64(len(r.rest)-size) {
		r.rest, r.bad = nil, true
		return ""
	}
	s := string(r.rest[size : size+int(n)])
	r.rest = r.rest[size+int(n):]
	return s
}

func (r *reader) number() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.rest, r.bad = nil, true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}
