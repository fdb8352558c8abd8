package llm

import (
	"fmt"
	"io"
)

// Key is an API key. However it, or a struct that holds it, is printed or marshalled, its value does not
// show. The zero value is no key.
type Key struct {
	value *string // a pointer: fmt reads unexported fields of other structs past our methods
}

// NewKey wraps a value; an empty one is no key.
func NewKey(value string) Key {
	if value == "" {
		return Key{}
	}
	return Key{&value}
}

// reveal gives the value to the one call that needs it.
func (k Key) reveal() string {
	if k.value == nil {
		return ""
	}
	return *k.value
}

// String is "[key]", or "" for no key.
func (k Key) String() string {
	if k.value == nil {
		return ""
	}
	return "[key]"
}

// Format is String for every verb of fmt.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText is String; JSON, YAML and slog go through it.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
