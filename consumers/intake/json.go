package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"sluice"
)

// byteOrderMark is what some editors and clients put before UTF-8.
var byteOrderMark = []byte("\ufeff")

// readJSON visits the keys of one JSON object that is the whole payload. The standard library says
// whether it is well-formed; a cursor then walks it, since decoding into a map would hide keys that are
// given twice.
func readJSON(data []byte, visit visitor) error {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if err := startsAsObject(data); err != nil {
		return err
	}
	if at := invalidUTF8(data); at >= 0 {
		return refuse(sluice.ReasonInvalidText, "the payload is not valid UTF-8 at byte %d", at)
	}
	if !json.Valid(data) {
		return refuse(sluice.ReasonUndecodable, "JSON: %w", json.Unmarshal(data, new(json.RawMessage)))
	}
	if at := loneSurrogate(data); at >= 0 {
		return refuse(sluice.ReasonInvalidText, "the payload has half a surrogate pair at byte %d: %s", at, data[at:at+6])
	}
	c := cursor{data: data}
	return c.members(func(key, val []byte) error {
		name, err := jsonText(key)
		if err != nil {
			return refuse(sluice.ReasonUndecodable, "JSON: %w", err)
		}
		v, err := jsonValue(val, true)
		if err != nil {
			return refuse(sluice.ReasonUndecodable, "JSON: %w", err)
		}
		return visit(name, v)
	})
}

// startsAsObject tells what else a payload is, in words that help its publisher.
func startsAsObject(data []byte) error {
	start := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(start) == 0:
		return refuse(sluice.ReasonUndecodable, "the payload is empty, want a JSON object such as {\"query\": \"...\"}")
	case start[0] == '{':
		return nil
	case start[0]&0xf0 == 0x80 || start[0] == 0xde || start[0] == 0xdf:
		return refuse(sluice.ReasonUndecodable, "not JSON; if it is msgpack, publish it with the header Content-Type: application/msgpack")
	}
	return refuse(sluice.ReasonUndecodable, "the payload is not a JSON object such as {\"query\": \"...\"}")
}

// invalidUTF8 is the place of the first byte that is not UTF-8; -1 if there is none.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// jsonValue reads a well-formed value; lists are read one level deep.
func jsonValue(data []byte, deep bool) (value, error) {
	switch data[0] {
	case '"':
		s, err := jsonText(data)
		return value{kind: text, text: s}, err
	case '{':
		return value{kind: object}, nil
	case '[':
		if !deep {
			return value{kind: list}, nil
		}
		return jsonList(data)
	case 't', 'f':
		return value{kind: boolean}, nil
	case 'n':
		return value{kind: null}, nil
	}
	return jsonNumber(string(data)), nil
}

func jsonList(data []byte) (value, error) {
	v := value{kind: list}
	c := cursor{data: data}
	err := c.elements(func(e []byte) error {
		if len(v.list) == maxList {
			return nil
		}
		element, err := jsonValue(e, false)
		v.list = append(v.list, element)
		return err
	})
	return v, err
}

// jsonText reads well-formed text; only escapes are left to the standard library.
func jsonText(data []byte) (string, error) {
	if bytes.IndexByte(data, '\\') < 0 {
		return string(data[1 : len(data)-1]), nil
	}
	var s string
	err := json.Unmarshal(data, &s)
	return s, err
}

// jsonNumber reads a number; a whole one in digits that is too large for 64 bits is the largest that fits.
func jsonNumber(s string) value {
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		f, _ := strconv.ParseFloat(s, 64) // infinite beyond floats
		return float(f)
	}
	return value{kind: whole, number: n}
}

// loneSurrogate is the place of the first escape in well-formed JSON that is half of a UTF-16 pair, -1 if there is
// none. The standard library would make the replacement character of it, and two questions one.
func loneSurrogate(data []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(data[at:], '\\')
		if next < 0 {
			return -1
		}
		at += next
		first := escapedRune(data[at:])
		switch {
		case !utf16.IsSurrogate(first):
			at += 2
		case utf16.DecodeRune(first, escapedRune(data[at+6:])) == utf8.RuneError:
			return at
		default:
			at += 12
		}
	}
}

// escapedRune is the rune of the \uXXXX that data begins with; -1 if it begins with anything else.
func escapedRune(data []byte) rune {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
