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
// free slot.
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
		b = append(binary.AppendUvarint(b, uint64(len(*s))), *s...)
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

// sealed fills in the head of a slot whose body is behind it.
func sealed(slot []byte) []byte {
	le.PutUint32(slot, uint32(len(slot)-slotHead))
	le.PutUint32(slot[4:], crc32.Checksum(slot[slotHead:], castagnoli))
	return slot
}

// body is what a slot holds: nothing where it is free.
func body(slot []byte) ([]byte, error) {
	n := le.Uint32(slot)
	if n == 0 {
		return nil, nil
	}
	if int(n) > len(slot)-slotHead {
		return nil, errTorn
	}
	b := slot[slotHead : slotHead+int(n)]
	if crc32.Checksum(b, castagnoli) != le.Uint32(slot[4:]) {
		return nil, errTorn
	}
	return b, nil
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
