package streams

import (
	"fmt"
	"reflect"
	"unsafe"
)

// DecodeInto is [Decode] for a caller who has a place for the value, which must be zero, and who leaves data as it
// is: the texts of the value are parts of it, so that nothing is copied. A message that was delivered is such data.
// After an error the place holds anything.
func DecodeInto[T any](data []byte, v *T) (err error) {
	l := layoutOf(reflect.TypeFor[T]())
	if l == nil {
		*v, err = Decode[T](data)
		return err
	}
	whole := unsafe.String(unsafe.SliceData(data), len(data)) //nolint:gosec // the caller leaves data as it is
	if err := l.unpack(data, whole, reflect.ValueOf(v).Elem()); err != nil {
		return fmt.Errorf("decode %T: %w", *v, err)
	}
	return nil
}
