package streams

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"sluice"
)

// unpacker reads one value. Texts are cut from whole: the payload as a text, or, where that is empty, a copy of it
// that is made for the first of them.
type unpacker struct {
	data  []byte
	whole string
	at    int
}

// unpack reads a struct from exactly the bytes of data. whole is data as a text, or empty.
func (l *layout) unpack(data []byte, whole string, v reflect.Value) error {
	u := unpacker{data: data, whole: whole}
	if err := u.fields(l, v); err != nil {
		return err
	}
	if rest := len(data) - u.at; rest > 0 {
		return fmt.Errorf("msgpack: %d bytes after the value", rest)
	}
	return nil
}

// next steps over the head of a value. Whatever it says of a length is held to the bytes that are there.
func (u *unpacker) next() (code byte, head []byte, body, children int, err error) {
	if u.at >= len(u.data) {
		return 0, nil, 0, 0, errCut
	}
	rest := u.data[u.at:]
	n, body, children, err := measure(rest)
	if err != nil {
		return 0, nil, 0, 0, err
	}
	if n > len(rest) || body > len(rest)-n || children > len(rest)-n-body {
		return 0, nil, 0, 0, errCut
	}
	u.at += n
	return rest[0], rest[:n], body, children, nil
}

var errNoMap = errors.New("msgpack: want a map")

// entries steps over the head of a map.
func (u *unpacker) entries() (int, error) {
	code, _, _, children, err := u.next()
	if err == nil && !msgpcode.IsFixedMap(code) && code != msgpcode.Map16 && code != msgpcode.Map32 {
		err = errNoMap
	}
	return children / 2, err
}

// fields reads a map into a struct; nil leaves it as it is.
func (u *unpacker) fields(l *layout, v reflect.Value) error {
	if u.at < len(u.data) && u.data[u.at] == msgpcode.Nil {
		u.at++
		return nil
	}
	entries, err := u.entries()
	if err != nil {
		return err
	}
	next := 0
	for range entries {
		from, to, err := u.text()
		if err != nil {
			return fmt.Errorf("key: %w", err)
		}
		i := l.find(u.data[from:to], next)
		if i < 0 { // from another version
			if err := u.skip(); err != nil {
				return err
			}
			continue
		}
		next = i + 1
		s := &l.slots[i]
		if err := u.value(s, v.Field(s.index)); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// value reads the value of one field.
func (u *unpacker) value(s *slot, v reflect.Value) error {
	if u.at < len(u.data) && u.data[u.at] == msgpcode.Nil {
		u.at++
		return nil
	}
	switch s.shape {
	case text:
		from, to, err := u.text()
		if err == nil {
			v.SetString(u.cut(from, to))
		}
		return err
	case whole:
		n, err := u.number()
		v.SetInt(n)
		return err
	case flag:
		code, _, _, _, err := u.next()
		if err == nil && code != msgpcode.True && code != msgpcode.False {
			return fmt.Errorf("msgpack: code %#x: want a bool", code)
		}
		v.SetBool(code == msgpcode.True)
		return err
	case instant:
		return u.instant(v.Addr().Interface().(*time.Time))
	case texts:
		return u.texts(v.Addr().Interface().(*[]string))
	case fraction:
		f, err := u.fraction()
		v.SetFloat(f)
		return err
	case byText:
		return unpackFractions(u, v.Addr().Interface().(*map[string]float64))
	case byPolicy:
		return unpackFractions(u, v.Addr().Interface().(*map[sluice.Policy]float64))
	case optional:
		v.Set(reflect.New(v.Type().Elem()))
		return u.value(s.held, v.Elem())
	case several:
		return u.structs(s.inner, v)
	}
	return u.fields(s.inner, v)
}

// text is where a text lies.
func (u *unpacker) text() (from, to int, err error) {
	code, _, body, _, err := u.next()
	if err != nil {
		return 0, 0, err
	}
	if !msgpcode.IsString(code) && !msgpcode.IsBin(code) {
		return 0, 0, fmt.Errorf("msgpack: code %#x: want text", code)
	}
	from = u.at
	u.at += body
	return from, u.at, nil
}

func (u *unpacker) cut(from, to int) string {
	if u.whole == "" {
		u.whole = string(u.data)
	}
	return u.whole[from:to]
}

func (u *unpacker) number() (int64, error) {
	code, _, body, _, err := u.next()
	if err != nil {
		return 0, err
	}
	if msgpcode.IsFixedNum(code) {
		return int64(int8(code)), nil
	}
	raw := u.data[u.at : u.at+body]
	u.at += body
	switch code {
	case msgpcode.Uint8:
		return int64(raw[0]), nil
	case msgpcode.Uint16:
		return int64(binary.BigEndian.Uint16(raw)), nil
	case msgpcode.Uint32:
		return int64(binary.BigEndian.Uint32(raw)), nil
	case msgpcode.Uint64:
		if n := binary.BigEndian.Uint64(raw); n <= math.MaxInt64 {
			return int64(n), nil
		}
	case msgpcode.Int8:
		return int64(int8(raw[0])), nil
	case msgpcode.Int16:
		return int64(int16(binary.BigEndian.Uint16(raw))), nil
	case msgpcode.Int32:
		return int64(int32(binary.BigEndian.Uint32(raw))), nil
	case msgpcode.Int64:
		return int64(binary.BigEndian.Uint64(raw)), nil
	}
	return 0, fmt.Errorf("msgpack: code %#x: want a whole number of 64 bits", code)
}

// fraction reads a fraction, or a whole number as one.
func (u *unpacker) fraction() (float64, error) {
	if u.at >= len(u.data) {
		return 0, errCut
	}
	code := u.data[u.at]
	if code != msgpcode.Double && code != msgpcode.Float {
		n, err := u.number()
		return float64(n), err
	}
	_, _, body, _, err := u.next()
	if err != nil {
		return 0, err
	}
	raw := u.data[u.at : u.at+body]
	u.at += body
	if code == msgpcode.Float {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(raw))), nil
	}
	return math.Float64frombits(binary.BigEndian.Uint64(raw)), nil
}

