package streams

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"sluice"
)

// maxPooled is the largest buffer that is kept for the next message.
const maxPooled = 64 << 10

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
	e.enc.SetSortMapKeys(true)
	return e
}}

// scratch holds buffers for messages that are written by a layout.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// Encode writes v as msgpack, its fields named by their json tags. Times are instants: the zone is not
// kept.
func Encode[T any](v T) ([]byte, error) {
	l := layoutOf(reflect.TypeFor[T]())
	if l == nil {
		return encode(v)
	}
	room, _ := l.rooms.Get().(*T) // reflection would move v to the heap
	if room == nil {
		room = new(T)
	}
	*room = v
	data, err := encodeAt(room)
	*room = *new(T)
	l.rooms.Put(room)
	return data, err
}

// encodeAt is [Encode] for a value that has a place.
func encodeAt[T any](v *T) ([]byte, error) {
	buf := scratch.Get().(*[]byte)
	var err error
	*buf, err = Append((*buf)[:0], v)
	data := bytes.Clone(*buf)
	if cap(*buf) <= maxPooled {
		scratch.Put(buf)
	}
	return data, err
}

// Append appends to b what [Encode] writes.
func Append[T any](b []byte, v *T) ([]byte, error) {
	l := layoutOf(reflect.TypeFor[T]())
	if l == nil {
		data, err := encode(v)
		return append(b, data...), err
	}
	return l.pack(b, reflect.ValueOf(v).Elem()), nil
}

func encode(v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.buf.Reset()
	err := e.enc.Encode(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err) // the encoder may be in any state: not pooled
	}
	data := bytes.Clone(e.buf.Bytes())
	if e.buf.Cap() <= maxPooled {
		encoders.Put(e)
	}
	return data, nil
}

// decoder pairs a msgpack decoder with its reader.
type decoder struct {
	r   bytes.Reader
	dec *msgpack.Decoder
}

var decoders = sync.Pool{New: func() any {
	d := &decoder{}
	d.dec = msgpack.NewDecoder(&d.r)
	return d
}}

// Decode reads msgpack that [Encode] wrote, by this version or an earlier one: unknown fields are
// passed over, missing ones are zero, times are UTC. Bytes that are not exactly one value are an error,
// and so are lengths that the bytes can't hold: no input makes it take more memory than a small multiple
// of its own size. The result shares no memory with data.
func Decode[T any](data []byte) (T, error) {
	var v T
	if l := layoutOf(reflect.TypeFor[T]()); l != nil {
		if err := l.unpack(data, "", reflect.ValueOf(&v).Elem()); err != nil {
			var zero T
			return zero, fmt.Errorf("decode %T: %w", zero, err)
		}
		return v, nil
	}
	if err := wellFormed(data); err != nil {
		return v, fmt.Errorf("decode %T: %w", v, err)
	}
	d := decoders.Get().(*decoder)
	defer decoders.Put(d)
	d.r.Reset(data)
	d.dec.Reset(&d.r)
	d.dec.SetCustomStructTag("json")
	if err := d.dec.Decode(&v); err != nil {
		return v, fmt.Errorf("decode %T: %w", v, err)
	}
	inUTC(&v)
	return v, nil
}

// inUTC moves the times that the library reads in the machine's zone to UTC; a layout reads UTC.
func inUTC(v any) {
	switch v := v.(type) {
	case *sluice.TrainingJob:
		utc(&v.AskedAt)
	case *Envelope:
		utc(&v.StoredAt, &v.Until)
	case *DeadLetter:
		utc(&v.Envelope.StoredAt, &v.Envelope.Until, &v.DiedAt)
	}
}

func utc(times ...*time.Time) {
	for _, t := range times {
		*t = t.UTC()
	}
}
