package streams

import (
	"encoding/binary"
	"math"
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"sluice"
)

const (
	// The lengths that fit into a code itself.
	maxFixText, maxFixMap, maxFixList = 31, 15, 15
	// timeExt is the extension type of a timestamp, -1.
	timeExt = 0xff
)

// pack appends a struct as a map. v must be addressable.
func (l *layout) pack(b []byte, v reflect.Value) []byte {
	head := len(b)
	if len(l.slots) <= maxFixMap {
		b = append(b, 0)
	} else {
		b = append(b, msgpcode.Map16, 0, 0)
	}
	n := 0
	for i := range l.slots {
		s := &l.slots[i]
		before := len(b)
		b = append(b, s.key...)
		var empty bool
		if b, empty = s.pack(b, v.Field(s.index)); empty && s.omit {
			b = b[:before]
			continue
		}
		n++
	}
	if len(l.slots) <= maxFixMap {
		b[head] = msgpcode.FixedMapLow | byte(n)
	} else {
		binary.BigEndian.PutUint16(b[head+1:], uint16(n))
	}
	return b
}

// pack appends the value of one field.
func (s *slot) pack(b []byte, v reflect.Value) (_ []byte, empty bool) {
	switch s.shape {
	case text:
		t := v.String()
		return packText(b, t), t == ""
	case whole:
		n := v.Int()
		return packWhole(b, n), n == 0
	case flag:
		if v.Bool() {
			return append(b, msgpcode.True), false
		}
		return append(b, msgpcode.False), true
	case instant:
		at := v.Addr().Interface().(*time.Time)
		return packInstant(b, *at), at.IsZero()
	case texts:
		list := *v.Addr().Interface().(*[]string)
		return packTexts(b, list), len(list) == 0
	case fraction:
		f := v.Float()
		return packFraction(b, f), f == 0
	case byText:
		by := *v.Addr().Interface().(*map[string]float64)
		return packFractions(b, by), len(by) == 0
	case byPolicy:
		by := *v.Addr().Interface().(*map[sluice.Policy]float64)
		return packFractions(b, by), len(by) == 0
	case optional:
		if v.IsNil() {
			return append(b, msgpcode.Nil), true
		}
		b, _ = s.held.pack(b, v.Elem())
		return b, false
	case several:
		return s.inner.packList(b, v), v.Len() == 0
	}
	return s.inner.pack(b, v), false
}

func packText(b []byte, s string) []byte {
	switch n := len(s); {
	case n <= maxFixText:
		b = append(b, msgpcode.FixedStrLow|byte(n))
	case n < 1<<8:
		b = append(b, msgpcode.Str8, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, msgpcode.Str16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, msgpcode.Str32), uint32(n))
	}
	return append(b, s...)
}

func packWhole(b []byte, n int64) []byte {
	switch {
	case n >= 0 && n <= 127, n < 0 && n >= -32:
		return append(b, byte(n))
	case n >= 0 && n < 1<<8:
		return append(b, msgpcode.Uint8, byte(n))
	case n >= 0 && n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, msgpcode.Uint16), uint16(n))
	case n >= 0 && n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, msgpcode.Uint32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, msgpcode.Int64), uint64(n))
}

// packInstant writes the shortest of the three timestamps of msgpack.
func packInstant(b []byte, at time.Time) []byte {
	seconds, nanos := uint64(at.Unix()), uint64(at.Nanosecond())
	switch {
	case seconds>>34 != 0:
		b = append(b, msgpcode.Ext8, 12, timeExt)
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, uint32(nanos)), seconds)
	case nanos == 0 && seconds>>32 == 0:
		return binary.BigEndian.AppendUint32(append(b, msgpcode.FixExt4, timeExt), uint32(seconds))
	}
	return binary.BigEndian.AppendUint64(append(b, msgpcode.FixExt8, timeExt), nanos<<34|seconds)
}

// packList appends a list of structs.
func (l *layout) packList(b []byte, v reflect.Value) []byte {
	b = packLength(b, v.Len(), v.IsNil())
	for i := range v.Len() {
		b = l.pack(b, v.Index(i))
	}
	return b
}

// packLength appends the head of a list.
func packLength(b []byte, n int, missing bool) []byte {
	switch {
	case missing:
		return append(b, msgpcode.Nil)
	case n <= maxFixList:
		return append(b, msgpcode.FixedArrayLow|byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, msgpcode.Array32), uint32(n))
}

func packTexts(b []byte, list []string) []byte {
	b = packLength(b, len(list), list == nil)
	for _, s := range list {
		b = packText(b, s)
	}
	return b
}

func packFraction(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, msgpcode.Double), math.Float64bits(f))
}

type named[K ~string] struct {
	name  K
	value float64
}

// packFractions writes the names in order, so that equal values are equal bytes.
func packFractions[K ~string](b []byte, by map[K]float64) []byte {
	switch n := len(by); {
	case by == nil:
		return append(b, msgpcode.Nil)
	case n <= maxFixMap:
		b = append(b, msgpcode.FixedMapLow|byte(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, msgpcode.Map32), uint32(n))
	}
	var few [16]named[K]
	sorted := few[:0]
	for k, f := range by {
		sorted = append(sorted, named[K]{k, f})
		for i := len(sorted) - 1; i > 0 && sorted[i].name < sorted[i-1].name; i-- {
			sorted[i], sorted[i-1] = sorted[i-1], sorted[i]
		}
	}
	for _, f := range sorted {
		b = packFraction(packText(b, string(f.name)), f.value)
	}
	return b
}
