package producers

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPyDictReadsWhatReprWrites(t *testing.T) {
	for in, want := range map[string]map[string]any{
		`{}`:                              {},
		` { 'a' : 'b' , } `:               {"a": "b"},
		`{'a': "it's", "b": 'say "hi"'}`:  {"a": "it's", "b": `say "hi"`},
		`{'a': 'it\'s', "b": "\"q\""}`:    {"a": "it's", "b": `"q"`},
		`{'a': 'tab\tline\nback\\slash'}`: {"a": "tab\tline\nback\\slash"},
		`{'a': '\xe9\u010d\U0001f600'}`:   {"a": "éč😀"},
		`{'a': '\101\0\60'}`:              {"a": "A\x000"},
		`{'a': '\d unknown escape'}`:      {"a": `\d unknown escape`},
		`{'a': 'café, {not} [a] list'}`:   {"a": "café, {not} [a] list"},
		`{'u': ['x', 'y'], 'n': None}`:    {"u": []any{"x", "y"}, "n": nil},
		`{'t': (1, -2.5, 1e9), 'b': True, 'c': False, 'd': {'e': []}}`: {
			"t": []any{"1", "-2.5", "1e9"}, "b": true, "c": false, "d": map[string]any{"e": []any{}},
		},
	} {
		got, err := pyDict(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("pyDict(%s) = %#v, %v; want %#v", in, got, err, want)
		}
	}
}

func TestPyDictRefusesTheRest(t *testing.T) {
	for in, why := range map[string]string{
		``:                                 "neither a value nor a number",
		`[]`:                               "not a dict",
		`{'a': 'b'`:                        "neither ',' nor '}'",
		`{'a': 'b'} x`:                     "something follows",
		`{'a': 'b`:                         "closing quote",
		`{'a': 'b\`:                        "closing quote",
		`{'a' 'b'}`:                        "no ':'",
		`{1: 'b'}`:                         "not a string",
		`{'a': b}`:                         "neither a value nor a number",
		`{'a': '\xg1'}`:                    "no character",
		`{'a': '\ud800'}`:                  "no character",
		`{'a': '\U00110000'}`:              "no character",
		`{'a': '\u12`:                      "cut short",
		"{'a': 'b\nc'}":                    "line break",
		`{'a': ['b' 'c']}`:                 "neither ',' nor ']'",
		`{'a': __import__('os')}`:          "neither a value nor a number",
		`{'a': ` + strings.Repeat("[", 99): "nested deeper",
	} {
		if got, err := pyDict(in); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("pyDict(%.40s) = %v, %v; want an error with %q", in, got, err, why)
		}
	}
}

// pyQuote writes a string as Python's repr does, with every escape that the parser knows.
func pyQuote(s string) string {
	return "'" + strings.NewReplacer("\\", `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + "'"
}

func FuzzPyDict(f *testing.F) {
	for _, seed := range []string{
		`{'topic': 'Art', 'answer_type': "Person's", 'urls': ['https://x', 'https://y?a=1#b']}`,
		`{'a': '\xe9\u010d\U0001f600\101'}`, `{"a": (1, None, {'b': True})}`, `{'a': '\`, "{'\n", `it's`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := pyDict(s); err == nil && d == nil {
			t.Errorf("pyDict(%q): neither a dict nor an error", s)
		}
		if !utf8.ValidString(s) {
			return
		}
		d, err := pyDict("{" + pyQuote(s) + ": [" + pyQuote(s) + ", None]}")
		if err != nil || !reflect.DeepEqual(d, map[string]any{s: []any{s, nil}}) {
			t.Errorf("a quoted %q came back as %v, %v", s, d, err)
		}
	})
}
