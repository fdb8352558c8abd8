package streams

import (
	"fmt"
	"reflect"
)

// DecodeInto is [Decode] for a caller who has a place for the value, which must be zero. After an error it holds
// anything.
func DecodeInto[T any](data []byte, v *T) (err error) {
	l := layoutOf(reflect.TypeFor[T]())
	if l == nil {
		*v, err = Decode[T](data)
		return err
	}
	if err := l.unpack(data, reflect.ValueOf(v).Elem()); err != nil {
		return fmt.Errorf("decode %T: %w", *v, err)
	}
	return nil
}
