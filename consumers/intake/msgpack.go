package intake

import (
	"bytes"
	"errors"
	"math"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"sluice"
)

// readMsgPack visits the keys of one msgpack map that is the whole payload.
func readMsgPack(data []byte, visit visitor) error {
	r := bytes.NewReader(data)
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	dec.Reset(r)
	code, err := dec.PeekCode()
	if err != nil {
		return refuse(sluice.ReasonUndecodable, "the payload is empty, want a msgpack map with the key \"query\"")
	}
	if !isMap(code) {
		hint := ""
		if code == '{' {
			hint = "; if it is JSON, publish it with the header Content-Type: application/json"
		}
		return refuse(sluice.ReasonUndecodable, "msgpack: the payload is not a map%s", hint)
	}
	n, err := dec.DecodeMapLen()
	if err != nil {
		return brokenMsgPack(err)
	}
	for i := range n {
		if err := msgPackEntry(dec, i, visit); err != nil {
			return err
		}
	}
	if r.Len() > 0 {
		return refuse(sluice.ReasonUndecodable, "msgpack: %d bytes after the map", r.Len())
	}
	return nil
}

func brokenMsgPack(err error) error { return refuse(sluice.ReasonUndecodable, "msgpack: %w", err) }

// msgPackEntry reads one key and its value.
func msgPackEntry(dec *msgpack.Decoder, i int, visit visitor) error {
	code, err := dec.PeekCode()
	if err != nil {
		return brokenMsgPack(err)
	}
	if !msgpcode.IsString(code) {
		return refuse(sluice.ReasonInvalidField, "msgpack: key %d of the map is not text", i+1)
	}
	key, err := dec.DecodeString()
	if err != nil {
		return brokenMsgPack(err)
	}
	if !utf8.ValidString(key) {
		return refuse(sluice.ReasonInvalidText, "msgpack: key %d of the map is not valid UTF-8", i+1)
	}
	v, err := msgPackValue(dec, true)
	if err != nil {
		return brokenMsgPack(err)
	}
	return visit(key, v)
}

func isMap(c byte) bool { return msgpcode.IsFixedMap(c) || c == msgpcode.Map16 || c == msgpcode.Map32 }

func isList(c byte) bool {
	return msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32
}

// msgPackValue reads the next value; lists are read one level deep.
func msgPackValue(dec *msgpack.Decoder, deep bool) (value, error) {
	code, err := dec.PeekCode()
	if err != nil {
		return value{}, err
	}
	v := value{}
	switch {
	case msgpcode.IsString(code):
		v.kind = text
		v.text, err = dec.DecodeString()
	case msgpcode.IsFixedNum(code), code >= msgpcode.Uint8 && code <= msgpcode.Int64:
		v.kind = whole
		v.number, err = msgPackNumber(dec, code)
	case code == msgpcode.Float, code == msgpcode.Double:
		var f float64
		f, err = dec.DecodeFloat64()
		v = float(f)
	case isList(code) && deep:
		v.kind = list
		v.list, err = msgPackList(dec)
	case msgpcode.IsExt(code):
		v.kind = stamp
		v.at, err = dec.DecodeTime()
	default:
		v.kind = otherKind(code)
		err = skip(dec)
	}
	return v, err
}

// otherKind names what is read past.
func otherKind(code byte) kind {
	switch {
	case code == msgpcode.Nil:
		return null
	case code == msgpcode.True, code == msgpcode.False:
		return boolean
	case msgpcode.IsBin(code):
		return raw
	case isMap(code):
		return object
	}
	return list
}

// msgPackNumber reads a whole number; one too large for 64 signed bits is the largest that fits.
func msgPackNumber(dec *msgpack.Decoder, code byte) (int64, error) {
	if code == msgpcode.Uint64 {
		n, err := dec.DecodeUint64()
		return int64(min(n, math.MaxInt64)), err
	}
	return dec.DecodeInt64()
}

func msgPackList(dec *msgpack.Decoder) ([]value, error) {
	n, err := dec.DecodeArrayLen()
	if err != nil {
		return nil, err
	}
	var values []value
	for i := range n {
		v, err := msgPackValue(dec, false)
		if err != nil {
			return nil, err
		}
		if i < maxList {
			values = append(values, v)
		}
	}
	return values, nil
}

// skip reads past one value of any depth without recursion, so that nesting costs no stack.
func skip(dec *msgpack.Decoder) error {
	for left := 1; left > 0; left-- {
		code, err := dec.PeekCode()
		if err != nil {
			return err
		}
		switch {
		case isList(code):
			n, err := dec.DecodeArrayLen()
			if err != nil {
				return err
			}
			left += n
		case isMap(code):
			n, err := dec.DecodeMapLen()
			if err != nil {
				return err
			}
			left += 2 * n
		default:
			if err := dec.Skip(); err != nil {
				return err
			}
		}
		if left < 0 || left > math.MaxInt32 {
			return errors.New("more values than any payload holds")
		}
	}
	return nil
}
