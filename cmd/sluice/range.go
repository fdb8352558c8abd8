package main

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// inRange refuses numbers beyond the tags min and max of their flags. A duration's are in seconds. What was not given
// is its command's own default.
func inRange(c *kong.Context) error {
	for _, f := range c.Flags() {
		n, ok := numeric(f.Target)
		if !ok || !f.Set {
			continue
		}
		for _, bound := range []struct {
			tag, words string
			sign       float64
		}{{"min", "at least", 1}, {"max", "at most", -1}} {
			text := f.Tag.Get(bound.tag)
			if text == "" {
				continue
			}
			limit, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return fmt.Errorf("flag --%s: its %s %q is no number", f.Name, bound.tag, text)
			}
			if !(bound.sign*n >= bound.sign*limit) { // NaN is neither
				return &usageError{fmt.Errorf("--%s: want %s %s, got %v", f.Name, bound.words, text, reflect.Indirect(f.Target)), commandOf(c)}
			}
		}
	}
	return nil
}

// numeric is a flag's value; ok is false where it has none, or is no number.
func numeric(v reflect.Value) (n float64, ok bool) {
	if v = reflect.Indirect(v); !v.IsValid() {
		return 0, false
	}
	if d, is := v.Interface().(time.Duration); is {
		return d.Seconds(), true
	}
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}
