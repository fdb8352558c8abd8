package intake

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// FuzzCursor: whatever the standard library takes for an object, the cursor walks to the same keys and
// values, in order.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a" : [ 1 , "]" , {"b":"}"} ] , "c\"d":null,"e":-1.5e3}`, `{"\u0061":"\\","b":"\\\""}`, `{"a":[],"b":{},"c":[[]]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want map[string]json.RawMessage
		if invalidUTF8(data) >= 0 || startsAsObject(data) != nil || json.Unmarshal(data, &want) != nil {
			return
		}
		got := map[string]json.RawMessage{}
		c := cursor{data: data}
		err := c.members(func(key, val []byte) error {
			name, err := jsonText(key)
			got[name] = val
			if val[0] == '[' {
				err = errors.Join(err, sameElements(val))
			}
			return err
		})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %q, want %q (%v)", data, got, want, err)
		}
	})
}

func sameElements(data []byte) error {
	var want, got []json.RawMessage
	if err := json.Unmarshal(data, &want); err != nil {
		return err
	}
	got = []json.RawMessage{}
	c := cursor{data: data}
	err := c.elements(func(e []byte) error {
		got = append(got, e)
		return nil
	})
	if err == nil && !reflect.DeepEqual(got, want) {
		err = errors.New("other elements than the standard library's")
	}
	return err
}

func TestHalfAPairIsFoundAndAWholeOneIsNot(t *testing.T) {
	for data, want := range map[string]int{
		`{"a":"plain"}`: -1, `{"a":"\ud83e\udd84"}`: -1, `{"a":"\\ud800"}`: -1, `{"a":"\n\\\ud83e\udd84\u0041"}`: -1, `{"a":"�\ufffd"}`: -1,
		`{"a":"\ud800"}`: 6, `{"a":"\udc00"}`: 6, `{"a":"\ud83e\ud83e\udd84"}`: 6, `{"a":"\\\ud800\\udc00"}`: 8, `{"a":"\ud83e\udd84\uDFFF"}`: 18,
	} {
		if got := loneSurrogate([]byte(data)); got != want {
			t.Errorf("%s: at %d, want %d", data, got, want)
		}
	}
}
