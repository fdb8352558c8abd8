package streams

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth is how deep arrays and maps may nest. Facts of ours need four.
const maxDepth = 32

var errCut = errors.New("msgpack: cut short")

// wellFormed walks over exactly one msgpack value without decoding it. The library trusts lengths and
// follows nesting by recursion, so that a few hostile bytes could take all memory or the whole stack,
// which no recover survives: what passes here asks for no more elements than there are bytes.
func wellFormed(data []byte) error {
	n, err := span(data)
	if err == nil && n < len(data) {
		err = fmt.Errorf("msgpack: %d bytes after the value", len(data)-n)
	}
	return err
}

// span is how many bytes the first value of data takes.
func span(data []byte) (int, error) {
	var left [maxDepth]int // elements still to come, by depth
	depth, pos := 0, 0
	for {
		if pos >= len(data) {
			return 0, errCut
		}
		head, body, children, err := measure(data[pos:])
		if err != nil {
			return 0, err
		}
		pos += head
		if body > len(data)-pos || children > len(data)-pos-body {
			return 0, errCut
		}
		pos += body
		if children > 0 {
			if depth == maxDepth {
				return 0, fmt.Errorf("msgpack: nested deeper than %d", maxDepth)
			}
			left[depth] = children
			depth++
			continue
		}
		for depth > 0 {
			if left[depth-1]--; left[depth-1] > 0 {
				break
			}
			depth--
		}
		if depth == 0 {
			return pos, nil
		}
	}
}

// measure reads the head of a value: its size, the bytes and the elements that follow. data is not empty.
func measure(data []byte) (head, body, children int, err error) {
	c := data[0]
	switch {
	case msgpcode.IsFixedNum(c), c == msgpcode.Nil, c == msgpcode.False, c == msgpcode.True:
		return 1, 0, 0, nil
	case msgpcode.IsFixedMap(c):
		return 1, 0, 2 * int(c&msgpcode.FixedMapMask), nil
	case msgpcode.IsFixedArray(c):
		return 1, 0, int(c & msgpcode.FixedArrayMask), nil
	case msgpcode.IsFixedString(c):
		return 1, int(c & msgpcode.FixedStrMask), 0, nil
	}
	switch c {
	case msgpcode.Uint8, msgpcode.Int8:
		return 1, 1, 0, nil
	case msgpcode.Uint16, msgpcode.Int16:
		return 1, 2, 0, nil
	case msgpcode.Uint32, msgpcode.Int32, msgpcode.Float:
		return 1, 4, 0, nil
	case msgpcode.Uint64, msgpcode.Int64, msgpcode.Double:
		return 1, 8, 0, nil
	case msgpcode.FixExt1, msgpcode.FixExt2, msgpcode.FixExt4, msgpcode.FixExt8, msgpcode.FixExt16:
		return 2, 1 << (c - msgpcode.FixExt1), 0, nil
	}
	return measureLong(c, data)
}

// measureLong reads heads that hold a length.
func measureLong(c byte, data []byte) (head, body, children int, err error) {
	var width int
	switch c {
	case msgpcode.Str8, msgpcode.Bin8, msgpcode.Ext8:
		width = 1
	case msgpcode.Str16, msgpcode.Bin16, msgpcode.Ext16, msgpcode.Array16, msgpcode.Map16:
		width = 2
	case msgpcode.Str32, msgpcode.Bin32, msgpcode.Ext32, msgpcode.Array32, msgpcode.Map32:
		width = 4
	default:
		return 0, 0, 0, fmt.Errorf("msgpack: unknown code %#x", c)
	}
	if len(data) < 1+width {
		return 0, 0, 0, errCut
	}
	n := 0
	switch width {
	case 1:
		n = int(data[1])
	case 2:
		n = int(binary.BigEndian.Uint16(data[1:]))
	case 4:
		n = int(binary.BigEndian.Uint32(data[1:]))
	}
	switch c {
	case msgpcode.Array16, msgpcode.Array32:
		return 1 + width, 0, n, nil
	case msgpcode.Map16, msgpcode.Map32:
		return 1 + width, 0, 2 * n, nil
	case msgpcode.Ext8, msgpcode.Ext16, msgpcode.Ext32:
		return 1 + width, 1 + n, 0, nil // one byte of type
	}
	return 1 + width, n, 0, nil
}
