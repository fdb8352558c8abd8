package streams

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// encoder pairs a msgpack encoder with its buffer; pooled, since building one costs three times the
// encoding.
type encoder struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.enc = msgpack.NewEncoder(&e.buf)
	e.enc.SetCustomStructTag("json") // the domain spells its field names once
	e.enc.UseCompactInts(true)
	e.enc.SetOmitEmpty(false)
	return e
}}

// Encode writes v as msgpack, its fields named by their json tags.
func Encode(v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.buf.Reset()
	if err := e.enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return bytes.Clone(e.buf.Bytes()), nil
}

// Decode reads msgpack that [Encode] wrote, by this version or an earlier one: unknown fields are
// passed over, missing ones are zero. Bytes after the value are an error.
func Decode[T any](data []byte) (T, error) {
	var v T
	r := bytes.NewReader(data)
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	dec.Reset(r)
	dec.SetCustomStructTag("json")
	if err := dec.Decode(&v); err != nil {
		return v, fmt.Errorf("decode %T: %w", v, err)
	}
	if r.Len() > 0 {
		return v, fmt.Errorf("decode %T: %d bytes after the value", v, r.Len())
	}
	return v, nil
}
