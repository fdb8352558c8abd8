package intake

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"sluice"
)

// byteOrderMark is what some editors and clients put before UTF-8.
var byteOrderMark = []byte("\ufeff")

// readJSON visits the keys of one JSON object that is the whole payload.
func readJSON(data []byte, visit visitor) error {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if err := startsAsObject(data); err != nil {
		return err
	}
	if at := invalidUTF8(data); at >= 0 {
		return refuse(sluice.ReasonInvalidText, "the payload is not valid UTF-8 at byte %d", at)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return brokenJSON(err)
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return brokenJSON(err)
		}
		key, _ := token.(string) // the decoder lets nothing but text stand here
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return brokenJSON(err)
		}
		v, err := jsonValue(value, true)
		if err != nil {
			return brokenJSON(err)
		}
		if err := visit(key, v); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return brokenJSON(err)
	}
	if rest := bytes.TrimSpace(data[dec.InputOffset():]); len(rest) > 0 {
		return refuse(sluice.ReasonUndecodable, "JSON: %d bytes after the object", len(rest))
	}
	return nil
}

func brokenJSON(err error) error { return refuse(sluice.ReasonUndecodable, "JSON: %w", err) }

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

// jsonValue reads a value that the decoder found well-formed; lists are read one level deep.
func jsonValue(data []byte, deep bool) (value, error) {
	switch data[0] {
	case '"':
		v := value{kind: text}
		return v, json.Unmarshal(data, &v.text)
	case '{':
		return value{kind: object}, nil
	case '[':
		v := value{kind: list}
		if !deep {
			return v, nil
		}
		var elements []json.RawMessage
		if err := json.Unmarshal(data, &elements); err != nil {
			return value{}, err
		}
		for _, e := range elements[:min(len(elements), maxList)] {
			element, err := jsonValue(e, false)
			if err != nil {
				return value{}, err
			}
			v.list = append(v.list, element)
		}
		return v, nil
	case 't', 'f':
		return value{kind: boolean}, nil
	case 'n':
		return value{kind: null}, nil
	}
	return jsonNumber(string(data)), nil
}

// jsonNumber reads a number; a whole one too large for 64 bits is the largest that fits.
func jsonNumber(s string) value {
	n, err := strconv.ParseInt(s, 10, 64)
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrSyntax {
		return value{kind: fraction}
	}
	return value{kind: whole, number: n}
}
