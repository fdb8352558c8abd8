package gguf

import (
	"encoding/binary"
	"math"

	"sluice/gemma/safetensors"
)

// Kind is a tensor type, numbered as in the format.
type Kind uint32

// The kinds that can be read.
const (
	F32  Kind = 0
	F16  Kind = 1
	Q4_0 Kind = 2
	Q4_1 Kind = 3
	Q5_0 Kind = 6
	Q5_1 Kind = 7
	Q8_0 Kind = 8
	Q4_K Kind = 12
	Q5_K Kind = 13
	Q6_K Kind = 14
	BF16 Kind = 30
)

// layout is the shape of a block and how it unpacks.
type layout struct {
	values, bytes int
	unpack        func(to []float32, block []byte)
}

var kinds = map[Kind]layout{
	F32: {1, 4, func(to []float32, b []byte) { to[0] = math.Float32frombits(binary.LittleEndian.Uint32(b)) }},
	F16: {1, 2, func(to []float32, b []byte) { to[0] = half(b) }},
	BF16: {1, 2, func(to []float32, b []byte) {
		to[0] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	}},
	Q4_0: {32, 18, func(to []float32, b []byte) { nibbles(to, b[2:], 0, half(b), -8) }},
	Q4_1: {32, 20, func(to []float32, b []byte) { offset(to, b[4:], 0, half(b), half(b[2:])) }},
	Q5_0: {32, 22, func(to []float32, b []byte) { nibbles(to, b[6:], binary.LittleEndian.Uint32(b[2:]), half(b), -16) }},
	Q5_1: {32, 24, func(to []float32, b []byte) {
		offset(to, b[8:], binary.LittleEndian.Uint32(b[4:]), half(b), half(b[2:]))
	}},
	Q8_0: {32, 34, q8},
	Q4_K: {256, 144, func(to []float32, b []byte) { superblock(to, b, nil, b[16:]) }},
	Q5_K: {256, 176, func(to []float32, b []byte) { superblock(to, b, b[16:48], b[48:]) }},
	Q6_K: {256, 210, q6k},
}

func half(b []byte) float32 { return safetensors.Half(binary.LittleEndian.Uint16(b)) }

func q8(to []float32, b []byte) {
	d := half(b)
	for i := range to {
		to[i] = d * float32(int8(b[2+i]))
	}
}

// nibbles unpacks 32 values of 4 bits, and a fifth from high: low halves first, then high halves, around zero.
func nibbles(to []float32, q []byte, high uint32, d float32, zero int) {
	for i := range 16 {
		lo := int(q[i]&15) | int(high>>i&1)<<4
		hi := int(q[i]>>4) | int(high>>(i+16)&1)<<4
		to[i], to[i+16] = d*float32(lo+zero), d*float32(hi+zero)
	}
}

// offset is nibbles with a smallest value instead of a zero.
func offset(to []float32, q []byte, high uint32, d, least float32) {
	nibbles(to, q, high, d, 0)
	for i := range to {
		to[i] += least
	}
}

// superblock unpacks Q4_K and Q5_K: eight groups of 32 values, each with a 6-bit scale and a 6-bit minimum,
// value = d·scale·q - dmin·minimum. Groups come in pairs: low halves of 32 bytes, then high halves.
func superblock(to []float32, b, high, q []byte) {
	d, least := half(b), half(b[2:])
	for group := range 8 {
		scale, minimum := sixBits(b[4:16], group)
		factor, shift := d*float32(scale), least*float32(minimum)
		for i := range 32 {
			v := q[group/2*32+i]
			if group%2 == 0 {
				v &= 15
			} else {
				v >>= 4
			}
			if high != nil {
				v |= high[i] >> group & 1 << 4
			}
			to[group*32+i] = factor*float32(v) - shift
		}
	}
}

// sixBits is the scale and the minimum of a group, twelve bytes holding eight of each.
func sixBits(b []byte, group int) (scale, minimum byte) {
	if group < 4 {
		return b[group] & 63, b[group+4] & 63
	}
	return b[group+4]&15 | b[group-4]>>6<<4, b[group+4]>>4 | b[group]>>6<<4
}

// q6k unpacks Q6_K: 256 values of 6 bits around 32, in 16 groups with a signed 8-bit scale. The low four bits
// lie in the first 128 bytes, the high two in the next 64.
func q6k(to []float32, b []byte) {
	low, high, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for i := range to {
		part, quarter, l := i/128, i%128/32, i%32
		v := low[part*64+quarter%2*32+l]
		if quarter < 2 {
			v &= 15
		} else {
			v >>= 4
		}
		v |= high[part*32+l] >> (2 * quarter) & 3 << 4
		to[i] = d * float32(int8(scales[i/16])) * float32(int(v)-32)
	}
}
