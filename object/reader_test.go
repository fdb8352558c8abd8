package object_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"sluice/object"
)

// thing is read by hand and by encoding/json.
type thing struct {
	Name  string   `json:"name"`
	Size  int64    `json:"size"`
	Is    bool     `json:"is"`
	Words []string `json:"words"`
	Other any      `json:"other"`
}

// byHand reads a thing; false where the reader fails.
func byHand(data string) (t thing, ok bool) {
	r := object.NewReader(data)
	for name := range r.Object {
		switch name {
		case "name":
			t.Name = r.Text()
		case "size":
			t.Size = r.Whole()
		case "is":
			t.Is = r.Truth()
		case "words":
			if t.Words = []string{}; r.Null() {
				t.Words = nil
				continue
			}
			for range r.List {
				t.Words = append(t.Words, r.Text())
			}
		case "other":
			r.Skip()
		default:
			r.Fail()
		}
	}
	return t, r.Done()
}

// things are JSON of things, or nearly; true where the reader takes them.
var things = map[string]bool{
	`{}`: true,
	" { \"name\" : \"a\\n\\u00e9\\ud83d\\ude00ü\" ,\t\"size\": 0, \"is\":true,\r\n\"words\":[\"x\" , \"\"], \"other\":{\"a\":[1,-2.5e+3,null,{}],\"b\":false} } ": true,
	`{"size":123456789012345678,"words":[],"is":false}`: true,
	`{"words":null,"other":"\\"}`:                       true,

	``:                             false,
	`{`:                            false,
	`{}x`:                          false,
	`{} {}`:                        false,
	`[]`:                           false,
	`{"name":"a",}`:                false,
	`{,"name":"a"}`:                false,
	`{"name" "a"}`:                 false,
	`{"name":"a" "size":1}`:        false,
	`{"name":"a","name":"b"}`:      false,
	`{"other":{"a":1,"a":2}}`:      false,
	`{"n\u0061me":"a"}`:            false,
	`{"unknown":1}`:                false,
	`{"name":null}`:                false,
	`{"name":1}`:                   false,
	"{\"name\":\"\n\"}":            false,
	"{\"name\":\"\xff\"}":          false,
	`{"name":"\x"}`:                false,
	`{"name":"\ud800"}`:            false,
	`{"name":"a`:                   false,
	`{"name":"a\"}`:                false,
	`{"size":-1}`:                  false,
	`{"size":01}`:                  false,
	`{"size":1.0}`:                 false,
	`{"size":1e2}`:                 false,
	`{"size":1234567890123456789}`: false,
	`{"size":}`:                    false,
	`{"is":tru}`:                   false,
	`{"is":1}`:                     false,
	`{"words":["a",]}`:             false,
	`{"words":["a" "b"]}`:          false,
	`{"words":["a"}`:               false,
	`{"other":nul}`:                false,
	`{"other":.5}`:                 false,
	`{"other":1.}`:                 false,
	`{"other":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`: false,
}

func TestTheReaderTakesWhatItExpectsAndNothingElse(t *testing.T) {
	for data, want := range things {
		got, ok := byHand(data)
		if ok != want {
			t.Errorf("%q: taken %t", data, ok)
		}
		if problem := sameAsJSON(got, ok, data); problem != "" {
			t.Errorf("%q: %s", data, problem)
		}
	}
}

// sameAsJSON says how what was taken differs from what encoding/json reads.
func sameAsJSON(got thing, ok bool, data string) string {
	if !ok {
		return ""
	}
	var want thing
	if err := json.Unmarshal([]byte(data), &want, json.RejectUnknownMembers(true)); err != nil {
		return "taken, but " + err.Error()
	}
	want.Other = nil
	if !reflect.DeepEqual(got, want) {
		return "read in another way"
	}
	return ""
}

func FuzzTheReaderReadsAsEncodingJSONDoes(f *testing.F) {
	for data := range things {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		got, ok := byHand(data)
		if problem := sameAsJSON(got, ok, data); problem != "" {
			t.Errorf("%q: %s", data, problem)
		}
	})
}
