package main

import (
	"bytes"
	"testing"
)

// TestJSONForProgramsIsLaidOutAsItsCommandSays: what programs parse, some by lines, stays as it is to the byte.
func TestJSONForProgramsIsLaidOutAsItsCommandSays(t *testing.T) {
	value := map[string]any{"a": "<b> & é", "c": []int{1}}
	for name, c := range map[string]struct {
		form jsonForm
		want string
	}{
		"a line":            {jsonForm{}, `{"a":"\u003cb\u003e \u0026 é","c":[1]}` + "\n"},
		"a verbatim line":   {jsonForm{verbatim: true}, `{"a":"<b> & é","c":[1]}` + "\n"},
		"indented":          {jsonForm{indent: "  "}, "{\n  \"a\": \"\\u003cb\\u003e \\u0026 é\",\n  \"c\": [\n    1\n  ]\n}\n"},
		"indented verbatim": {jsonForm{indent: " ", verbatim: true}, "{\n \"a\": \"<b> & é\",\n \"c\": [\n  1\n ]\n}\n"},
	} {
		var out bytes.Buffer
		if err := printJSONAs(&out, c.form, value, value); err != nil || out.String() != c.want+c.want {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
}

func TestWhatIsNoJSONEndsThePrintingWithItsError(t *testing.T) {
	var out bytes.Buffer
	if err := printJSON[any](&out, 1, func() {}, 2); err == nil || out.String() != "1\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}