func unpackFractions[K ~string](u *unpacker, by *map[K]float64) error {
	n, err := u.entries()
	if err != nil {
		return err
	}
	*by = make(map[K]float64, n)
	for range n {
		from, to, err := u.text()
		if err != nil {
			return fmt.Errorf("key: %w", err)
		}
		if (*by)[K(u.cut(from, to))], err = u.fraction(); err != nil {
			return err
		}
	}
	return nil
}

// instant reads a timestamp, as UTC.
func (u *unpacker) instant(at *time.Time) error {
	code, head, body, _, err := u.next()
	if err != nil {
		return err
	}
	raw := u.data[u.at : u.at+body]
	u.at += body
	if code == msgpcode.Ext8 || code == msgpcode.Ext16 || code == msgpcode.Ext32 { // the type counts for the body
		head, raw = raw[:1], raw[1:]
	}
	if !msgpcode.IsExt(code) || head[len(head)-1] != timeExt {
		return fmt.Errorf("msgpack: code %#x: want a timestamp", code)
	}
	switch len(raw) {
	case 4:
		*at = time.Unix(int64(binary.BigEndian.Uint32(raw)), 0).UTC()
	case 8:
		n := binary.BigEndian.Uint64(raw)
		*at = time.Unix(int64(n&(1<<34-1)), int64(n>>34)).UTC()
	case 12:
		*at = time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), int64(binary.BigEndian.Uint32(raw))).UTC()
	default:
		return fmt.Errorf("msgpack: a timestamp of %d bytes", len(raw))
	}
	return nil
}

// list steps over the head of a list.
func (u *unpacker) list() (int, error) {
	code, _, _, children, err := u.next()
	if err == nil && !msgpcode.IsFixedArray(code) && code != msgpcode.Array16 && code != msgpcode.Array32 {
		err = fmt.Errorf("msgpack: code %#x: want a list", code)
	}
	return children, err
}

// leastStruct is how many bytes a struct of a list takes at least: ours have fields that are never left out, and an empty
// call is 140. So whatever its head says, a list takes no more memory than ten times its bytes, where every call has 296.
const leastStruct = 32

func (u *unpacker) structs(l *layout, v reflect.Value) error {
	n, err := u.list()
	if err != nil {
		return err
	}
	if n > (len(u.data)-u.at)/leastStruct {
		return errCut
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		if err := u.fields(l, v.Index(i)); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func (u *unpacker) texts(list *[]string) error {
	children, err := u.list()
	if err != nil {
		return err
	}
	*list = make([]string, 0, children)
	for range children {
		from, to, err := u.text()
		if err != nil {
			return err
		}
		*list = append(*list, u.cut(from, to))
	}
	return nil
}

// skip steps over a value of any type.
func (u *unpacker) skip() error {
	n, err := span(u.data[u.at:])
	u.at += n
	return err
}
