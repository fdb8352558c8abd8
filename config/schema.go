package config

import "reflect"

// The tags of Config's fields are its schema: "key" names the key, "doc" says what it means, "env" is
// the environment variable that sets it too.

// keysOf lists the keys of a section in their order.
func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		if k := f.Tag.Get("key"); k != "-" {
			keys = append(keys, k)
		}
	}
	return keys
}

// fieldOf finds the field of a key.
func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for f, value := range v.Fields() {
		if k := f.Tag.Get("key"); k == key && k != "-" {
			return value, true
		}
	}
	return reflect.Value{}, false
}

// typeName is how a type is called in front of people.
func typeName(t reflect.Type) string {
	if t == durationType {
		return "a duration (90s, 15m, 365d)"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number of at least 0"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of texts"
		}
		return "a list"
	default:
		return "a section"
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
